//! The SQL of ownership: what is proved, what is lost, and the claims of those who do not hold the name.

use std::collections::HashSet;

use super::{Loss, ProvedAbove};
use crate::account::Caller;
use crate::clock::Timestamp;
use crate::db::{ReadTx, Row, WriteTx, moment, named};
use crate::domain::Details;
use crate::domain::table::{THOSE, those};
use crate::domain::visibility::{Scope, visible};
use crate::error::Error;
use crate::id::{AccountId, ApiKeyId, DomainId};
use crate::name::DomainName;

/// Those of these names that are domains whose accounts have proved them by themselves.
pub(super) fn proved(tx: &ReadTx<'_>, names: &[&str]) -> Result<Vec<(DomainName, ProvedAbove)>, Error> {
    tx.all(
        "SELECT d.name, d.account_id, d.id FROM json_each(:names) n JOIN domain d ON d.name = n.value
         WHERE d.proved_at IS NOT NULL",
        named! { ":names": json(names) },
        |row| {
            let proved =
                ProvedAbove { account: AccountId::new(row.get(1)?), domain: DomainId::new(row.get(2)?) };
            Ok((DomainName::stored(row.get(0)?), proved))
        },
    )
}

/// Those of these names that are aliases which other accounts than this one have proved.
pub(super) fn proved_aliases(
    tx: &ReadTx<'_>,
    account: AccountId,
    names: &[&str],
) -> Result<HashSet<DomainName>, Error> {
    let found = tx.all(
        "SELECT v.name FROM json_each(:names) n JOIN alias v ON v.name = n.value
         WHERE v.proved_at IS NOT NULL AND v.account_id != :account",
        named! { ":names": json(names), ":account": account.number() },
        |row| row.get(0).map(DomainName::stored),
    )?;
    Ok(found.into_iter().collect())
}

/// Names as a list in JSON. They have letters, digits, dots and hyphens only, so that each is a JSON string as it is.
fn json(names: &[&str]) -> String {
    if names.is_empty() { "[]".to_owned() } else { format!("[\"{}\"]", names.join("\",\"")) }
}

pub(super) fn challenge_seed(tx: &ReadTx<'_>, account: AccountId) -> Result<Option<Vec<u8>>, Error> {
    let sql = "SELECT challenge_seed FROM account WHERE id = ?1 AND challenge_seed IS NOT NULL";
    tx.one(sql, [account.number()], |row| row.get(0))
}

/// What has names that an account must prove.
#[derive(Clone, Copy)]
pub(super) enum Names {
    Domains,
    Aliases,
}

/// A name that is not proved by itself.
pub(super) struct Unproved {
    pub(super) account: AccountId,
    pub(super) name: DomainName,
    /// Whether it was last known to lie below a name that its account has proved.
    pub(super) covered: bool,
}

fn unproved(row: &Row<'_>) -> Result<Unproved, Error> {
    Ok(Unproved {
        account: AccountId::new(row.get("account_id")?),
        name: DomainName::stored(row.get("name")?),
        covered: row.get("covered")?,
    })
}

/// The aliases of an account whose names end so and that are not proved by themselves.
pub(super) fn unproved_aliases(
    tx: &ReadTx<'_>,
    account: AccountId,
    end: &str,
) -> Result<Vec<Unproved>, Error> {
    tx.all(
        "SELECT account_id, name, covered FROM alias
         WHERE account_id = :account AND covered IN (0, 1) AND proved_at IS NULL
             AND substr(name, length(name) - length(:end) + 1) = :end",
        named! { ":account": account.number(), ":end": end },
        unproved,
    )
}

/// The first domains of an account whose names end so and that are not proved by themselves.
pub(super) fn unproved_below(
    tx: &ReadTx<'_>,
    account: AccountId,
    end: &str,
    limit: usize,
) -> Result<Vec<(DomainId, Unproved)>, Error> {
    tx.all(
        "SELECT id, account_id, name, covered FROM domain
         WHERE account_id = :account AND covered IN (0, 1) AND proved_at IS NULL
             AND substr(name, length(name) - length(:end) + 1) = :end
         ORDER BY id LIMIT :limit",
        named! {
            ":account": account.number(), ":end": end, ":limit": i64::try_from(limit).unwrap_or(i64::MAX),
        },
        |row| Ok((DomainId::new(row.get("id")?), unproved(row)?)),
    )
}

