-- What an account may have of keys is counted, and its keys are listed, without those that were revoked; those go with the audit log.
CREATE INDEX api_key_unrevoked ON api_key (account_id, id) WHERE revoked_at IS NULL;
CREATE INDEX api_key_by_revocation ON api_key (revoked_at) WHERE revoked_at IS NOT NULL;
