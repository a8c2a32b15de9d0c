//! The words that several shapes have.

use crate::wire::shape::Shape;

/// How a domain stands.
pub(crate) const DOMAIN_STATUS: Shape = Shape::Word(&["pending", "active", "failed"]);
/// What a record is for.
pub(crate) const PURPOSE: Shape = Shape::Word(&["mx", "spf", "dmarc", "dkim", "return_path"]);
/// How a record stands.
pub(crate) const RECORD_STATUS: Shape = Shape::Word(&["pending", "verified", "failed", "disabled"]);
/// The types of DNS records.
pub(crate) const RECORD_TYPE: Shape = Shape::Word(&[
    "TXT", "CNAME", "MX", "A", "AAAA", "NS", "PTR", "SOA", "SRV", "TLSA", "CAA", "DS", "DNSKEY",
]);
