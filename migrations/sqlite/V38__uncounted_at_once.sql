-- What goes with a domain is subtracted from the counts once. A trigger for each of its rows wrote one row of counts again and again, which
-- held up everybody else's writes: on SQLite for seconds, and on PostgreSQL for minutes.

-- The counts go first, and the rows with the domain, by their foreign keys: the triggers below find no account of theirs any more.
DROP TRIGGER domain_uncounted;
CREATE TRIGGER domain_uncounted BEFORE DELETE ON domain BEGIN
    UPDATE ledger SET
        recipients = recipients - (SELECT count(*) FROM recipient WHERE domain_id = OLD.id),
        aliases = aliases - (SELECT count(*) FROM alias WHERE domain_id = OLD.id),
        tokens = tokens - (SELECT count(*) FROM domain_token WHERE domain_id = OLD.id AND revoked_at IS NULL)
    WHERE account_id = OLD.account_id;
    DELETE FROM list_size WHERE tier = 'domain' AND owner_id = OLD.id;
    DELETE FROM list_size WHERE tier = 'recipient' AND owner_id IN (SELECT id FROM recipient WHERE domain_id = OLD.id);
END;
CREATE TRIGGER recipient_lists_uncounted BEFORE DELETE ON recipient BEGIN
    DELETE FROM list_size WHERE tier = 'recipient' AND owner_id = OLD.id;
END;

-- A key to which no domain is tied any more leaves no total behind.
DELETE FROM domain_total WHERE domains = 0 AND api_key_id <> 0;
DELETE FROM status_total WHERE domains = 0 AND api_key_id <> 0;
CREATE TRIGGER domain_total_none AFTER UPDATE OF domains ON domain_total WHEN new.domains = 0 AND new.api_key_id <> 0 BEGIN
    DELETE FROM domain_total
        WHERE account_id = new.account_id AND subscription_id = new.subscription_id AND api_key_id = new.api_key_id;
END;
CREATE TRIGGER status_total_none AFTER UPDATE OF domains ON status_total WHEN new.domains = 0 AND new.api_key_id <> 0 BEGIN
    DELETE FROM status_total WHERE account_id = new.account_id AND api_key_id = new.api_key_id AND status = new.status;
END;

-- An account's own rows of one action, and its reports of one domain.
DROP INDEX event_by_action;
CREATE INDEX event_by_action ON event (account_id, action, id);
CREATE INDEX report_by_domain ON report (account_id, domain, id);
CREATE INDEX alias_by_account ON alias (account_id, name);

-- Of what is revoked the newest are kept.
CREATE INDEX domain_token_revoked ON domain_token (domain_id, id) WHERE revoked_at IS NOT NULL;
CREATE INDEX api_key_revoked ON api_key (account_id, id) WHERE revoked_at IS NOT NULL;

-- Since when the challenge of a proved name was not there, while that of another account's claim was; as with an alias.
ALTER TABLE domain ADD COLUMN missed_at INTEGER;
