-- When a domain's records are looked at next, and how often they were since its status last changed.
-- 0 is at once: domains from before there was a schedule.

ALTER TABLE domain ADD COLUMN next_check_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE domain ADD COLUMN checks INTEGER NOT NULL DEFAULT 0 CHECK (checks >= 0);
CREATE INDEX domain_by_next_check ON domain (next_check_at);
CREATE INDEX domain_by_status ON domain (account_id, status, created_at, id, api_key_id);
