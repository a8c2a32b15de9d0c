//! The part of a term that is the same for every client, so that it is known without a client.

use std::net::{IpAddr, Ipv4Addr};

use super::macros::{MacroString, Values};
use super::record::Mechanism;
use super::target::Target;

/// The name that a term comes to in the record of `domain`, or the text that is no name; nothing if it depends on the
/// client. The evaluation began at `root`.
pub(super) fn target(
    spec: Option<&MacroString>,
    root: &Target,
    domain: &Target,
) -> Option<Result<Target, String>> {
    let Some(spec) = spec else { return Some(Ok(domain.clone())) };
    if !spec.is_same_for_every_sender() {
        return None;
    }
    let text = spec.expand(&Values {
        ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        local_part: "",
        sender_domain: &root.text,
        domain: &domain.text,
        validated: "",
        helo: "",
        receiver: "",
        time: 0,
    });
    Some(Target::of(&text).ok_or(text))
}

/// Whether a term in the record of `domain` matches all that `wanted` matches, which is meant for `root`.
pub(super) fn is_same(wanted: &Mechanism, term: &Mechanism, root: &Target, domain: &Target) -> bool {
    if !wanted.is_part_of(term) {
        return false;
    }
    // Those that ask the DNS are those that have a domain, be it the record's own.
    if !term.is_counted() {
        return true;
    }
    match (target(wanted.domain(), root, root), target(term.domain(), root, domain)) {
        (Some(Ok(wanted)), Some(Ok(term))) => wanted.name == term.name,
        // Terms that depend on the client are equal if their texts are equal.
        (None, None) => {
            let text =
                |mechanism: &Mechanism| mechanism.domain().map(|spec| spec.as_str().to_ascii_lowercase());
            text(wanted) == text(term)
        }
        _ => false,
    }
}
