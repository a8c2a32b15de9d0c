-- Whose a name is: accounts that the operator trusts, and tenants, whose names act when they are proved.

-- 'earlier' is trusted because it was there before there were tenants, until the operator says otherwise.
ALTER TABLE account ADD COLUMN trust TEXT NOT NULL DEFAULT 'earlier' CHECK (trust IN ('none', 'earlier', 'given'));
-- What the values of its challenges are made from.
ALTER TABLE account ADD COLUMN challenge_seed BLOB CHECK (length(challenge_seed) = 32);
UPDATE account SET challenge_seed = randomblob(32);

-- The names of an account that are not proved: how many there are, and which of them lie below a name that it has proved.
CREATE INDEX domain_unproved ON domain (account_id, name) WHERE proved_at IS NULL;

-- An alias is held, proved and lost like a domain. Its account is that of its domain: a transfer removes aliases.
ALTER TABLE alias ADD COLUMN account_id INTEGER REFERENCES account (id) ON DELETE CASCADE;
ALTER TABLE alias ADD COLUMN claimed_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alias ADD COLUMN proved_at INTEGER;
-- Since when its challenge is not in the DNS, while another account has one there.
ALTER TABLE alias ADD COLUMN missed_at INTEGER;
UPDATE alias SET claimed_at = created_at,
    account_id = (SELECT d.account_id FROM domain d WHERE d.id = alias.domain_id);
CREATE INDEX alias_unproved ON alias (account_id, name) WHERE proved_at IS NULL;

-- Claims to names that the account does not hold: another account does, or the name lies below one that another has proved.
-- A domain or an alias that is there is a claim by itself.
CREATE TABLE claim (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id   INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    -- The key that alone saw the domain that was lost, if it was tied to one.
    api_key_id   INTEGER REFERENCES api_key (id) ON DELETE SET NULL,
    name         TEXT    NOT NULL CHECK (name = lower(name) AND length(name) BETWEEN 3 AND 253),
    -- The domain of which the name is to be an alias; null where it is to be a domain.
    of_domain_id INTEGER REFERENCES domain (id) ON DELETE CASCADE,
    claimed_at   INTEGER NOT NULL,
    proved_at    INTEGER,
    lost_at      INTEGER,
    lost_to      TEXT    CHECK (lost_to IN ('proof', 'fresh_proof', 'creation', 'operator')),
    CHECK ((lost_at IS NULL) = (lost_to IS NULL)),
    UNIQUE (account_id, name)
) STRICT;
CREATE INDEX claim_by_domain ON claim (of_domain_id) WHERE of_domain_id IS NOT NULL;
CREATE INDEX claim_by_key ON claim (api_key_id) WHERE api_key_id IS NOT NULL;
CREATE INDEX claim_by_loss ON claim (lost_at) WHERE lost_at IS NOT NULL;

-- Names that a tenant had and never proved: who takes one again goes on from where the claim began.
CREATE TABLE past_claim (
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name       TEXT    NOT NULL,
    claimed_at INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL,
    PRIMARY KEY (account_id, name)
) STRICT;
CREATE INDEX past_claim_by_end ON past_claim (ended_at);

-- Whether its owner brought the key: whoever gets the domain does not sign with it unasked.
ALTER TABLE dkim_key ADD COLUMN imported INTEGER NOT NULL DEFAULT 0 CHECK (imported IN (0, 1));
UPDATE dkim_key SET imported = 1 WHERE EXISTS (
    SELECT 1 FROM event e WHERE e.domain_id = dkim_key.domain_id AND e.action = 'dkim_key.imported'
        AND substr(e.data, -length(' key_id=' || dkim_key.id)) = ' key_id=' || dkim_key.id
);
