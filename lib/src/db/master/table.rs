//! The SQL of the names of master keys.

/// The ids of the master keys that have sealed what stands in this database, the newest first.
pub(super) const IDS: &str = "SELECT key_id FROM master_key ORDER BY added_at DESC, key_id";

/// Notes that a master key seals here from now on.
pub(super) const ADD: &str = "INSERT INTO master_key (key_id, added_at)
     VALUES (?1, max(?2, (SELECT coalesce(max(added_at), 0) + 1 FROM master_key)))";

/// Notes that a master key has sealed nothing any more that stands in this database.
pub(super) const DROP: &str = "DELETE FROM master_key WHERE key_id = ?1";

/// Whether this key has sealed a webhook key, as every domain has one.
pub(super) const HAS_SEALED: &str = "SELECT 1 FROM webhook_key WHERE substr(sealed, 1, 8) = ?1 LIMIT 1";
