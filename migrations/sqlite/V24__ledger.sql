-- What each account has piled up, so that its caps are checked without counting; whose turn it is in the queues; and the last
-- known time.

-- One row an account, kept by the triggers below. A kept answer and a report count with what their row and its places in the
-- indexes take.
CREATE TABLE ledger (
    account_id    INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    recipients    INTEGER NOT NULL DEFAULT 0,
    aliases       INTEGER NOT NULL DEFAULT 0,
    -- Those that are not revoked.
    tokens        INTEGER NOT NULL DEFAULT 0,
    answer_octets INTEGER NOT NULL DEFAULT 0,
    report_octets INTEGER NOT NULL DEFAULT 0
) STRICT;

-- How many entries each list has: the safelist or blocklist of an account, a domain or a recipient, within an account.
CREATE TABLE list_size (
    tier       TEXT    NOT NULL CHECK (tier IN ('account', 'domain', 'recipient')),
    owner_id   INTEGER NOT NULL,
    action     TEXT    NOT NULL CHECK (action IN ('safelist', 'blocklist')),
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    entries    INTEGER NOT NULL,
    PRIMARY KEY (tier, owner_id, action)
) STRICT;
CREATE INDEX list_size_by_account ON list_size (account_id, entries);

-- Whose answer it is, beside the key with which it was asked for: the oldest of an account make room for its new ones.
ALTER TABLE idempotency ADD COLUMN account_id INTEGER REFERENCES account (id) ON DELETE CASCADE;
UPDATE idempotency SET account_id = (SELECT account_id FROM api_key WHERE id = idempotency.api_key_id);
CREATE INDEX idempotency_by_account ON idempotency (account_id, id);

-- The live links of an account.
CREATE INDEX login_link_by_account_and_expiry ON login_link (account_id, expires_at);
DROP INDEX login_link_by_account;

-- What is old enough to be deleted.
CREATE INDEX event_by_time ON event (at);
CREATE INDEX domain_token_by_revocation ON domain_token (revoked_at) WHERE revoked_at IS NOT NULL;

-- The next domain of an account to check, or to be given its first key: the accounts take turns.
CREATE INDEX domain_by_account_and_check ON domain (account_id, next_check_at);
CREATE INDEX domain_wanting_key_by_account ON domain (account_id, id) WHERE wants_key = 1;
DROP INDEX domain_wanting_key;

-- The last time that a process knew. Until `held_until`, after a jump of the clock, nothing is deleted for its age.
CREATE TABLE known_time (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    at         INTEGER NOT NULL,
    held_until INTEGER
) STRICT;

-- What is there already.
INSERT INTO ledger (account_id, recipients, aliases, tokens, answer_octets, report_octets)
SELECT a.id,
    (SELECT count(*) FROM domain d JOIN recipient r ON r.domain_id = d.id WHERE d.account_id = a.id),
    (SELECT count(*) FROM domain d JOIN alias x ON x.domain_id = d.id WHERE d.account_id = a.id),
    (SELECT count(*) FROM domain d JOIN domain_token t ON t.domain_id = d.id
     WHERE d.account_id = a.id AND t.revoked_at IS NULL),
    (SELECT coalesce(sum(length(answer) + 512), 0) FROM idempotency WHERE account_id = a.id),
    (SELECT coalesce(sum(octets + 4096), 0) FROM report WHERE account_id = a.id)
FROM account a;
INSERT INTO list_size (tier, owner_id, action, account_id, entries)
SELECT 'account', account_id, action, account_id, count(*) FROM list_entry
WHERE account_id IS NOT NULL GROUP BY account_id, action;
INSERT INTO list_size (tier, owner_id, action, account_id, entries)
SELECT 'domain', e.domain_id, e.action, d.account_id, count(*) FROM list_entry e JOIN domain d ON d.id = e.domain_id
GROUP BY e.domain_id, e.action;
INSERT INTO list_size (tier, owner_id, action, account_id, entries)
SELECT 'recipient', e.recipient_id, e.action, d.account_id, count(*)
FROM list_entry e JOIN recipient r ON r.id = e.recipient_id JOIN domain d ON d.id = r.domain_id
GROUP BY e.recipient_id, e.action;

CREATE TRIGGER ledger_of_account AFTER INSERT ON account BEGIN
    INSERT INTO ledger (account_id) VALUES (NEW.id);
END;

CREATE TRIGGER recipient_counted AFTER INSERT ON recipient BEGIN
    UPDATE ledger SET recipients = recipients + 1
    WHERE account_id = (SELECT account_id FROM domain WHERE id = NEW.domain_id);
END;
CREATE TRIGGER recipient_uncounted AFTER DELETE ON recipient BEGIN
    UPDATE ledger SET recipients = recipients - 1
    WHERE account_id = (SELECT account_id FROM domain WHERE id = OLD.domain_id);
END;

CREATE TRIGGER alias_counted AFTER INSERT ON alias BEGIN
    UPDATE ledger SET aliases = aliases + 1
    WHERE account_id = (SELECT account_id FROM domain WHERE id = NEW.domain_id);
END;
CREATE TRIGGER alias_uncounted AFTER DELETE ON alias BEGIN
    UPDATE ledger SET aliases = aliases - 1
    WHERE account_id = (SELECT account_id FROM domain WHERE id = OLD.domain_id);
END;

CREATE TRIGGER token_counted AFTER INSERT ON domain_token WHEN NEW.revoked_at IS NULL BEGIN
    UPDATE ledger SET tokens = tokens + 1
    WHERE account_id = (SELECT account_id FROM domain WHERE id = NEW.domain_id);
