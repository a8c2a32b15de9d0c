-- Since when an account has a domain: mail that came before is another one's. `claimed_at` may be older, for it goes on counting from a claim
-- that the account had before.
ALTER TABLE domain ADD COLUMN held_since BIGINT NOT NULL DEFAULT 0;
UPDATE domain SET held_since = CASE WHEN claimed_at > created_at THEN claimed_at ELSE created_at END;
