-- The rotation of a domain's DKIM key: the one under way, if one is, and how often one begins by itself.

CREATE TABLE rotation (
    domain_id   INTEGER PRIMARY KEY REFERENCES domain (id) ON DELETE CASCADE,
    -- The new key, which waits for its record, and the one in whose place it will sign.
    key_id      INTEGER UNIQUE REFERENCES dkim_key (id) ON DELETE SET NULL,
    replaces_id INTEGER REFERENCES dkim_key (id) ON DELETE SET NULL,
    started_at  INTEGER,
    -- Milliseconds from one automatic rotation to the next, and when that is.
    every       INTEGER CHECK (every > 0),
    next_at     INTEGER,
    CHECK ((every IS NULL) = (next_at IS NULL))
) STRICT;
CREATE INDEX rotation_under_way ON rotation (key_id, domain_id, started_at) WHERE key_id IS NOT NULL;
CREATE INDEX rotation_by_next ON rotation (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX rotation_by_replaced ON rotation (replaces_id) WHERE replaces_id IS NOT NULL;
