-- Return paths of forwarded mail: the key that proves that one is ours, and the first senders for which an address has no room.

CREATE TABLE return_path_key (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    sealed BLOB NOT NULL
) STRICT;
CREATE INDEX return_path_key_by_seal ON return_path_key (substr(sealed, 1, 8));

CREATE TABLE return_path (
    id        INTEGER PRIMARY KEY,
    domain_id INTEGER NOT NULL REFERENCES domain (id) ON DELETE CASCADE,
    key       TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 64),
    sender    TEXT NOT NULL CHECK (length(sender) BETWEEN 3 AND 320),
    -- When it was last written down.
    used_at   INTEGER NOT NULL,
    UNIQUE (domain_id, key)
) STRICT;
CREATE INDEX return_path_by_use ON return_path (used_at);
CREATE INDEX return_path_by_domain ON return_path (domain_id, used_at);
