-- Messages that somebody reports as misclassified. The octets lie in a table of their own, so that no list reads them.

CREATE TABLE report (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    api_key_id INTEGER REFERENCES api_key (id) ON DELETE SET NULL,
    kind       TEXT    NOT NULL CHECK (kind IN ('false_positive', 'false_negative')),
    -- The recipient's domain, if it was the caller's then: its name, for the report outlives it and stays with its account.
    domain     TEXT,
    -- The envelope as it was told; null is not told, and an empty sender is the null reverse-path.
    helo       TEXT,
    sender     TEXT,
    recipient  TEXT,
    client     TEXT,
    octets     INTEGER NOT NULL CHECK (octets > 0),
    filed_at   INTEGER NOT NULL
) STRICT;
-- It covers the sum of an account's octets.
CREATE INDEX report_by_account ON report (account_id, id, octets);
CREATE INDEX report_by_filing ON report (filed_at);
CREATE INDEX report_by_key ON report (api_key_id) WHERE api_key_id IS NOT NULL;

CREATE TABLE report_message (
    report_id INTEGER PRIMARY KEY REFERENCES report (id) ON DELETE CASCADE,
    octets    BLOB    NOT NULL
) STRICT;
