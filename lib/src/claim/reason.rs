//! Why a claim does not act, for people and for programs.

use std::time::Duration;

use super::ClaimState;
use super::table::Stored;
use crate::ownership::Loss;

/// Why a claim does not act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimReason {
    /// A stable code: `unproved`, `held_by_another`, `proved_by_another`, `below_anothers`, `free`, `lost_to_proof`,
    /// `lost_to_fresh_proof`, `expired` or `freed`.
    pub code: &'static str,
    /// The sentence for a person.
    pub text: String,
}

/// Why a claim does not act; none if it does.
pub(super) fn of(claim: &Stored, acts: bool, is_below: bool, expires_after: Duration) -> Option<ClaimReason> {
    let name = &claim.name;
    let (code, text) = match (claim.state, claim.loss) {
        _ if acts => return None,
        (ClaimState::Lost, Some(Loss::Proof)) => {
            let text = format!(
                "another account has proved that {name} is its own, which this one had not; claim it anew if it is yours"
            );
            ("lost_to_proof", text)
        }
        (ClaimState::Lost, Some(Loss::FreshProof)) => {
            let text = format!(
                "the records of {name} were lost, and another account has proved it since; claim it anew if it is yours"
            );
            ("lost_to_fresh_proof", text)
        }
        (ClaimState::Lost, Some(Loss::Creation)) => {
            let days = expires_after.as_secs() / (24 * 60 * 60);
            let text = format!(
                "{name} was not proved within {days} days, and another account has created it; claim it anew if it is yours"
            );
            ("expired", text)
        }
        (ClaimState::Lost, Some(Loss::Operator) | None) => {
            ("freed", format!("the operator has freed {name}"))
        }
        (ClaimState::Holds, _) => {
            let or =
                if claim.of.is_none() { ", or the record of a DKIM key that was made here," } else { "" };
            let text = format!(
                "the account has not proved that {name} is its own; publish the challenge{or} and verify it"
            );
            ("unproved", text)
        }
        (ClaimState::Contends, _) if claim.others_proved_at.is_some() => {
            let text = format!(
                "another account has proved {name}; this claim gets it when the records of that account are lost for good, and the \
                 challenge is seen then"
            );
            ("proved_by_another", text)
        }
        (ClaimState::Contends, _) if claim.is_held => {
            let text = format!(
                "another account has {name}; publish the challenge and verify the claim, and the name goes to this account if that \
                 one has not proved it"
            );
            ("held_by_another", text)
        }
        (ClaimState::Contends, _) if is_below => {
            let text = format!(
                "another account has proved a name above {name}; publish the challenge and verify the claim"
            );
            ("below_anothers", text)
        }
        (ClaimState::Contends, _) => {
            ("free", format!("nobody has {name} now; verify the claim, or create the domain"))
        }
    };
    Some(ClaimReason { code, text })
}
