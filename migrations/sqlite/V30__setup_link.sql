-- Set-up links: what an account sends to whoever enters a domain's records. A link opens one page, any number of times, until it
-- expires or is revoked. Only the SHA-256 of the secret and its last four characters are kept.

CREATE TABLE setup_link (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    domain_id  INTEGER NOT NULL REFERENCES domain (id) ON DELETE CASCADE,
    -- Within which account it was made, and with which key; whoever was signed in has none.
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    api_key_id INTEGER REFERENCES api_key (id) ON DELETE CASCADE,
    hash       BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    last4      TEXT    NOT NULL CHECK (length(last4) = 4),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    -- When somebody last had the DNS asked by it.
    looked_at  INTEGER
) STRICT;
CREATE INDEX setup_link_by_domain ON setup_link (domain_id);
CREATE INDEX setup_link_by_account ON setup_link (account_id);
CREATE INDEX setup_link_by_key ON setup_link (api_key_id) WHERE api_key_id IS NOT NULL;
CREATE INDEX setup_link_by_expiry ON setup_link (expires_at);
