//! What mail hosts said, each asked once.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::{Smtp, SmtpHost};
use crate::egress::VettedAddresses;
use crate::name::DnsName;

/// Another tool's answers, kept for one look: several topics want to know how the same host greets.
pub(super) struct Heard<'t> {
    inner: &'t dyn Smtp,
    known: Mutex<BTreeMap<DnsName, Result<SmtpHost, String>>>,
}

impl<'t> Heard<'t> {
    pub(super) fn new(inner: &'t dyn Smtp) -> Heard<'t> {
        Heard { inner, known: Mutex::default() }
    }
}

impl Smtp for Heard<'_> {
    fn greet(&self, host: &DnsName, addresses: &VettedAddresses) -> Result<SmtpHost, String> {
        // Topics are looked at one after the other, so that nobody waits for the lock.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(host.clone()).or_insert_with(|| self.inner.greet(host, addresses)).clone()
    }
}
