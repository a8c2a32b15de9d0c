-- Passkeys: administrators sign in with one, and need no password then.

-- Somebody without a password has no key of one-time codes either. SQLite cannot take a NOT NULL away, so both columns are made anew.
ALTER TABLE administrator ADD COLUMN password_or_none TEXT CHECK (length(password_or_none) BETWEEN 1 AND 255);
ALTER TABLE administrator ADD COLUMN totp_or_none BLOB;
UPDATE administrator SET password_or_none = password, totp_or_none = sealed_totp;
ALTER TABLE administrator DROP COLUMN password;
ALTER TABLE administrator DROP COLUMN sealed_totp;
ALTER TABLE administrator RENAME COLUMN password_or_none TO password;
ALTER TABLE administrator RENAME COLUMN totp_or_none TO sealed_totp;

-- When the first code was seen; before, the password lets nobody in. Somebody is confirmed by that, or by a first passkey.
ALTER TABLE administrator ADD COLUMN password_at INTEGER;
UPDATE administrator SET password_at = confirmed_at;
-- By what authenticators know somebody: random, so that it says nothing of them.
ALTER TABLE administrator ADD COLUMN user_handle BLOB CHECK (length(user_handle) = 32);
-- When the challenge was made by which the newest passkey was added: none is taken twice.
ALTER TABLE administrator ADD COLUMN last_challenge INTEGER NOT NULL DEFAULT 0;

CREATE TABLE passkey (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    administrator_id INTEGER NOT NULL REFERENCES administrator (id) ON DELETE CASCADE,
    name             TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    -- The id by which its authenticator knows it, and its public key in the form of COSE (RFC 9052).
    credential       BLOB    NOT NULL UNIQUE CHECK (length(credential) BETWEEN 1 AND 1023),
    public_key       BLOB    NOT NULL,
    -- How many signatures its authenticator had made; 0 from one that does not count.
    sign_count       INTEGER NOT NULL CHECK (sign_count BETWEEN 0 AND 4294967295),
    -- Whether its owner may have it on several devices.
    may_be_copied    INTEGER NOT NULL CHECK (may_be_copied IN (0, 1)),
    -- When the challenge was made by which it was last used: none is taken twice.
    last_challenge   INTEGER NOT NULL DEFAULT 0,
    used_at          INTEGER,
    created_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX passkey_by_administrator ON passkey (administrator_id);

-- Whether an administrator's session began with a passkey.
ALTER TABLE session ADD COLUMN by_passkey INTEGER NOT NULL DEFAULT 0 CHECK (by_passkey IN (0, 1));
