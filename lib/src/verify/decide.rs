//! Deciding: what a finding does to a record's status, and what the records' statuses make of their domain.
//!
//! A status never changes for a hiccup: what is temporary changes nothing, and what was verified is lost only
//! when it was definitively wrong several times over days. Of these days only the time counts in which it was known to be
//! wrong: between two checks in a row that both found it so. What lies beside a temporary finding does not count, and of
//! a long time without any check only a part.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::record::{RecordStatus, Standing};
use crate::settings::LossPolicy;

use super::Verdict;

pub use crate::signing::status_after as domain;

/// How a record stands after a check at `now` found `verdict`.
pub fn record(was: &Standing, verdict: Verdict, now: Timestamp, loss: LossPolicy) -> Standing {
    match (was.status, verdict) {
        _ if was.pinned => was.clone(),
        (RecordStatus::Disabled, _) => was.clone(),
        (_, Verdict::Temporary) => Standing { failed_at: None, ..was.clone() },
        (_, Verdict::Pass | Verdict::Warn) => Standing::new(RecordStatus::Verified),
        (RecordStatus::Pending | RecordStatus::Failed, Verdict::Fail) => failing(was, now, loss),
        (RecordStatus::Verified, Verdict::Fail) => {
            let failing = failing(was, now, loss);
            let is_final = failing.failures >= loss.failures && failing.failing_for >= loss.span;
            Standing {
                status: if is_final { RecordStatus::Failed } else { RecordStatus::Verified },
                ..failing
            }
        }
    }
}

/// One more definitive failure, the status aside.
fn failing(was: &Standing, now: Timestamp, loss: LossPolicy) -> Standing {
    // What was found at the last check, and again now, was so in between. How long that can be said for follows from the
    // policy: its fewest checks, evenly spread, must be enough. In a longer time nobody looked.
    let most = loss.span / loss.failures.saturating_sub(1).max(1);
    let known = was.failed_at.map_or(Duration::ZERO, |last| now.since(last).min(most));
    Standing {
        status: was.status,
        pinned: false,
        failures: was.failures.saturating_add(1),
        failing_since: Some(was.failing_since.unwrap_or(now)),
        failing_for: was.failing_for.saturating_add(known),
        failed_at: Some(now),
    }
}

