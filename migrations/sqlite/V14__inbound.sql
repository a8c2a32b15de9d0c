-- How mail that comes in for a domain is filtered and where it goes then, who may administer it, and which other names
-- lead to it. What is null was not said.

CREATE TABLE filtering (
    domain_id         INTEGER PRIMARY KEY REFERENCES domain (id) ON DELETE CASCADE,
    abuse_policy      TEXT    CHECK (abuse_policy IN ('block', 'flag', 'quarantine')),
    policy_overrides  INTEGER CHECK (policy_overrides IN (0, 1)),
    spam_header_name  TEXT    CHECK (length(spam_header_name) BETWEEN 1 AND 255),
    spam_header_value TEXT    CHECK (length(spam_header_value) BETWEEN 1 AND 998)
) STRICT;

CREATE TABLE domain_admin (
    id        INTEGER PRIMARY KEY,
    domain_id INTEGER NOT NULL REFERENCES domain (id) ON DELETE CASCADE,
    address   TEXT    NOT NULL,
    UNIQUE (domain_id, address)
) STRICT;

CREATE TABLE downstream_address (
    id        INTEGER PRIMARY KEY,
    domain_id INTEGER NOT NULL REFERENCES domain (id) ON DELETE CASCADE,
    priority  INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 65535),
    weight    INTEGER NOT NULL CHECK (weight BETWEEN 0 AND 65535),
    port      INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),
    target    TEXT    NOT NULL CHECK (length(target) BETWEEN 1 AND 255)
) STRICT;
CREATE INDEX downstream_address_by_domain ON downstream_address (domain_id, id);

-- No domain has the name of an alias: that is for the code to see to, for it is over two tables.
CREATE TABLE alias (
    id         INTEGER PRIMARY KEY,
    domain_id  INTEGER NOT NULL REFERENCES domain (id) ON DELETE CASCADE,
    name       TEXT    NOT NULL UNIQUE CHECK (name = lower(name) AND length(name) BETWEEN 3 AND 253),
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX alias_by_domain ON alias (domain_id, id);

-- A domain that is still to be given its first DKIM key: making one takes longer than making a thousand such domains.
ALTER TABLE domain ADD COLUMN wants_key INTEGER NOT NULL DEFAULT 0 CHECK (wants_key IN (0, 1));
CREATE INDEX domain_wanting_key ON domain (id) WHERE wants_key = 1;
