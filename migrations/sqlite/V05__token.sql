-- Sending tokens of a domain. Only the SHA-256 and the last four characters are kept.

CREATE TABLE domain_token (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    domain_id    INTEGER NOT NULL REFERENCES domain (id) ON DELETE CASCADE,
    name         TEXT    CHECK (length(name) BETWEEN 1 AND 255),
    hash         BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    last4        TEXT    NOT NULL CHECK (length(last4) = 4),
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at   INTEGER
) STRICT;
CREATE INDEX domain_token_by_domain ON domain_token (domain_id, id);
