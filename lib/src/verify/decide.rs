//! Deciding: what a finding does to a record's status, and what the records' statuses make of their domain.
//!
//! A status never changes for a hiccup: what is temporary changes nothing, and what was verified is lost only
//! when it was definitively wrong several times over days.

use crate::clock::Timestamp;
use crate::record::{RecordStatus, Standing};
use crate::settings::LossPolicy;

use super::Verdict;

pub use crate::signing::status_after as domain;

/// How a record stands after a check at `now` found `verdict`.
pub fn record(was: &Standing, verdict: Verdict, now: Timestamp, loss: LossPolicy) -> Standing {
    let failing = |status| {
        let since = was.failing_since.unwrap_or(now);
        Standing {
            status,
            pinned: false,
            failures: was.failures.saturating_add(1),
            failing_since: Some(since),
        }
    };
    let is_final = |standing: &Standing| {
        standing.failures >= loss.failures
            && standing.failing_since.is_some_and(|since| now.since(since) >= loss.span)
    };
    match (was.status, verdict) {
        _ if was.pinned => was.clone(),
        (RecordStatus::Disabled, _) | (_, Verdict::Temporary) => was.clone(),
        (_, Verdict::Pass | Verdict::Warn) => {
            Standing { status: RecordStatus::Verified, pinned: false, failures: 0, failing_since: None }
        }
        (RecordStatus::Pending, Verdict::Fail) => failing(RecordStatus::Pending),
        (RecordStatus::Failed, Verdict::Fail) => failing(RecordStatus::Failed),
        (RecordStatus::Verified, Verdict::Fail) => match failing(RecordStatus::Verified) {
            failing if is_final(&failing) => Standing { status: RecordStatus::Failed, ..failing },
            failing => failing,
        },
    }
}

/// How a record stands after the operator's word: pinned so, or, at `Pending`, looked at again.
pub fn mark(word: RecordStatus) -> Standing {
    Standing { status: word, pinned: word != RecordStatus::Pending, failures: 0, failing_since: None }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use proptest::prelude::*;

    const LOSS: LossPolicy = LossPolicy { failures: 3, span: Duration::from_hours(72) };

    fn pending() -> Standing {
        Standing { status: RecordStatus::Pending, pinned: false, failures: 0, failing_since: None }
    }

    fn verdicts() -> impl Strategy<Value = Verdict> {
        prop_oneof![Just(Verdict::Pass), Just(Verdict::Warn), Just(Verdict::Fail), Just(Verdict::Temporary)]
    }

    fn run(steps: &[(Verdict, u64)]) -> Vec<(Verdict, Timestamp, Standing)> {
        let (mut now, mut standing) = (Timestamp::from_millis(0), pending());
        steps
            .iter()
            .map(|&(verdict, hours)| {
                now = now + Duration::from_hours(hours);
                standing = record(&standing, verdict, now, LOSS);
                (verdict, now, standing.clone())
            })
            .collect()
    }

    #[test]
    fn a_verified_record_is_lost_by_the_third_failure_when_72_hours_have_passed() {
        let after = |steps: &[(Verdict, u64)]| run(steps).last().unwrap().2.status;
        let (pass, fail, temporary) = (Verdict::Pass, Verdict::Fail, Verdict::Temporary);
        assert_eq!(after(&[(pass, 0), (fail, 1), (fail, 71), (fail, 1)]), RecordStatus::Failed);
        assert_eq!(
            after(&[(pass, 0), (fail, 1), (fail, 1), (fail, 1), (fail, 1)]),
            RecordStatus::Verified,
            "too soon"
        );
        assert_eq!(after(&[(pass, 0), (fail, 1), (fail, 200)]), RecordStatus::Verified, "too few");
        assert_eq!(after(&[(pass, 0), (fail, 1), (temporary, 50), (fail, 50)]), RecordStatus::Verified);
        assert_eq!(after(&[(pass, 0), (fail, 1), (fail, 50), (pass, 1), (fail, 50)]), RecordStatus::Verified);
        assert_eq!(
            after(&[(pass, 0), (fail, 1), (fail, 50), (fail, 50), (pass, 1)]),
            RecordStatus::Verified,
            "recovers"
        );
    }

    proptest! {
        #[test]
        fn no_order_of_checks_verifies_without_a_pass(steps in prop::collection::vec((verdicts(), 0_u64..100), 0..40)) {
            let mut passed = false;
            for (verdict, _, standing) in run(&steps) {
                passed |= verdict.passes();
                prop_assert!(passed || standing.status == RecordStatus::Pending);
                if verdict.passes() { prop_assert_eq!(standing.status, RecordStatus::Verified); }
            }
        }

        #[test]
        fn a_loss_follows_enough_failures_over_enough_time_and_nothing_else(
            steps in prop::collection::vec((verdicts(), 0_u64..60), 0..40)
        ) {
            let mut was = RecordStatus::Pending;
            let (mut failures, mut since) = (0, None);
            for (verdict, now, standing) in run(&steps) {
                match verdict {
                    Verdict::Fail => { failures += 1; since = since.or(Some(now)); }
                    Verdict::Pass | Verdict::Warn => { failures = 0; since = None; }
                    Verdict::Temporary => prop_assert_eq!(standing.status, was),
                }
                if was == RecordStatus::Verified && standing.status == RecordStatus::Failed {
                    prop_assert!(failures >= 3);
                    prop_assert!(now.since(since.unwrap()) >= LOSS.span);
                }
                was = standing.status;
            }
        }

        #[test]
        fn a_pinned_record_never_moves(verdict in verdicts()) {
            let pinned = Standing { status: RecordStatus::Failed, pinned: true, failures: 0, failing_since: None };
            prop_assert_eq!(record(&pinned, verdict, Timestamp::from_millis(9), LOSS), pinned);
        }
    }

    #[test]
    fn a_domain_is_active_with_all_required_records_and_fails_by_a_loss_alone() {
        use crate::domain::DomainStatus as D;
        use RecordStatus::{Disabled, Failed, Pending, Verified};
        for (was, required, want) in [
            (D::Pending, &[Verified, Verified][..], D::Active),
            (D::Pending, &[Verified, Pending], D::Pending),
            (D::Pending, &[Verified, Disabled], D::Active),
            (D::Pending, &[Disabled], D::Pending),
            (D::Pending, &[], D::Pending),
            (D::Pending, &[Failed, Verified], D::Pending),
            (D::Active, &[Failed, Verified], D::Failed),
            (D::Active, &[Pending, Verified], D::Pending),
            (D::Failed, &[Verified, Pending], D::Pending),
            (D::Failed, &[Failed, Pending], D::Failed),
            (D::Failed, &[Verified, Verified], D::Active),
        ] {
            assert_eq!(domain(was, required), want, "{was} {required:?}");
        }
    }
}