/// How a record stands after the operator's word: pinned so, or, at `Pending`, looked at again.
pub fn mark(word: RecordStatus) -> Standing {
    Standing { pinned: word != RecordStatus::Pending, ..Standing::new(word) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use proptest::prelude::*;

    const LOSS: LossPolicy = LossPolicy { failures: 3, span: Duration::from_hours(72) };

    fn pending() -> Standing {
        Standing::new(RecordStatus::Pending)
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
    fn a_verified_record_is_lost_when_it_was_known_to_fail_for_72_hours_in_three_checks_or_more() {
        let after = |steps: &[(Verdict, u64)]| run(steps).last().unwrap().2.status;
        let (pass, fail, temporary) = (Verdict::Pass, Verdict::Fail, Verdict::Temporary);
        for (what, steps, want) in [
            (
                "as few checks as can be",
                vec![(pass, 0), (fail, 1), (fail, 36), (fail, 36)],
                RecordStatus::Failed,
            ),
            ("daily", vec![(pass, 0), (fail, 1), (fail, 24), (fail, 24), (fail, 24)], RecordStatus::Failed),
            (
                "an hour short",
                vec![(pass, 0), (fail, 1), (fail, 24), (fail, 24), (fail, 23)],
                RecordStatus::Verified,
            ),
            ("too soon", vec![(pass, 0), (fail, 1), (fail, 1), (fail, 1), (fail, 1)], RecordStatus::Verified),
            ("too few", vec![(pass, 0), (fail, 1), (fail, 200)], RecordStatus::Verified),
            (
                "nobody looked for days",
                vec![(pass, 0), (fail, 1), (fail, 71), (fail, 1)],
                RecordStatus::Verified,
            ),
            (
                "nor between others",
                vec![(pass, 0), (fail, 1), (fail, 200), (fail, 35)],
                RecordStatus::Verified,
            ),
            ("one hiccup", vec![(pass, 0), (fail, 1), (temporary, 50), (fail, 50)], RecordStatus::Verified),
            (
                "hiccups beside failures",
                vec![(pass, 0), (fail, 1), (temporary, 1), (fail, 71), (fail, 1), (fail, 1)],
                RecordStatus::Verified,
            ),
            (
                "back between",
                vec![(pass, 0), (fail, 1), (fail, 24), (pass, 1), (fail, 24), (fail, 24)],
                RecordStatus::Verified,
            ),
            (
                "recovers",
                vec![(pass, 0), (fail, 1), (fail, 24), (fail, 24), (fail, 24), (pass, 1)],
                RecordStatus::Verified,
            ),
        ] {
            assert_eq!(after(&steps), want, "{what}");
        }
        let hourly = |hours: usize| [vec![(pass, 0), (fail, 1)], vec![(fail, 1); hours]].concat();
        assert_eq!(after(&hourly(71)), RecordStatus::Verified);
        assert_eq!(after(&hourly(72)), RecordStatus::Failed);
        // Each hour beside one of which nothing is known is left out, and the others count.
        let mut steps = hourly(72);
        steps[40].0 = temporary;
        assert_eq!(after(&steps), RecordStatus::Verified);
        steps.extend([(fail, 1), (fail, 1)]);
        assert_eq!(after(&steps), RecordStatus::Failed);
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
        fn a_loss_follows_enough_failures_over_enough_known_time_and_nothing_else(
            steps in prop::collection::vec((verdicts(), 0_u64..60), 0..40)
        ) {
            let mut was = RecordStatus::Pending;
            let (mut failures, mut since) = (0, None);
            // The time between each two checks in a row that both failed, 36 hours of each at most.
            let (mut known, mut last) = (0, None);
            for ((verdict, now, standing), (_, hours)) in run(&steps).into_iter().zip(&steps) {
                match verdict {
                    Verdict::Fail => {
                        failures += 1;
                        since = since.or(Some(now));
                        known += if last == Some(Verdict::Fail) { (*hours).min(36) } else { 0 };
                    }
                    Verdict::Pass | Verdict::Warn => { failures = 0; since = None; known = 0; }
                    Verdict::Temporary => prop_assert_eq!(standing.status, was),
                }
                last = Some(verdict);
                prop_assert_eq!(standing.failing_for, Duration::from_hours(known));
                if was == RecordStatus::Verified && verdict == Verdict::Fail {
                    let is_lost = failures >= 3 && known >= 72;
                    prop_assert_eq!(standing.status == RecordStatus::Failed, is_lost);
                }
                if was == RecordStatus::Verified && standing.status == RecordStatus::Failed {
                    prop_assert!(failures >= 3);
                    prop_assert!(now.since(since.unwrap()) >= LOSS.span);
                }
                was = standing.status;
            }
        }

        #[test]
        fn no_loss_comes_sooner_for_temporary_findings_in_between(
            steps in prop::collection::vec((verdicts(), 0_u64..30), 0..40), at in 0_usize..40
        ) {
            let at = at.min(steps.len());
            let mut hiccup = steps.clone();
            hiccup.insert(at, (Verdict::Temporary, 0));
            let (plain, hiccup) = (run(&steps), run(&hiccup));
            let lost = |run: &[(Verdict, Timestamp, Standing)]| {
                run.iter().position(|(_, _, standing)| standing.status == RecordStatus::Failed)
            };
            if let Some(with) = lost(&hiccup) {
                prop_assert!(lost(&plain).is_some_and(|without| without <= with));
            }
        }

        #[test]
        fn a_pinned_record_never_moves(verdict in verdicts()) {
            let pinned = Standing { pinned: true, ..Standing::new(RecordStatus::Failed) };
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
