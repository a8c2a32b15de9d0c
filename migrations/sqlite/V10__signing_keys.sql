-- Keys of other algorithms than RSA. `sealed` is PKCS#1 DER of RSA keys, the 32-octet seed of Ed25519 keys (RFC 8032);
-- `public_key` is DER SubjectPublicKeyInfo, or the 32 octets of RFC 8463 section 4.2.
ALTER TABLE dkim_key ADD COLUMN signs_by TEXT NOT NULL DEFAULT 'rsa' CHECK (signs_by IN ('rsa', 'ed25519'));
ALTER TABLE dkim_key DROP COLUMN algorithm;
ALTER TABLE dkim_key RENAME COLUMN signs_by TO algorithm;
-- Whether it begins to sign by itself when its record is first seen right: a domain's first key, and one that signed until its
-- domain was renamed. Until now a domain had its first key alone.
ALTER TABLE dkim_key ADD COLUMN starts_itself INTEGER NOT NULL DEFAULT 0 CHECK (starts_itself IN (0, 1));
UPDATE dkim_key SET starts_itself = 1 WHERE activated_at IS NULL;
-- The name in a zone of the operator's that has the key's record, where its domain publishes but a CNAME to it.
ALTER TABLE dkim_key ADD COLUMN delegated_to TEXT CHECK (delegated_to = lower(delegated_to));
-- Since when another key signs in its place; and since when nobody needs its record any more.
ALTER TABLE dkim_key ADD COLUMN retired_at INTEGER CHECK (retired_at IS NULL OR activated_at IS NULL);
ALTER TABLE dkim_key ADD COLUMN released_at INTEGER CHECK (released_at IS NULL OR retired_at IS NOT NULL);
CREATE INDEX dkim_key_by_retirement ON dkim_key (retired_at) WHERE retired_at IS NOT NULL AND released_at IS NULL;
CREATE INDEX dkim_key_by_delegation ON dkim_key (delegated_to) WHERE delegated_to IS NOT NULL;

-- The domain whose keys sign for this one, where it is another: its authority.
ALTER TABLE domain ADD COLUMN authority_id INTEGER REFERENCES domain (id);
CREATE INDEX domain_by_authority ON domain (authority_id) WHERE authority_id IS NOT NULL;
