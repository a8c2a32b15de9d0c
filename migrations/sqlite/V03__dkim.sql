-- DKIM key pairs. `public_key` is DER SubjectPublicKeyInfo, `sealed` the PKCS#1 DER under the master key.

CREATE TABLE dkim_key (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    domain_id    INTEGER NOT NULL REFERENCES domain (id) ON DELETE CASCADE,
    selector     TEXT    NOT NULL CHECK (selector = lower(selector) AND length(selector) BETWEEN 1 AND 253),
    algorithm    TEXT    NOT NULL CHECK (algorithm IN ('rsa')),
    bits         INTEGER NOT NULL,
    public_key   BLOB    NOT NULL,
    sealed       BLOB    NOT NULL,
    created_at   INTEGER NOT NULL,
    activated_at INTEGER,
    UNIQUE (domain_id, selector)
) STRICT;

-- Key pairs made ahead, for making one takes a tenth of a second and more. Taking one deletes its row.
CREATE TABLE spare_key (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    algorithm  TEXT    NOT NULL CHECK (algorithm IN ('rsa')),
    bits       INTEGER NOT NULL,
    public_key BLOB    NOT NULL,
    sealed     BLOB    NOT NULL
) STRICT;
