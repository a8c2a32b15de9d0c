-- What goes with a domain is subtracted from the counts once. A trigger for each of its rows wrote one row of counts again and again, which
-- held up everybody else's writes for minutes: PostgreSQL keeps every version of such a row until the transaction ends.

-- The counts go first, and the rows with the domain, by their foreign keys: the triggers below find no account of theirs any more.
CREATE OR REPLACE FUNCTION domain_uncounted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE ledger SET
        recipients = recipients - (SELECT count(*) FROM recipient WHERE domain_id = OLD.id),
        aliases = aliases - (SELECT count(*) FROM alias WHERE domain_id = OLD.id),
        tokens = tokens - (SELECT count(*) FROM domain_token WHERE domain_id = OLD.id AND revoked_at IS NULL)
    WHERE account_id = OLD.account_id;
    DELETE FROM list_size WHERE tier = 'domain' AND owner_id = OLD.id;
    DELETE FROM list_size WHERE tier = 'recipient' AND owner_id IN (SELECT id FROM recipient WHERE domain_id = OLD.id);
    RETURN OLD;
END $$;
CREATE FUNCTION recipient_lists_uncounted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    DELETE FROM list_size WHERE tier = 'recipient' AND owner_id = OLD.id;
    RETURN OLD;
END $$;
CREATE TRIGGER recipient_lists_uncounted BEFORE DELETE ON recipient
    FOR EACH ROW EXECUTE FUNCTION recipient_lists_uncounted();

-- Many recipients or tokens that go together while their domain stays are subtracted once, too.
DROP TRIGGER recipient_uncounted ON recipient;
CREATE OR REPLACE FUNCTION recipient_uncounted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE ledger l SET recipients = l.recipients - g.number
    FROM (SELECT d.account_id, count(*) AS number FROM gone JOIN domain d ON d.id = gone.domain_id GROUP BY d.account_id) g
    WHERE l.account_id = g.account_id;
    RETURN NULL;
END $$;
CREATE TRIGGER recipient_uncounted AFTER DELETE ON recipient
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION recipient_uncounted();

DROP TRIGGER token_revoked ON domain_token;
CREATE OR REPLACE FUNCTION token_revoked() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE ledger l SET tokens = l.tokens - g.number
    FROM (SELECT d.account_id, count(*) AS number
          FROM before b JOIN changed c ON c.id = b.id JOIN domain d ON d.id = c.domain_id
          WHERE b.revoked_at IS NULL AND c.revoked_at IS NOT NULL GROUP BY d.account_id) g
    WHERE l.account_id = g.account_id;
    RETURN NULL;
END $$;
CREATE TRIGGER token_revoked AFTER UPDATE ON domain_token
    REFERENCING OLD TABLE AS before NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION token_revoked();

DROP TRIGGER token_uncounted ON domain_token;
CREATE OR REPLACE FUNCTION token_uncounted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE ledger l SET tokens = l.tokens - g.number
    FROM (SELECT d.account_id, count(*) AS number FROM gone JOIN domain d ON d.id = gone.domain_id
          WHERE gone.revoked_at IS NULL GROUP BY d.account_id) g
    WHERE l.account_id = g.account_id;
    RETURN NULL;
END $$;
CREATE TRIGGER token_uncounted AFTER DELETE ON domain_token
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION token_uncounted();

-- A key to which no domain is tied any more leaves no total behind.
DELETE FROM domain_total WHERE domains = 0 AND api_key_id <> 0;
DELETE FROM status_total WHERE domains = 0 AND api_key_id <> 0;
CREATE FUNCTION domain_total_none() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    DELETE FROM domain_total
    WHERE account_id = new.account_id AND subscription_id = new.subscription_id AND api_key_id = new.api_key_id;
    RETURN NULL;
END $$;
CREATE TRIGGER domain_total_none AFTER UPDATE OF domains ON domain_total
    FOR EACH ROW WHEN (new.domains = 0 AND new.api_key_id <> 0) EXECUTE FUNCTION domain_total_none();
CREATE FUNCTION status_total_none() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    DELETE FROM status_total
    WHERE account_id = new.account_id AND api_key_id = new.api_key_id AND status = new.status;
    RETURN NULL;
END $$;
CREATE TRIGGER status_total_none AFTER UPDATE OF domains ON status_total
    FOR EACH ROW WHEN (new.domains = 0 AND new.api_key_id <> 0) EXECUTE FUNCTION status_total_none();

-- An account's own rows of one action, and its reports of one domain.
DROP INDEX event_by_action;
CREATE INDEX event_by_action ON event (account_id, action, id);
CREATE INDEX report_by_domain ON report (account_id, domain, id);
CREATE INDEX alias_by_account ON alias (account_id, name);

-- Of what is revoked the newest are kept.
CREATE INDEX domain_token_revoked ON domain_token (domain_id, id) WHERE revoked_at IS NOT NULL;
CREATE INDEX api_key_revoked ON api_key (account_id, id) WHERE revoked_at IS NOT NULL;

-- Since when the challenge of a proved name was not there, while that of another account's claim was; as with an alias.
ALTER TABLE domain ADD COLUMN missed_at BIGINT;
