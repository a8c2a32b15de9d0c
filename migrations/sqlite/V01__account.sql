-- Who calls: accounts (tenants), their API keys, their subscriptions.

CREATE TABLE account (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT    NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 255),
    created_at INTEGER NOT NULL
) STRICT;

-- Of a key only its SHA-256 and its last four characters are kept. A revoked key keeps its row for the audit log.
CREATE TABLE api_key (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id   INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    hash         BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    last4        TEXT    NOT NULL CHECK (length(last4) = 4),
    description  TEXT    CHECK (length(description) BETWEEN 1 AND 255),
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at   INTEGER
) STRICT;
CREATE INDEX api_key_by_account ON api_key (account_id, id);

-- A NULL limit is no limit.
CREATE TABLE subscription (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id     INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    handle         TEXT    NOT NULL CHECK (length(handle) BETWEEN 1 AND 255),
    max_domains    INTEGER CHECK (max_domains >= 0),
    max_recipients INTEGER CHECK (max_recipients >= 0),
    created_at     INTEGER NOT NULL,
    UNIQUE (account_id, handle)
) STRICT;
