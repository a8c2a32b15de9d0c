-- How long a record is known to have failed, and when it was last checked if that failed for certain.
-- Of a record that failed before there were these columns nothing is known yet.

ALTER TABLE record ADD COLUMN failing_for INTEGER NOT NULL DEFAULT 0 CHECK (failing_for >= 0);
ALTER TABLE record ADD COLUMN failed_at INTEGER;
