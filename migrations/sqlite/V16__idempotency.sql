-- Answers to requests that carried an Idempotency-Key, kept for a day, for whoever repeats the request.

CREATE TABLE idempotency (
    id         INTEGER PRIMARY KEY,
    api_key_id INTEGER NOT NULL REFERENCES api_key (id) ON DELETE CASCADE,
    -- SHA-256 of the client's key and of the method and path that it was sent to.
    name       BLOB    NOT NULL CHECK (length(name) = 32),
    -- SHA-256 of what else was asked: another content under the same key is refused.
    content    BLOB    NOT NULL CHECK (length(content) = 32),
    -- Sealed, for an answer can hold a secret that is shown once.
    answer     BLOB    NOT NULL,
    expires_at INTEGER NOT NULL,
    UNIQUE (api_key_id, name)
) STRICT;
CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);
