-- What an API key may do, from where, and until when: null is no limit. And the secret that it had before its last rotation.

ALTER TABLE api_key ADD COLUMN expires_at INTEGER;
-- CIDR networks and scopes, with a space between.
ALTER TABLE api_key ADD COLUMN networks TEXT CHECK (length(networks) > 0);
ALTER TABLE api_key ADD COLUMN scopes TEXT CHECK (length(scopes) > 0);
-- Whether of its account's domains only those in api_key_domain are there for it: when they are deleted, none is.
ALTER TABLE api_key ADD COLUMN is_of_domains INTEGER NOT NULL DEFAULT 0 CHECK (is_of_domains IN (0, 1));
ALTER TABLE api_key ADD COLUMN old_hash BLOB CHECK (length(old_hash) = 32);
ALTER TABLE api_key ADD COLUMN old_hash_until INTEGER CHECK ((old_hash IS NULL) = (old_hash_until IS NULL));
CREATE UNIQUE INDEX api_key_by_old_hash ON api_key (old_hash) WHERE old_hash IS NOT NULL;

CREATE TABLE api_key_domain (
    api_key_id INTEGER NOT NULL REFERENCES api_key (id) ON DELETE CASCADE,
    domain_id  INTEGER NOT NULL REFERENCES domain (id) ON DELETE CASCADE,
    PRIMARY KEY (api_key_id, domain_id)
) STRICT;
CREATE INDEX api_key_domain_by_domain ON api_key_domain (domain_id);

-- What a master key has sealed, by the id of that key: which rows a change of the master key has still to seal anew.
CREATE INDEX dkim_key_by_seal ON dkim_key (substr(sealed, 1, 8));
CREATE INDEX spare_key_by_seal ON spare_key (substr(sealed, 1, 8));
CREATE INDEX webhook_key_by_seal ON webhook_key (substr(sealed, 1, 8));
CREATE INDEX route_by_seal ON route (substr(sealed_secret, 1, 8)) WHERE sealed_secret IS NOT NULL;
CREATE INDEX idempotency_by_seal ON idempotency (substr(answer, 1, 8));
