-- How many domains there are, by what the visibility rule and the plans tell apart: kept by triggers, so that a page can show
-- its total, and a plan its limit, without counting. `api_key_id` is 0 for the domains that are tied to no key.

CREATE TABLE domain_total (
    account_id      INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    subscription_id INTEGER NOT NULL REFERENCES subscription (id) ON DELETE CASCADE,
    api_key_id      INTEGER NOT NULL,
    domains         INTEGER NOT NULL CHECK (domains >= 0),
    PRIMARY KEY (account_id, subscription_id, api_key_id)
) STRICT;
INSERT INTO domain_total (account_id, subscription_id, api_key_id, domains)
    SELECT account_id, subscription_id, coalesce(api_key_id, 0), count(*) FROM domain GROUP BY 1, 2, 3;

CREATE TRIGGER domain_total_more AFTER INSERT ON domain BEGIN
    INSERT INTO domain_total (account_id, subscription_id, api_key_id, domains)
        VALUES (new.account_id, new.subscription_id, coalesce(new.api_key_id, 0), 1)
        ON CONFLICT (account_id, subscription_id, api_key_id) DO UPDATE SET domains = domains + 1;
END;
CREATE TRIGGER domain_total_less AFTER DELETE ON domain BEGIN
    UPDATE domain_total SET domains = domains - 1
        WHERE account_id = old.account_id AND subscription_id = old.subscription_id
            AND api_key_id = coalesce(old.api_key_id, 0);
END;
CREATE TRIGGER domain_total_moved AFTER UPDATE OF account_id, subscription_id, api_key_id ON domain
WHEN new.account_id <> old.account_id OR new.subscription_id <> old.subscription_id
    OR new.api_key_id IS NOT old.api_key_id
BEGIN
    UPDATE domain_total SET domains = domains - 1
        WHERE account_id = old.account_id AND subscription_id = old.subscription_id
            AND api_key_id = coalesce(old.api_key_id, 0);
    INSERT INTO domain_total (account_id, subscription_id, api_key_id, domains)
        VALUES (new.account_id, new.subscription_id, coalesce(new.api_key_id, 0), 1)
        ON CONFLICT (account_id, subscription_id, api_key_id) DO UPDATE SET domains = domains + 1;
END;