/// Those of these domains that are not proved by themselves.
pub(super) fn unproved_of(tx: &ReadTx<'_>, domains: &[DomainId]) -> Result<Vec<Unproved>, Error> {
    let sql =
        format!("SELECT account_id, name, covered FROM domain WHERE id IN ({THOSE}) AND proved_at IS NULL");
    tx.all(&sql, named! { ":ids": those(domains) }, unproved)
}

/// Notes whether these names lie below one that their account has proved.
pub(super) fn set_covered(
    tx: &WriteTx<'_>,
    names: Names,
    those: &[&str],
    covered: bool,
) -> Result<(), Error> {
    if those.is_empty() {
        return Ok(());
    }
    let sql = match names {
        Names::Domains => {
            "UPDATE domain SET covered = :covered WHERE name IN (SELECT value FROM json_each(:names))"
        }
        Names::Aliases => {
            "UPDATE alias SET covered = :covered WHERE name IN (SELECT value FROM json_each(:names))"
        }
    };
    tx.run(sql, named! { ":names": json(those), ":covered": covered })?;
    Ok(())
}

/// The domains of an account below this name whose status may rest on who has proved it: those that are not proved by
/// themselves, and are active or lack none of the records that each domain needs.
pub(crate) fn resting_below(
    tx: &ReadTx<'_>,
    account: AccountId,
    name: &DomainName,
) -> Result<Vec<DomainId>, Error> {
    tx.all(
        "SELECT d.id FROM domain d WHERE d.account_id = :account AND d.covered IN (0, 1) AND d.proved_at IS NULL
             AND substr(d.name, length(d.name) - length(:below) + 1) = :below
             AND (d.status = 'active' OR NOT EXISTS (
                 SELECT 1 FROM record r WHERE r.domain_id = d.id AND r.purpose IN ('mx', 'spf', 'dmarc')
                     AND r.status NOT IN ('verified', 'disabled')))
         ORDER BY d.id",
        named! { ":account": account.number(), ":below": format!(".{name}").as_str() },
        |row| row.get(0).map(DomainId::new),
    )
}

/// Domains of the account below this name that are not proved by themselves, and that the caller may not see: a thousand at most.
pub(super) fn hidden_below(
    tx: &ReadTx<'_>,
    caller: &Caller,
    name: &DomainName,
) -> Result<Vec<DomainName>, Error> {
    let below = format!(".{name}");
    tx.all(
        &hidden_below_sql(caller),
        Scope::of(caller).with(&[(":below", &below.as_str())]).as_slice(),
        |row| row.get(0).map(DomainName::stored),
    )
}

fn hidden_below_sql(caller: &Caller) -> String {
    let visible = visible(caller);
    format!(
        "SELECT d.name FROM domain d WHERE d.account_id = :account AND d.covered IN (0, 1) AND d.proved_at IS NULL
             AND substr(d.name, length(d.name) - length(:below) + 1) = :below AND ({visible}) IS NOT TRUE LIMIT 1000"
    )
}

/// The next domains of an account after one that are not proved by themselves.
pub(crate) fn unproved_after(
    tx: &ReadTx<'_>,
    account: AccountId,
    after: DomainId,
    limit: u32,
) -> Result<Vec<DomainId>, Error> {
    tx.all(
        "SELECT id FROM domain WHERE account_id = :account AND proved_at IS NULL AND id > :after
         ORDER BY id LIMIT :limit",
        named! { ":account": account.number(), ":after": after.number(), ":limit": limit },
        |row| row.get(0).map(DomainId::new),
    )
}

/// How many names an account has, or claims, that nothing proves, besides a claim to this name and besides this domain; it is not
/// counted beyond `most`.
pub(super) fn count_unproved(
    tx: &ReadTx<'_>,
    account: AccountId,
    besides: Option<&DomainName>,
    besides_domain: Option<DomainId>,
    most: u32,
) -> Result<u64, Error> {
    let count = tx.one(
        "SELECT count(*) FROM (
             SELECT 1 FROM domain WHERE account_id = :account AND covered = 0 AND proved_at IS NULL
                 AND id IS DISTINCT FROM :domain
             UNION ALL SELECT 1 FROM alias WHERE account_id = :account AND covered = 0 AND proved_at IS NULL
             UNION ALL SELECT 1 FROM claim WHERE account_id = :account AND lost_at IS NULL AND name IS DISTINCT FROM :name
             LIMIT :most) unproved",
        named! {
            ":account": account.number(), ":name": besides.map(DomainName::as_str),
            ":domain": besides_domain.map(DomainId::number), ":most": most,
        },
        |row| row.get::<_, i64>(0),
    )?;
    Ok(count.unwrap_or(0).unsigned_abs())
}

