-- A checksum over what is published: a damaged row is refused, and never shown. One that is null is not made yet; the server
-- makes it when it has found the row to be what was sealed.

ALTER TABLE domain ADD COLUMN checksum BLOB CHECK (length(checksum) = 8);
ALTER TABLE dkim_key ADD COLUMN checksum BLOB CHECK (length(checksum) = 8);
ALTER TABLE webhook_key ADD COLUMN checksum BLOB CHECK (length(checksum) = 8);
ALTER TABLE record ADD COLUMN checksum BLOB CHECK (length(checksum) = 8);

CREATE INDEX domain_without_checksum ON domain (id) WHERE checksum IS NULL;
CREATE INDEX dkim_key_without_checksum ON dkim_key (id) WHERE checksum IS NULL;
CREATE INDEX webhook_key_without_checksum ON webhook_key (domain_id) WHERE checksum IS NULL;
CREATE INDEX record_without_checksum ON record (id) WHERE checksum IS NULL;
