-- When a check first saw the key's record right: a key that was switched off since is told apart from one whose record nobody has published.
ALTER TABLE dkim_key ADD COLUMN seen_at INTEGER;
UPDATE dkim_key SET seen_at = coalesce(activated_at, retired_at, created_at)
    WHERE activated_at IS NOT NULL OR retired_at IS NOT NULL OR EXISTS (
        SELECT 1 FROM record r WHERE r.dkim_key_id = dkim_key.id AND r.pinned = 0 AND r.status IN ('verified', 'failed'));
