-- A key whose selector was changed while it signed goes on signing under the name that is published, until the record
-- is seen at the new one.
ALTER TABLE dkim_key ADD COLUMN published_as TEXT;

-- A domain is active only while a key signs for it, unless the operator has left its DKIM record out. Earlier versions
-- called some domains active for which nothing signs.
UPDATE domain SET status = 'pending'
WHERE status = 'active'
  AND NOT EXISTS (SELECT 1 FROM dkim_key k
                  WHERE k.domain_id = coalesce(domain.authority_id, domain.id) AND k.activated_at IS NOT NULL)
  AND NOT EXISTS (SELECT 1 FROM record r
                  WHERE r.status = 'disabled' AND r.dkim_key_id =
                      (SELECT max(k.id) FROM dkim_key k WHERE k.domain_id = coalesce(domain.authority_id, domain.id)));
