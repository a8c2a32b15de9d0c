//! The migrations of `migrations/sqlite`.

use crate::db::migration::{Migration, step};

/// In their order.
pub(in crate::db) const MIGRATIONS: &[Migration] = &[
    step(1, "account", include_str!("../../../migrations/sqlite/V01__account.sql")),
    step(2, "domain", include_str!("../../../migrations/sqlite/V02__domain.sql")),
    step(3, "dkim", include_str!("../../../migrations/sqlite/V03__dkim.sql")),
    step(4, "record", include_str!("../../../migrations/sqlite/V04__record.sql")),
    step(5, "token", include_str!("../../../migrations/sqlite/V05__token.sql")),
    step(6, "event", include_str!("../../../migrations/sqlite/V06__event.sql")),
    step(7, "user", include_str!("../../../migrations/sqlite/V07__user.sql")),
    step(8, "route", include_str!("../../../migrations/sqlite/V08__route.sql")),
    step(9, "schedule", include_str!("../../../migrations/sqlite/V09__schedule.sql")),
    step(10, "signing_keys", include_str!("../../../migrations/sqlite/V10__signing_keys.sql")),
    step(11, "rotation", include_str!("../../../migrations/sqlite/V11__rotation.sql")),
    step(12, "list", include_str!("../../../migrations/sqlite/V12__list.sql")),
    step(13, "login", include_str!("../../../migrations/sqlite/V13__login.sql")),
    step(14, "inbound", include_str!("../../../migrations/sqlite/V14__inbound.sql")),
    step(15, "report", include_str!("../../../migrations/sqlite/V15__report.sql")),
    step(16, "idempotency", include_str!("../../../migrations/sqlite/V16__idempotency.sql")),
    step(17, "change", include_str!("../../../migrations/sqlite/V17__change.sql")),
    step(18, "loss", include_str!("../../../migrations/sqlite/V18__loss.sql")),
    step(19, "signing", include_str!("../../../migrations/sqlite/V19__signing.sql")),
    step(20, "credential", include_str!("../../../migrations/sqlite/V20__credential.sql")),
    step(21, "recipients", include_str!("../../../migrations/sqlite/V21__recipients.sql")),
    step(22, "ownership", include_str!("../../../migrations/sqlite/V22__ownership.sql")),
    step(23, "covered", include_str!("../../../migrations/sqlite/V23__covered.sql")),
    step(24, "ledger", include_str!("../../../migrations/sqlite/V24__ledger.sql")),
    step(25, "return_path", include_str!("../../../migrations/sqlite/V25__return_path.sql")),
    step(26, "checksum", include_str!("../../../migrations/sqlite/V26__checksum.sql")),
    step(27, "session", include_str!("../../../migrations/sqlite/V27__session.sql")),
    step(28, "total", include_str!("../../../migrations/sqlite/V28__total.sql")),
    step(29, "applied_setting", include_str!("../../../migrations/sqlite/V29__applied_setting.sql")),
    step(30, "setup_link", include_str!("../../../migrations/sqlite/V30__setup_link.sql")),
    step(31, "console", include_str!("../../../migrations/sqlite/V31__console.sql")),
    step(32, "webhook_call", include_str!("../../../migrations/sqlite/V32__webhook_call.sql")),
];
