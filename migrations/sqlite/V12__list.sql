-- Recipients of a domain, and the safelists and blocklists of accounts, domains and recipients.

-- `local` is what stands before the @, as it is compared: in lower case. `shown` is the same as it was given.
CREATE TABLE recipient (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    domain_id   INTEGER NOT NULL REFERENCES domain (id) ON DELETE CASCADE,
    local       TEXT    NOT NULL CHECK (length(local) BETWEEN 1 AND 255),
    shown       TEXT    NOT NULL CHECK (length(shown) BETWEEN 1 AND 255),
    is_filtered INTEGER NOT NULL CHECK (is_filtered IN (0, 1)),
    is_admin    INTEGER NOT NULL CHECK (is_admin IN (0, 1)),
    created_at  INTEGER NOT NULL,
    UNIQUE (domain_id, local)
) STRICT;
-- Counts what a subscription protects.
CREATE INDEX recipient_by_filter ON recipient (domain_id) WHERE is_filtered = 1;

-- An entry hangs on one of three. `item` is what is compared, in the form that `lib/src/list/item.rs` gives it; `shown` is
-- what was given.
CREATE TABLE list_entry (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id   INTEGER REFERENCES account (id) ON DELETE CASCADE,
    domain_id    INTEGER REFERENCES domain (id) ON DELETE CASCADE,
    recipient_id INTEGER REFERENCES recipient (id) ON DELETE CASCADE,
    action       TEXT    NOT NULL CHECK (action IN ('safelist', 'blocklist')),
    type         TEXT    NOT NULL CHECK (type IN ('email_address', 'domain', 'ip_address')),
    item         TEXT    NOT NULL CHECK (length(item) BETWEEN 1 AND 1000),
    shown        TEXT    NOT NULL CHECK (length(shown) BETWEEN 1 AND 1000),
    created_at   INTEGER NOT NULL,
    CHECK ((account_id IS NOT NULL) + (domain_id IS NOT NULL) + (recipient_id IS NOT NULL) = 1)
) STRICT;
-- Each answers a verdict, and keeps an entry from being there twice.
CREATE UNIQUE INDEX list_entry_of_account ON list_entry (account_id, item, action) WHERE account_id IS NOT NULL;
CREATE UNIQUE INDEX list_entry_of_domain ON list_entry (domain_id, item, action) WHERE domain_id IS NOT NULL;
CREATE UNIQUE INDEX list_entry_of_recipient ON list_entry (recipient_id, item, action) WHERE recipient_id IS NOT NULL;
-- A list in the order it was made.
CREATE INDEX list_entry_by_account ON list_entry (account_id, action, id) WHERE account_id IS NOT NULL;
CREATE INDEX list_entry_by_domain ON list_entry (domain_id, action, id) WHERE domain_id IS NOT NULL;
CREATE INDEX list_entry_by_recipient ON list_entry (recipient_id, action, id) WHERE recipient_id IS NOT NULL;

-- How many entries are blocks of addresses of each length: which prefixes of an address a verdict must look for.
CREATE TABLE list_block_length (
    account_id   INTEGER REFERENCES account (id) ON DELETE CASCADE,
    domain_id    INTEGER REFERENCES domain (id) ON DELETE CASCADE,
    recipient_id INTEGER REFERENCES recipient (id) ON DELETE CASCADE,
    family       INTEGER NOT NULL CHECK (family IN (4, 6)),
    length       INTEGER NOT NULL CHECK (length BETWEEN 0 AND 127),
    entries      INTEGER NOT NULL CHECK (entries >= 0),
    CHECK ((account_id IS NOT NULL) + (domain_id IS NOT NULL) + (recipient_id IS NOT NULL) = 1)
) STRICT;
CREATE UNIQUE INDEX list_block_length_of_account ON list_block_length (account_id, family, length)
    WHERE account_id IS NOT NULL;
CREATE UNIQUE INDEX list_block_length_of_domain ON list_block_length (domain_id, family, length)
    WHERE domain_id IS NOT NULL;
CREATE UNIQUE INDEX list_block_length_of_recipient ON list_block_length (recipient_id, family, length)
    WHERE recipient_id IS NOT NULL;
