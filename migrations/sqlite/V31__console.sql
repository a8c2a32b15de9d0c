-- What the console keeps: people with a password, counts of each day, and by which name servers a domain was seen.

-- Somebody who signs in with a password and a one-time code: an administrator of an account, or with no account the operator.
CREATE TABLE administrator (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id   INTEGER REFERENCES account (id) ON DELETE CASCADE,
    name         TEXT    NOT NULL CHECK (name = lower(name) AND length(name) BETWEEN 1 AND 64),
    -- Argon2id in the PHC string format.
    password     TEXT    NOT NULL CHECK (length(password) BETWEEN 1 AND 255),
    -- The key of the one-time codes (RFC 6238), and the last step of which a code was taken: none is taken twice.
    sealed_totp  BLOB    NOT NULL,
    last_step    INTEGER NOT NULL DEFAULT 0,
    -- When the first code was seen; before, nobody signs in.
    confirmed_at INTEGER,
    used_at      INTEGER,
    created_at   INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX administrator_of_account ON administrator (account_id, name) WHERE account_id IS NOT NULL;
CREATE UNIQUE INDEX administrator_operator ON administrator (name) WHERE account_id IS NULL;

-- A code that stands in for a one-time code, once. Only its SHA-256 is kept.
CREATE TABLE recovery_code (
    administrator_id INTEGER NOT NULL REFERENCES administrator (id) ON DELETE CASCADE,
    hash             BLOB    NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (administrator_id, hash)
) STRICT;

-- A session begins with a link or with a password.
CREATE TABLE session_anew (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    role             TEXT    NOT NULL CHECK (role IN ('domain', 'account', 'operator')),
    domain_id        INTEGER REFERENCES domain (id) ON DELETE CASCADE,
    account_id       INTEGER REFERENCES account (id) ON DELETE CASCADE,
    link_id          INTEGER,
    api_key_id       INTEGER REFERENCES api_key (id) ON DELETE CASCADE,
    administrator_id INTEGER REFERENCES administrator (id) ON DELETE CASCADE,
    hash             BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    agent            TEXT    CHECK (length(agent) BETWEEN 1 AND 255),
    address          TEXT    NOT NULL,
    created_at       INTEGER NOT NULL,
    used_at          INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    CHECK ((role = 'domain') = (domain_id IS NOT NULL)),
    CHECK (role = 'operator' OR account_id IS NOT NULL),
    CHECK ((link_id IS NULL) = (administrator_id IS NOT NULL)),
    CHECK (administrator_id IS NULL OR role <> 'domain')
) STRICT;
INSERT INTO session_anew (id, role, domain_id, account_id, link_id, api_key_id, hash, agent, address, created_at, used_at,
                          expires_at)
SELECT id, role, domain_id, account_id, link_id, api_key_id, hash, agent, address, created_at, used_at, expires_at FROM session;
-- No session gets an id that the audit log knows as another's.
DELETE FROM sqlite_sequence WHERE name = 'session_anew';
INSERT INTO sqlite_sequence (name, seq) SELECT 'session_anew', seq FROM sqlite_sequence WHERE name = 'session';
DROP TABLE session;
ALTER TABLE session_anew RENAME TO session;
CREATE INDEX session_by_domain ON session (domain_id) WHERE domain_id IS NOT NULL;
CREATE INDEX session_by_account ON session (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX session_by_key ON session (api_key_id) WHERE api_key_id IS NOT NULL;
CREATE INDEX session_by_administrator ON session (administrator_id) WHERE administrator_id IS NOT NULL;
CREATE INDEX session_by_expiry ON session (expires_at);

-- How much happened within an account on each day (of UTC, counted from 1970-01-01).
CREATE TABLE day_count (
    account_id     INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    day            INTEGER NOT NULL,
    checks         INTEGER NOT NULL DEFAULT 0 CHECK (checks >= 0),
    became_active  INTEGER NOT NULL DEFAULT 0 CHECK (became_active >= 0),
    became_pending INTEGER NOT NULL DEFAULT 0 CHECK (became_pending >= 0),
    became_failed  INTEGER NOT NULL DEFAULT 0 CHECK (became_failed >= 0),
    PRIMARY KEY (account_id, day)
) STRICT;

-- The name servers of the domain's zone, as the last check that asked them had them: names with a space between them.
ALTER TABLE domain ADD COLUMN name_servers TEXT;

-- The console's list of domains is filtered by problem.
CREATE INDEX record_by_problem ON record (problem_code, domain_id) WHERE problem_code IS NOT NULL;

-- How many domains have each status, by what the visibility rule tells apart: kept by triggers, as `domain_total` is, so that the
-- overview shows them without counting. `api_key_id` is 0 for the domains that are tied to no key.
CREATE TABLE status_total (
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    api_key_id INTEGER NOT NULL,
    status     TEXT    NOT NULL,
    domains    INTEGER NOT NULL CHECK (domains >= 0),
    PRIMARY KEY (account_id, api_key_id, status)
) STRICT;
INSERT INTO status_total (account_id, api_key_id, status, domains)
    SELECT account_id, coalesce(api_key_id, 0), status, count(*) FROM domain GROUP BY 1, 2, 3;

CREATE TRIGGER status_total_more AFTER INSERT ON domain BEGIN
    INSERT INTO status_total (account_id, api_key_id, status, domains)
        VALUES (new.account_id, coalesce(new.api_key_id, 0), new.status, 1)
        ON CONFLICT (account_id, api_key_id, status) DO UPDATE SET domains = domains + 1;
END;
CREATE TRIGGER status_total_less AFTER DELETE ON domain BEGIN
    UPDATE status_total SET domains = domains - 1
        WHERE account_id = old.account_id AND api_key_id = coalesce(old.api_key_id, 0) AND status = old.status;
END;
CREATE TRIGGER status_total_moved AFTER UPDATE OF account_id, api_key_id, status ON domain
WHEN new.account_id <> old.account_id OR new.api_key_id IS NOT old.api_key_id OR new.status <> old.status
BEGIN
    UPDATE status_total SET domains = domains - 1
        WHERE account_id = old.account_id AND api_key_id = coalesce(old.api_key_id, 0) AND status = old.status;
    INSERT INTO status_total (account_id, api_key_id, status, domains)
        VALUES (new.account_id, coalesce(new.api_key_id, 0), new.status, 1)
        ON CONFLICT (account_id, api_key_id, status) DO UPDATE SET domains = domains + 1;
END;