END;
CREATE TRIGGER token_revoked AFTER UPDATE OF revoked_at ON domain_token
WHEN OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL BEGIN
    UPDATE ledger SET tokens = tokens - 1
    WHERE account_id = (SELECT account_id FROM domain WHERE id = NEW.domain_id);
END;
CREATE TRIGGER token_uncounted AFTER DELETE ON domain_token WHEN OLD.revoked_at IS NULL BEGIN
    UPDATE ledger SET tokens = tokens - 1
    WHERE account_id = (SELECT account_id FROM domain WHERE id = OLD.domain_id);
END;

CREATE TRIGGER answer_counted AFTER INSERT ON idempotency BEGIN
    UPDATE ledger SET answer_octets = answer_octets + length(NEW.answer) + 512 WHERE account_id = NEW.account_id;
END;
CREATE TRIGGER answer_recounted AFTER UPDATE OF answer ON idempotency BEGIN
    UPDATE ledger SET answer_octets = answer_octets + length(NEW.answer) - length(OLD.answer)
    WHERE account_id = NEW.account_id;
END;
CREATE TRIGGER answer_uncounted AFTER DELETE ON idempotency BEGIN
    UPDATE ledger SET answer_octets = answer_octets - length(OLD.answer) - 512 WHERE account_id = OLD.account_id;
END;

CREATE TRIGGER report_counted AFTER INSERT ON report BEGIN
    UPDATE ledger SET report_octets = report_octets + NEW.octets + 4096 WHERE account_id = NEW.account_id;
END;
CREATE TRIGGER report_uncounted AFTER DELETE ON report BEGIN
    UPDATE ledger SET report_octets = report_octets - OLD.octets - 4096 WHERE account_id = OLD.account_id;
END;

CREATE TRIGGER list_entry_of_account_counted AFTER INSERT ON list_entry WHEN NEW.account_id IS NOT NULL BEGIN
    INSERT INTO list_size (tier, owner_id, action, account_id, entries)
    VALUES ('account', NEW.account_id, NEW.action, NEW.account_id, 1)
    ON CONFLICT (tier, owner_id, action) DO UPDATE SET entries = entries + 1;
END;
CREATE TRIGGER list_entry_of_domain_counted AFTER INSERT ON list_entry WHEN NEW.domain_id IS NOT NULL BEGIN
    INSERT INTO list_size (tier, owner_id, action, account_id, entries)
    VALUES ('domain', NEW.domain_id, NEW.action, (SELECT account_id FROM domain WHERE id = NEW.domain_id), 1)
    ON CONFLICT (tier, owner_id, action) DO UPDATE SET entries = entries + 1;
END;
CREATE TRIGGER list_entry_of_recipient_counted AFTER INSERT ON list_entry WHEN NEW.recipient_id IS NOT NULL BEGIN
    INSERT INTO list_size (tier, owner_id, action, account_id, entries)
    VALUES ('recipient', NEW.recipient_id, NEW.action,
        (SELECT d.account_id FROM recipient r JOIN domain d ON d.id = r.domain_id WHERE r.id = NEW.recipient_id), 1)
    ON CONFLICT (tier, owner_id, action) DO UPDATE SET entries = entries + 1;
END;
CREATE TRIGGER list_entry_uncounted AFTER DELETE ON list_entry BEGIN
    UPDATE list_size SET entries = entries - 1
    WHERE tier = CASE WHEN OLD.account_id IS NOT NULL THEN 'account' WHEN OLD.domain_id IS NOT NULL THEN 'domain'
                      ELSE 'recipient' END
        AND owner_id = coalesce(OLD.account_id, OLD.domain_id, OLD.recipient_id) AND action = OLD.action;
    DELETE FROM list_size
    WHERE tier = CASE WHEN OLD.account_id IS NOT NULL THEN 'account' WHEN OLD.domain_id IS NOT NULL THEN 'domain'
                      ELSE 'recipient' END
        AND owner_id = coalesce(OLD.account_id, OLD.domain_id, OLD.recipient_id) AND action = OLD.action AND entries = 0;
END;

-- What is counted by its domain's account goes while the domain is still there to say whose it is.
CREATE TRIGGER domain_uncounted BEFORE DELETE ON domain BEGIN
    DELETE FROM recipient WHERE domain_id = OLD.id;
    DELETE FROM alias WHERE domain_id = OLD.id;
    DELETE FROM domain_token WHERE domain_id = OLD.id;
END;
CREATE TRIGGER domain_changes_hands AFTER UPDATE OF account_id ON domain WHEN OLD.account_id <> NEW.account_id BEGIN
    UPDATE ledger SET
        recipients = recipients - (SELECT count(*) FROM recipient WHERE domain_id = NEW.id),
        aliases = aliases - (SELECT count(*) FROM alias WHERE domain_id = NEW.id),
        tokens = tokens - (SELECT count(*) FROM domain_token WHERE domain_id = NEW.id AND revoked_at IS NULL)
    WHERE account_id = OLD.account_id;
    UPDATE ledger SET
        recipients = recipients + (SELECT count(*) FROM recipient WHERE domain_id = NEW.id),
        aliases = aliases + (SELECT count(*) FROM alias WHERE domain_id = NEW.id),
        tokens = tokens + (SELECT count(*) FROM domain_token WHERE domain_id = NEW.id AND revoked_at IS NULL)
    WHERE account_id = NEW.account_id;
    UPDATE list_size SET account_id = NEW.account_id WHERE tier = 'domain' AND owner_id = NEW.id;
    UPDATE list_size SET account_id = NEW.account_id
    WHERE tier = 'recipient' AND owner_id IN (SELECT id FROM recipient WHERE domain_id = NEW.id);
END;
