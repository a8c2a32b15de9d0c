//! The servers to which a domain's mail is delivered after filtering, and where they may be.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use super::check_number;
use crate::dns::{Deadline, Resolver, vet_hosts};
use crate::egress::{self, EgressPolicy, NotAdmitted, VettedAddresses};
use crate::error::Error;
use crate::name::DnsName;

/// The most downstream addresses of a domain.
pub const MOST_DOWNSTREAM: usize = 10;
/// Of the ports that the system keeps for known services, those of mail: LMTP (RFC 2033), SMTP, 26, which hosting panels open for
/// SMTP beside 25, and submission (RFC 8314).
const MAIL_PORTS: [u16; 5] = [24, 25, 26, 465, 587];
/// From here on a port is what its host makes of it (RFC 6335 section 6).
const FIRST_FREE_PORT: u16 = 1024;
/// For how long look-ups of downstream servers begin.
const LOOK_FOR: Duration = Duration::from_secs(5);
/// How many of them are looked up side by side.
const HOSTS_AT_ONCE: usize = 16;

/// A mail server to which a domain's mail is delivered after filtering, as an SRV record says it (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downstream {
    /// Those with the lowest number come first.
    pub priority: u16,
    /// Of those with one priority the one with the highest number comes first. They are not taken in turn by their weights, as RFC 2782 has it.
    pub weight: u16,
    /// The TCP port.
    pub port: u16,
    /// The host, with or without its last dot, as it was given.
    pub target: String,
}

impl Downstream {
    /// `Invalid` if it can be told without the DNS that no mail may be sent there.
    fn check(&self, policy: &EgressPolicy) -> Result<(), Error> {
        let invalid = |reason: &str| {
            Err(Error::invalid("downstream_address", format_args!("{}: {reason}", self.target)))
        };
        if self.port < FIRST_FREE_PORT && !MAIL_PORTS.contains(&self.port) {
            return invalid("its port takes no mail; give 24, 25, 26, 465, 587, or one from 1024 on");
        }
        match (self.address(), self.target.parse::<DnsName>()) {
            (Some(address), _) if !policy.admits(address) => invalid("it is not a public address"),
            (None, _) if self.misleads() => invalid(
                "its last part is a number; give a host name, or an address in full, such as 192.0.2.1",
            ),
            (None, Ok(name)) if !policy.admits_name(name.as_str()) => invalid("it is not a public name"),
            (None, Err(_)) => invalid("its target is neither a host name nor an IP address"),
            _ => Ok(()),
        }
    }

    /// Whether its target is no whole IP address, and a mail server may still read it as one. None such is saved; a database may have one
    /// from an earlier version.
    pub fn misleads(&self) -> bool {
        self.address().is_none() && egress::reads_as_address(&self.target)
    }

    /// Its name, where it is no address.
    fn host(&self) -> Option<DnsName> {
        if self.address().is_some() { None } else { self.target.parse().ok() }
    }

    /// Its address, where it is no name.
    fn address(&self) -> Option<IpAddr> {
        let literal = self.target.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        literal.unwrap_or(&self.target).parse().ok()
    }

    /// The addresses to which mail may be sent now: for whoever connects, who connects to one of them.
    pub fn addresses_now(
        &self,
        resolver: &dyn Resolver,
        policy: &EgressPolicy,
    ) -> Result<VettedAddresses, Error> {
        self.check(policy)?;
        let found = match (self.address(), self.target.parse()) {
            (Some(address), _) => policy.vet(vec![address]).map(Some),
            (None, Ok(name)) => vet_hosts(resolver, policy, &[name]).pop().unwrap_or(Ok(None)),
            (None, Err(_)) => Ok(None),
        };
        let refused =
            |reason: String| Error::invalid("downstream_address", format_args!("{}: {reason}", self.target));
        found
            .map_err(|reason| refused(reason.to_string()))?
            .ok_or_else(|| refused("it cannot be looked up now".to_owned()))
    }
}

/// `Invalid` if it can be told without the DNS that these are no downstream servers of a domain.
pub(super) fn check(policy: &EgressPolicy, downstream: &[Downstream]) -> Result<(), Error> {
    check_number("downstream_address", downstream.len(), MOST_DOWNSTREAM)?;
    downstream.iter().try_for_each(|each| each.check(policy))
}

/// Looks up where downstream servers are, before they are saved: `Invalid` if one has an address to which no mail may be sent.
/// Asks the network, so call it outside any transaction. What cannot be told now is checked when mail is sent.
pub fn check_downstream(
    resolver: &dyn Resolver,
    policy: &EgressPolicy,
    downstream: &[Downstream],
) -> Result<(), Error> {
    check_downstream_of_each(resolver, policy, &[downstream]).pop().unwrap_or(Ok(()))
}

/// Checks the downstream servers of each of several domains as [`check_downstream`] does, and returns what came of each, in their
/// order.
///
/// Each host is looked up once, some hosts side by side. After five seconds no more look-ups begin: what was not looked up by
/// then is checked when mail is sent.
pub fn check_downstream_of_each(
    resolver: &dyn Resolver,
    policy: &EgressPolicy,
    domains: &[&[Downstream]],
) -> Vec<Result<(), Error>> {
    let checked: Vec<Result<(), Error>> =
        domains.iter().map(|downstream| check(policy, downstream)).collect();
    let usable = domains.iter().zip(&checked).filter(|(_, checked)| checked.is_ok());
    let hosts: BTreeSet<DnsName> =
        usable.flat_map(|(downstream, _)| *downstream).filter_map(Downstream::host).collect();
    let special = special_addresses(resolver, policy, hosts);
    let look = |(downstream, checked): (&&[Downstream], Result<(), Error>)| {
        checked?;
        let mut led = downstream.iter().filter_map(|each| Some((each, special.get(&each.host()?)?)));
        led.next().map_or(Ok(()), |(each, address)| {
            let reason = format_args!("{} leads to {address}, which is not a public address", each.target);
            Err(Error::invalid("downstream_address", reason))
        })
    };
    domains.iter().zip(checked).map(look).collect()
}

/// Those of these hosts that have an address to which no mail may be sent, with that address. One without any address may get
/// it later.
fn special_addresses(
    resolver: &dyn Resolver,
    policy: &EgressPolicy,
    hosts: BTreeSet<DnsName>,
) -> HashMap<DnsName, IpAddr> {
    let resolver = Deadline::new(resolver, LOOK_FOR);
    let hosts: Vec<DnsName> = hosts.into_iter().collect();
    let mut special = HashMap::new();
    for some in hosts.chunks(HOSTS_AT_ONCE) {
        for (host, vetted) in some.iter().zip(vet_hosts(&resolver, policy, some)) {
            if let Err(NotAdmitted::Special(address)) = vetted {
                special.insert(host.clone(), address);
            }
        }
    }
    special
}
