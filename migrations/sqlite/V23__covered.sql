-- Names of an account that lie below one that it has proved: they are covered by that, and do not count toward the limit of
-- unproved names.

ALTER TABLE domain ADD COLUMN covered INTEGER NOT NULL DEFAULT 0 CHECK (covered IN (0, 1));
ALTER TABLE alias ADD COLUMN covered INTEGER NOT NULL DEFAULT 0 CHECK (covered IN (0, 1));
DROP INDEX domain_unproved;
DROP INDEX alias_unproved;
CREATE INDEX domain_unproved ON domain (account_id, covered, name) WHERE proved_at IS NULL;
CREATE INDEX alias_unproved ON alias (account_id, covered, name) WHERE proved_at IS NULL;
