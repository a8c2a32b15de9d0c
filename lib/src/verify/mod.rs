//! Verification: whether a domain's records are in the DNS as they must be, and what to do where they are not.
//!
//! Three steps, so that no transaction is open while the network is asked: [`plan`] reads what is expected,
//! [`Plan::look`] asks the DNS and judges, [`settle`] writes the outcome. [`check`] is the three in a row. [`look`] alone needs no
//! database.
//!
//! - [`judge`](mod@judge): a pure function of what is expected and what was seen to a [`Finding`].
//! - `explain`: the few further look-ups that tell a usual mistake from a mere absence.
//! - `advise`: the one thing to do about each finding, as data, judged before it is shown.
//! - [`decide`]: what a finding does to a status; the state machine.
//! - `proof`: whether what was seen shows that the account owns the name.
//! - `related`: what else must be looked up where a record alone does not decide, such as what an SPF record includes.
//! - [`schedule`]: when which domain is looked at next.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::dns::ScriptedResolver;
//! use postroom::verify::{self, Verdict};
//!
//! // `dns::NetworkResolver` in its place asks the real DNS.
//! let dns = ScriptedResolver::new().mx("example.com", 10, "mx.mail.example.net");
//! let checked = verify::check(&postroom, &caller, id, &dns)?;
//! assert!(checked.iter().any(|each| each.finding.verdict == Verdict::Fail));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod advise;
pub mod decide;
mod explain;
pub mod judge;
mod look;
mod plan;
mod proof;
mod related;
pub mod schedule;
mod settle;
mod wildcard;

use crate::account::Caller;
use crate::db::Postroom;
use crate::dkim::pool;
use crate::dns::Resolver;
use crate::domain;
use crate::error::Error;
use crate::id::DomainId;
use crate::provision;

pub use crate::record::finding::{Act, Action, Code, Finding, Verdict};
pub use crate::record::kind::{
    ChallengeExpectation, CnameExpectation, DelegatedDkimExpectation, DkimExpectation, DmarcExpectation,
    Expectation, MxExpectation, SpfExpectation,
};
pub use look::{Inside, Look, View, look};
pub(crate) use plan::plan_key;
pub use plan::{Plan, plan};
pub(crate) use proof::look_for_challenge;
pub use proof::{ProofBy, Seen};
pub(crate) use settle::follow_keys;
pub use settle::{Checked, mark, settle};

/// [`plan`], [`look`] and [`settle`].
pub fn check(
    postroom: &Postroom,
    caller: &Caller,
    id: DomainId,
    resolver: &dyn Resolver,
) -> Result<Vec<Checked>, Error> {
    let mut planned = postroom.read(|tx| plan(tx, caller, id))?;
    if planned.domain.wants_key {
        pool::write(postroom, |tx| provision::equip(tx, &domain::find(tx, caller, id)?))?;
        planned = postroom.read(|tx| plan(tx, caller, id))?;
    }
    let plan = planned;
    let seen = plan.look(resolver);
    postroom.write(|tx| settle(tx, caller, &plan, &seen))
}
