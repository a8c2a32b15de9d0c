//! Which claim yields the name to which: a pure function.

use super::Loss;

/// What the DNS has shown a moment ago of an account that asks for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Nothing: the account only asks.
    Nothing,
    /// Its challenge.
    Challenge,
}

/// What an account brings for a name that another one has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bid {
    /// Its challenge, which was seen in the DNS a moment ago.
    Challenge,
    /// A domain above the name that it has proved.
    Parent,
    /// Its word alone.
    Word,
}

/// How a name is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// It was not proved.
    None,
    /// It was, and the DNS still shows it, or does not show for long enough that it is lost.
    Good,
    /// It was, and what proved it is lost for good.
    Lost,
}

/// Whether a name goes to the account that brings this, and how its holder loses it then.
pub(crate) fn takes(bid: Bid, holder: Proof, has_expired: bool) -> Option<Loss> {
    match (bid, holder) {
        (Bid::Challenge | Bid::Parent, Proof::None) => Some(Loss::Proof),
        (Bid::Challenge, Proof::Lost) => Some(Loss::FreshProof),
        (Bid::Word, Proof::None) if has_expired => Some(Loss::Creation),
        (_, Proof::Good) | (Bid::Parent | Bid::Word, Proof::Lost) | (Bid::Word, Proof::None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proof_beats_time_and_a_fresh_challenge_a_lost_proof() {
        for (bid, holder, has_expired, wanted) in [
            (Bid::Challenge, Proof::None, false, Some(Loss::Proof)),
            (Bid::Parent, Proof::None, false, Some(Loss::Proof)),
            (Bid::Challenge, Proof::None, true, Some(Loss::Proof)),
            (Bid::Challenge, Proof::Lost, false, Some(Loss::FreshProof)),
            (Bid::Parent, Proof::Lost, true, None),
            (Bid::Word, Proof::Lost, true, None),
            (Bid::Word, Proof::None, true, Some(Loss::Creation)),
            (Bid::Word, Proof::None, false, None),
            (Bid::Challenge, Proof::Good, true, None),
            (Bid::Parent, Proof::Good, true, None),
            (Bid::Word, Proof::Good, true, None),
        ] {
            assert_eq!(takes(bid, holder, has_expired), wanted, "{bid:?} {holder:?} {has_expired}");
        }
    }
}
