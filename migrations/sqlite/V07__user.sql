-- Opaque tags of the caller's own: whose end user's a domain is, and of which group. A domain without one belongs to the account alone.

ALTER TABLE domain ADD COLUMN user_id TEXT CHECK (length(user_id) BETWEEN 1 AND 255);
ALTER TABLE domain ADD COLUMN organization_id TEXT CHECK (length(organization_id) BETWEEN 1 AND 255);
-- Covers a user's list in its one order.
CREATE INDEX domain_by_user ON domain (account_id, user_id, created_at, id, api_key_id) WHERE user_id IS NOT NULL;
