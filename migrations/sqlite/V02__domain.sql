-- Mail domains. A name is unique over all accounts; api_key_id ties a domain to one key of its account.

CREATE TABLE domain (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id      INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    subscription_id INTEGER NOT NULL REFERENCES subscription (id),
    api_key_id      INTEGER REFERENCES api_key (id) ON DELETE SET NULL,
    name            TEXT    NOT NULL UNIQUE CHECK (name = lower(name) AND length(name) BETWEEN 3 AND 253),
    label           TEXT    CHECK (length(label) BETWEEN 1 AND 255),
    status          TEXT    NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'active', 'failed')),
    -- The first time its DKIM record was seen right in the DNS: proof of ownership against another account's claim.
    proved_at       INTEGER,
    -- Since when this account holds this name: from here an unproved claim expires.
    claimed_at      INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT;
-- One index an order of listing, each covering the visibility rule, so that skipping reads no rows.
CREATE INDEX domain_by_created ON domain (account_id, created_at, id, api_key_id);
CREATE INDEX domain_by_id ON domain (account_id, id, api_key_id);
CREATE INDEX domain_by_label ON domain (account_id, (label IS NULL), label, id, api_key_id);
CREATE INDEX domain_by_label_down ON domain (account_id, (label IS NULL), label DESC, id DESC, api_key_id);
CREATE INDEX domain_by_subscription ON domain (subscription_id);
CREATE INDEX domain_by_key ON domain (api_key_id) WHERE api_key_id IS NOT NULL;

-- The Ed25519 key pair that signs a domain's webhooks. `sealed` is the 32-byte seed under the master key.
CREATE TABLE webhook_key (
    domain_id  INTEGER PRIMARY KEY REFERENCES domain (id) ON DELETE CASCADE,
    public_key BLOB    NOT NULL CHECK (length(public_key) = 32),
    sealed     BLOB    NOT NULL
) STRICT;