/// Whether so many ended claims of an account are remembered.
pub(super) fn are_past(tx: &ReadTx<'_>, account: AccountId, most: u32) -> Result<bool, Error> {
    let count = tx.one(
        "SELECT count(*) FROM (SELECT 1 FROM past_claim WHERE account_id = :account LIMIT :most) past",
        named! { ":account": account.number(), ":most": most },
        |row| row.get::<_, u32>(0),
    )?;
    Ok(count.is_some_and(|count| count >= most))
}

/// When a claim began that ended, and is remembered.
pub(super) fn past(
    tx: &ReadTx<'_>,
    account: AccountId,
    name: &DomainName,
) -> Result<Option<Timestamp>, Error> {
    tx.one(
        "SELECT claimed_at FROM past_claim WHERE account_id = :account AND name = :name",
        named! { ":account": account.number(), ":name": name.as_str() },
        |row| moment(row, "claimed_at"),
    )
}

/// Remembers a claim that ended no longer.
pub(super) fn forget_past(tx: &WriteTx<'_>, account: AccountId, name: &DomainName) -> Result<(), Error> {
    tx.put(
        "DELETE FROM past_claim WHERE account_id = :account AND name = :name",
        named! { ":account": account.number(), ":name": name.as_str() },
    )
}

pub(super) fn remember(tx: &WriteTx<'_>, domain: DomainId) -> Result<(), Error> {
    tx.run(
        "INSERT INTO past_claim (account_id, name, claimed_at, ended_at)
         SELECT account_id, name, claimed_at, CAST(:now AS BIGINT) FROM domain WHERE id = :domain AND proved_at IS NULL
         UNION ALL
         SELECT account_id, name, claimed_at, CAST(:now AS BIGINT) FROM alias WHERE domain_id = :domain AND proved_at IS NULL
         ON CONFLICT (account_id, name) DO UPDATE SET ended_at = excluded.ended_at",
        named! { ":domain": domain.number(), ":now": tx.now().millis() },
    )?;
    Ok(())
}

pub(super) fn remember_alias(tx: &WriteTx<'_>, domain: DomainId, alias: &DomainName) -> Result<(), Error> {
    tx.run(
        "INSERT INTO past_claim (account_id, name, claimed_at, ended_at)
         SELECT account_id, name, claimed_at, CAST(:now AS BIGINT) FROM alias
         WHERE domain_id = :domain AND name = :name AND proved_at IS NULL
         ON CONFLICT (account_id, name) DO UPDATE SET ended_at = excluded.ended_at",
        named! { ":domain": domain.number(), ":name": alias.as_str(), ":now": tx.now().millis() },
    )?;
    Ok(())
}

/// Forgets claims that ended, and claims that were lost, before these moments: at most so many of each.
pub(crate) fn forget_old(
    tx: &WriteTx<'_>,
    ended_before: Timestamp,
    lost_before: Timestamp,
    limit: u32,
) -> Result<usize, Error> {
    let ended = tx.run(
        "DELETE FROM past_claim WHERE (account_id, name) IN
             (SELECT account_id, name FROM past_claim WHERE ended_at < :then ORDER BY ended_at LIMIT :limit)",
        named! { ":then": ended_before.millis(), ":limit": limit },
    )?;
    let lost = tx.run(
        "DELETE FROM claim WHERE id IN (SELECT id FROM claim WHERE lost_at < :then ORDER BY lost_at LIMIT :limit)",
        named! { ":then": lost_before.millis(), ":limit": limit },
    )?;
    Ok(ended.max(lost))
}

/// Notes a claim that contends, from now on; one that was lost begins anew.
pub(crate) fn contend(
    tx: &WriteTx<'_>,
    account: AccountId,
    name: &DomainName,
    of: Option<&Details>,
) -> Result<(), Error> {
    forget_claim(tx, account, name)?;
    tx.run(
        "INSERT INTO claim (account_id, api_key_id, name, of_domain_id, claimed_at)
         VALUES (:account, :key, :name, :of, :now)",
        named! {
            ":account": account.number(), ":name": name.as_str(), ":now": tx.now().millis(),
            ":of": of.map(|of| of.id.number()),
            ":key": of.and_then(|of| of.tied_to).map(ApiKeyId::number),
        },
    )?;
    Ok(())
}

