-- What happens to a domain's incoming mail. A domain without a row stores it. `sealed_secret` is the webhook's secret
-- under the master key.

CREATE TABLE route (
    domain_id     INTEGER PRIMARY KEY REFERENCES domain (id) ON DELETE CASCADE,
    mode          TEXT    NOT NULL CHECK (mode IN ('store', 'webhook', 'webhook_then_store', 'forward_email')),
    webhook_url   TEXT,
    sealed_secret BLOB,
    forward_to    TEXT,
    CHECK (mode NOT IN ('webhook', 'webhook_then_store') OR webhook_url IS NOT NULL),
    CHECK (mode != 'forward_email' OR forward_to IS NOT NULL)
) STRICT;
