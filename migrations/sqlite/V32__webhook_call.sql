-- What became of each delivery that was posted to a webhook: one small row, and never the message.
CREATE TABLE webhook_call (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    domain_id  INTEGER NOT NULL REFERENCES domain (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    -- The id of the delivery, the recipient as the client gave it, and its mailbox.
    delivery   TEXT    NOT NULL CHECK (length(delivery) BETWEEN 1 AND 64),
    recipient  TEXT    NOT NULL,
    mailbox    TEXT    NOT NULL,
    -- Whether the message is kept in the mailbox as well.
    is_kept    INTEGER NOT NULL CHECK (is_kept IN (0, 1)),
    -- How the last call ended: the status of the answer, or why there was none; whether that is from 200 to 299.
    is_taken   INTEGER NOT NULL CHECK (is_taken IN (0, 1)),
    status     INTEGER CHECK (status BETWEEN 100 AND 999),
    reason     TEXT,
    millis     INTEGER NOT NULL CHECK (millis >= 0),
    attempts   INTEGER NOT NULL CHECK (attempts > 0),
    first_at   INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    CHECK ((status IS NULL) = (reason IS NOT NULL)),
    UNIQUE (domain_id, delivery)
) STRICT;
CREATE INDEX webhook_call_by_domain ON webhook_call (domain_id, last_at, id);
CREATE INDEX webhook_call_failed ON webhook_call (domain_id, last_at, id) WHERE is_taken = 0;
CREATE INDEX webhook_call_by_account ON webhook_call (account_id, last_at, id);
CREATE INDEX webhook_call_by_age ON webhook_call (last_at);
