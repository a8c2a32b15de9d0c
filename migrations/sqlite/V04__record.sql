-- The DNS records that a domain's owner must publish, and what was last seen of each.
-- What a DKIM record must say follows from its key; for the others it is kept as it was asked of the owner.

CREATE TABLE record (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    domain_id      INTEGER NOT NULL REFERENCES domain (id) ON DELETE CASCADE,
    purpose        TEXT    NOT NULL CHECK (purpose IN ('mx', 'spf', 'dmarc', 'dkim', 'return_path')),
    dkim_key_id    INTEGER REFERENCES dkim_key (id) ON DELETE CASCADE,
    host           TEXT,
    value          TEXT,
    priority       INTEGER CHECK (priority BETWEEN 0 AND 65535),
    status         TEXT    NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'verified', 'failed', 'disabled')),
    pinned         INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),
    -- The last check: when, what was seen, and what was wrong.
    checked_at     INTEGER,
    observed       TEXT,
    problem_code   TEXT,
    problem_text   TEXT,
    -- Definitive failures in a row since the record was last seen right, and the first of them.
    failures       INTEGER NOT NULL DEFAULT 0,
    failing_since  INTEGER,
    CHECK ((purpose = 'dkim') = (dkim_key_id IS NOT NULL)),
    CHECK ((purpose = 'dkim') = (host IS NULL)),
    CHECK ((purpose = 'dkim') = (value IS NULL)),
    CHECK ((problem_code IS NULL) = (problem_text IS NULL))
) STRICT;
CREATE INDEX record_by_domain ON record (domain_id, id);
CREATE INDEX record_by_key ON record (dkim_key_id) WHERE dkim_key_id IS NOT NULL;