/// What is left of a domain, or of an alias of one, when its account has lost the name.
pub(crate) struct Lost<'a> {
    pub(crate) account: AccountId,
    pub(crate) name: &'a DomainName,
    /// The domain of which it was an alias.
    pub(crate) of: Option<DomainId>,
    pub(crate) tied_to: Option<ApiKeyId>,
    pub(crate) claimed_at: Timestamp,
    pub(crate) loss: Loss,
}

pub(crate) fn note_loss(tx: &WriteTx<'_>, lost: &Lost<'_>) -> Result<(), Error> {
    forget_claim(tx, lost.account, lost.name)?;
    tx.run(
        "INSERT INTO claim (account_id, api_key_id, name, of_domain_id, claimed_at, lost_at, lost_to)
         VALUES (:account, :key, :name, :of, :claimed, :now, :loss)",
        named! {
            ":account": lost.account.number(), ":key": lost.tied_to.map(ApiKeyId::number),
            ":name": lost.name.as_str(), ":of": lost.of.map(DomainId::number),
            ":claimed": lost.claimed_at.millis(), ":now": tx.now().millis(), ":loss": lost.loss.as_str(),
        },
    )?;
    Ok(())
}

/// A claim of an account that does not hold the name.
pub(super) struct Claim {
    pub(super) since: Timestamp,
    /// Whether it contends for the name, and is not one that was lost.
    pub(super) contends: bool,
}

pub(super) fn claim(tx: &ReadTx<'_>, account: AccountId, name: &DomainName) -> Result<Option<Claim>, Error> {
    tx.one(
        "SELECT claimed_at, lost_at IS NULL AS contends FROM claim WHERE account_id = :account AND name = :name",
        named! { ":account": account.number(), ":name": name.as_str() },
        |row| Ok(Claim { since: moment(row, "claimed_at")?, contends: row.get("contends")? }),
    )
}

/// Forgets the account's claim to a name, if there is one.
pub(crate) fn forget_claim(tx: &WriteTx<'_>, account: AccountId, name: &DomainName) -> Result<(), Error> {
    tx.run(
        "DELETE FROM claim WHERE account_id = :account AND name = :name",
        named! { ":account": account.number(), ":name": name.as_str() },
    )?;
    Ok(())
}

/// Forgets the claims to names that were to be aliases of this domain, which goes to another account.
pub(crate) fn forget_claims_of(tx: &WriteTx<'_>, domain: DomainId) -> Result<(), Error> {
    tx.run("DELETE FROM claim WHERE of_domain_id = ?1", [domain.number()])?;
    Ok(())
}

/// Takes an alias away from its domain.
pub(crate) fn delete_alias(tx: &WriteTx<'_>, alias: &DomainName) -> Result<(), Error> {
    tx.run("DELETE FROM alias WHERE name = ?1", [alias.as_str()])?;
    Ok(())
}

/// The challenge of this alias was seen.
pub(crate) fn prove_alias(tx: &WriteTx<'_>, alias: &DomainName) -> Result<(), Error> {
    tx.run(
        "UPDATE alias SET proved_at = coalesce(proved_at, :now), missed_at = NULL WHERE name = :name",
        named! { ":name": alias.as_str(), ":now": tx.now().millis() },
    )?;
    Ok(())
}

/// The challenge of a claim that contends was seen.
pub(crate) fn prove_claim(tx: &WriteTx<'_>, account: AccountId, name: &DomainName) -> Result<(), Error> {
    tx.run(
        "UPDATE claim SET proved_at = coalesce(proved_at, :now) WHERE account_id = :account AND name = :name",
        named! { ":account": account.number(), ":name": name.as_str(), ":now": tx.now().millis() },
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Postroom;
    use crate::domain::visibility::{assert_scans_nothing, callers};

    #[test]
    fn what_a_domain_proves_is_found_among_its_own_accounts_unproved_ones() {
        let postroom = Postroom::open_temporary().unwrap();
        for (who, caller) in callers() {
            let scope = Scope::of(&caller);
            let params = scope.with(&[(":below", &".example.com")]);
            assert_scans_nothing(&postroom, who, &hidden_below_sql(&caller), &params);
        }
    }
}
