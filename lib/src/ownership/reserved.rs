//! The operator's own names, which no tenant can have: mail for them is the operator's, and records that the operator's own
//! zones answer prove nothing about a tenant.

use crate::name::DomainName;
use crate::settings::Settings;

/// Whether a name is one of the operator's hosts, the domain in which one of them is registered, or stands in the zone of
/// delegated keys.
pub(super) fn is_reserved(settings: &Settings, name: &DomainName) -> bool {
    let zone = settings.delegation_zone.as_ref();
    let hosts = [&settings.mx_host, &settings.return_path_host];
    zone.is_some_and(|zone| name.dns().is_within(zone))
        || hosts.into_iter().chain(&settings.own_hosts).chain(zone).any(|host| {
            host == name.dns() || psl::domain_str(host.as_str()).is_some_and(|own| own == name.as_str())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operators_hosts_their_registered_domains_and_the_delegation_zone_are_reserved() {
        let mut settings = Settings::for_server(&"mail.hoster.net".parse().unwrap());
        settings.return_path_host = "bounce.other.co.uk".parse().unwrap();
        settings.own_hosts.push("desk.third.example".parse().unwrap());
        settings.delegation_zone = Some("dkim.fourth.org".parse().unwrap());
        for (name, wanted) in [
            ("mx.mail.hoster.net", true),
            ("mail.hoster.net", true),
            ("hoster.net", true),
            ("customer.hoster.net", false),
            ("bounce.other.co.uk", true),
            ("other.co.uk", true),
            ("another.co.uk", false),
            ("desk.third.example", true),
            ("third.example", true),
            ("dkim.fourth.org", true),
            ("1.dkim.fourth.org", true),
            ("pdk1.domainkey.1.dkim.fourth.org", true),
            ("fourth.org", true),
            ("xdkim.fourth.org", false),
            ("example.com", false),
        ] {
            assert_eq!(is_reserved(&settings, &name.parse().unwrap()), wanted, "{name}");
        }
    }
}
