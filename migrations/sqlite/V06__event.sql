-- The audit log: written in the transaction of the change it records, and never changed.
-- No foreign keys: a row outlives what it tells of.

CREATE TABLE event (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    account_id INTEGER,
    actor      TEXT    NOT NULL,
    action     TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    detail     TEXT
) STRICT;
CREATE INDEX event_by_account ON event (account_id, id);

-- The master keys that seal secrets in this database, by id: a check value, not the key.
CREATE TABLE master_key (
    key_id   BLOB PRIMARY KEY CHECK (length(key_id) = 8),
    added_at INTEGER NOT NULL
) STRICT;
