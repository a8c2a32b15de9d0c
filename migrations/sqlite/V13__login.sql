-- Login links. A row is one that was not used yet: using it deletes it, and the audit log remembers. Only the SHA-256 of the
-- secret and its last four characters are kept.

CREATE TABLE login_link (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    domain_id  INTEGER NOT NULL REFERENCES domain (id) ON DELETE CASCADE,
    -- Within which account it was made, and with which key; the operator has none.
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    api_key_id INTEGER REFERENCES api_key (id) ON DELETE CASCADE,
    hash       BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    last4      TEXT    NOT NULL CHECK (length(last4) = 4),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX login_link_by_domain ON login_link (domain_id);
CREATE INDEX login_link_by_account ON login_link (account_id);
CREATE INDEX login_link_by_key ON login_link (api_key_id) WHERE api_key_id IS NOT NULL;
CREATE INDEX login_link_by_expiry ON login_link (expires_at);
