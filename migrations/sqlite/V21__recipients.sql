-- Which addresses at a domain have a mailbox: each one, or the known recipients alone; and whose mailbox takes the mail for
-- the others. `catch_all` is the local part, so that it goes with the domain when that gets another name.

ALTER TABLE route ADD COLUMN recipients TEXT NOT NULL DEFAULT 'any' CHECK (recipients IN ('any', 'known'));
ALTER TABLE route ADD COLUMN catch_all TEXT CHECK (length(catch_all) BETWEEN 1 AND 255);
