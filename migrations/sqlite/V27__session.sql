-- Sessions in the console, and login links that lead to more than one domain.
--
-- A link leads to a domain (domain_id), to an account (account_id alone), or to all accounts (neither): the operator's.

CREATE TABLE login_link_anew (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    domain_id  INTEGER REFERENCES domain (id) ON DELETE CASCADE,
    -- Within which account it was made, and with which key; the operator has none.
    account_id INTEGER REFERENCES account (id) ON DELETE CASCADE,
    api_key_id INTEGER REFERENCES api_key (id) ON DELETE CASCADE,
    hash       BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    last4      TEXT    NOT NULL CHECK (length(last4) = 4),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    CHECK (account_id IS NOT NULL OR (domain_id IS NULL AND api_key_id IS NULL)),
    CHECK (domain_id IS NOT NULL OR api_key_id IS NULL)
) STRICT;
INSERT INTO login_link_anew (id, domain_id, account_id, api_key_id, hash, last4, created_at, expires_at)
SELECT id, domain_id, account_id, api_key_id, hash, last4, created_at, expires_at FROM login_link;
-- No link gets an id that the audit log knows as another's.
DELETE FROM sqlite_sequence WHERE name = 'login_link_anew';
INSERT INTO sqlite_sequence (name, seq) SELECT 'login_link_anew', seq FROM sqlite_sequence WHERE name = 'login_link';
DROP TABLE login_link;
ALTER TABLE login_link_anew RENAME TO login_link;
CREATE INDEX login_link_by_domain ON login_link (domain_id);
CREATE INDEX login_link_by_account_and_expiry ON login_link (account_id, expires_at);
CREATE INDEX login_link_by_key ON login_link (api_key_id) WHERE api_key_id IS NOT NULL;
CREATE INDEX login_link_by_expiry ON login_link (expires_at);

-- A row is a session that can go on. Only the SHA-256 of its secret is kept.
CREATE TABLE session (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    role       TEXT    NOT NULL CHECK (role IN ('domain', 'account', 'operator')),
    -- The domain of its administrator; the account, which for the operator is the one that was last opened.
    domain_id  INTEGER REFERENCES domain (id) ON DELETE CASCADE,
    account_id INTEGER REFERENCES account (id) ON DELETE CASCADE,
    -- The link by which the person came, and the key that made the link: the session ends with that key.
    link_id    INTEGER NOT NULL,
    api_key_id INTEGER REFERENCES api_key (id) ON DELETE CASCADE,
    hash       BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    -- What people recognise it by: the browser, and the address.
    agent      TEXT    CHECK (length(agent) BETWEEN 1 AND 255),
    address    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    CHECK ((role = 'domain') = (domain_id IS NOT NULL)),
    CHECK (role = 'operator' OR account_id IS NOT NULL)
) STRICT;
CREATE INDEX session_by_domain ON session (domain_id) WHERE domain_id IS NOT NULL;
CREATE INDEX session_by_account ON session (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX session_by_key ON session (api_key_id) WHERE api_key_id IS NOT NULL;
CREATE INDEX session_by_expiry ON session (expires_at);

-- The console's list of domains: sorted by name, and searched within the account alone.
CREATE INDEX domain_by_name ON domain (account_id, name, id, api_key_id, status, label, created_at);
