//! DNS providers, told from the names of their servers: what each calls the fields of a record, and how it wants a name.
//!
//! The words are those of the providers' own pages and manuals, in English; they change now and then. A provider that is not here
//! gets our own words.

/// How a provider wants the domain's own name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::console) enum Apex {
    /// As `@`.
    At,
    /// As nothing: the field stays empty.
    Empty,
}

/// A DNS provider.
#[derive(Debug)]
pub(in crate::console) struct Provider {
    pub(in crate::console) name: &'static str,
    /// What the names of its servers end with, or have between dots.
    marks: &'static [&'static str],
    /// What it calls the field of the name, and that of the value.
    pub(in crate::console) name_field: &'static str,
    pub(in crate::console) value_field: &'static str,
    pub(in crate::console) apex: Apex,
    /// What else to mind.
    pub(in crate::console) hint: &'static str,
}

const fn provider(
    name: &'static str,
    marks: &'static [&'static str],
    (name_field, value_field): (&'static str, &'static str),
    apex: Apex,
    hint: &'static str,
) -> Provider {
    Provider { name, marks, name_field, value_field, apex, hint }
}

const PROVIDERS: &[Provider] = &[
    provider(
        "Cloudflare",
        &[".ns.cloudflare.com"],
        ("Name", "Content"),
        Apex::At,
        "Set the proxy status of CNAME records to “DNS only”. For MX the value is called “Mail server”, for CNAME “Target”.",
    ),
    provider(
        "Amazon Route 53",
        &[".awsdns-"],
        ("Record name", "Value"),
        Apex::Empty,
        "Put the value of TXT records in quotation marks, a long one in parts of at most 255 characters. For MX the priority stands before the \
         server, in the same field.",
    ),
    provider(
        "GoDaddy",
        &[".domaincontrol.com"],
        ("Name", "Value"),
        Apex::At,
        "The domain is added to the name by itself.",
    ),
    provider(
        "Namecheap",
        &[".registrar-servers.com"],
        ("Host", "Value"),
        Apex::At,
        "MX records are entered further down, under “Mail Settings”, as “Custom MX”.",
    ),
    provider(
        "Google Cloud DNS",
        &[".googledomains.com"],
        ("DNS name", "Data"),
        Apex::Empty,
        "The zone's name stands behind the field already. Put the value of TXT records in quotation marks. The data of MX records has the priority \
         first and a dot at the end.",
    ),
    provider(
        "Azure DNS",
        &[".azure-dns.com", ".azure-dns.net", ".azure-dns.org", ".azure-dns.info"],
        ("Name", "Value"),
        Apex::At,
        "For MX the value is called “Mail exchange” and the priority “Preference”, for CNAME the value is called “Alias”.",
    ),
    provider(
        "IONOS",
        &[".ui-dns.com", ".ui-dns.de", ".ui-dns.org", ".ui-dns.biz"],
        ("Host name", "Value"),
        Apex::At,
        "For MX and CNAME the value is called “Points to”.",
    ),
    provider(
        "OVHcloud",
        &[".ovh.net", ".ovh.ca", ".anycast.me"],
        ("Sub-domain", "Target"),
        Apex::Empty,
        "For TXT records the field is called “Value”. A target of MX or CNAME ends with a dot.",
    ),
    provider(
        "Gandi",
        &[".gandi.net"],
        ("Name", "Value"),
        Apex::At,
        "For MX and CNAME the value is called “Hostname” and ends with a dot; without it the domain is added.",
    ),
    provider(
        "Hetzner",
        &[
            ".ns.hetzner.com",
            ".ns.hetzner.de",
            ".first-ns.de",
            ".second-ns.de",
            ".second-ns.com",
            "helium.ns.hetzner.de",
        ],
        ("Name", "Value"),
        Apex::At,
        "A server in the value of MX or CNAME ends with a dot; without it the domain is added.",
    ),
    provider(
        "DigitalOcean",
        &[".digitalocean.com"],
        ("Hostname", "Value"),
        Apex::At,
        "For MX the value is called “Mail providers mail server”, for CNAME “Is an alias of”.",
    ),
    provider(
        "Hostinger",
        &[".dns-parking.com", ".hostinger.com"],
        ("Name", "Points to"),
        Apex::At,
        "For TXT the value is called “TXT value”, for MX “Mail server”, for CNAME “Target”.",
    ),
    provider(
        "Porkbun",
        &[".ns.porkbun.com", ".porkbun.com"],
        ("Host", "Answer / Value"),
        Apex::Empty,
        "The domain is added to the host by itself.",
    ),
    provider(
        "DNSimple",
        &[".dnsimple.com", ".dnsimple-edge.net", ".dnsimple-edge.org"],
        ("Name", "Content"),
        Apex::Empty,
        "For MX the value is called “Mailserver”, for CNAME “Alias for”.",
    ),
    provider(
        "Wix",
        &[".wixdns.net"],
        ("Host name", "Value"),
        Apex::Empty,
        "MX records are entered under “MX (Mail exchange)”, and their value is called “Points to”.",
    ),
    provider(
        "Vercel",
        &[".vercel-dns.com"],
        ("Name", "Value"),
        Apex::Empty,
        "The domain is added to the name by itself.",
    ),
    provider(
        "name.com",
        &[".name.com"],
        ("Host", "Answer"),
        Apex::Empty,
        "The domain is added to the host by itself.",
    ),
];

/// The provider that has these name servers, if it is a well-known one and has all of them.
pub(in crate::console) fn of(servers: &[String]) -> Option<&'static Provider> {
    let has = |provider: &Provider, server: &String| {
        let server = format!(".{}", server.trim_end_matches('.').to_lowercase());
        provider.marks.iter().any(|mark| match mark.strip_suffix('-') {
            // A number follows.
            Some(_) => server.contains(mark),
            None => server.ends_with(mark) || server.strip_prefix('.') == Some(mark),
        })
    };
    let found =
        PROVIDERS.iter().find(|provider| servers.first().is_some_and(|first| has(provider, first)))?;
    servers.iter().all(|server| has(found, server)).then_some(found)
}

impl Provider {
    /// A name as the provider wants it.
    pub(in crate::console) fn host<'a>(&self, host: &'a str) -> &'a str {
        match self.apex {
            _ if host != "@" => host,
            Apex::At => "@",
            Apex::Empty => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_told_from_all_of_its_servers() {
        let told = |servers: &[&str]| {
            let servers: Vec<String> = servers.iter().map(|server| (*server).to_owned()).collect();
            of(&servers).map(|provider| provider.name)
        };
        assert_eq!(told(&["amy.ns.cloudflare.com", "bob.ns.cloudflare.com"]), Some("Cloudflare"));
        assert_eq!(told(&["ns-12.awsdns-01.com", "ns-999.awsdns-60.net"]), Some("Amazon Route 53"));
        assert_eq!(told(&["NS1.DigitalOcean.com."]), Some("DigitalOcean"));
        assert_eq!(told(&["helium.ns.hetzner.de", "hydrogen.ns.hetzner.com"]), Some("Hetzner"));
        assert_eq!(told(&["amy.ns.cloudflare.com", "ns1.example.net"]), None, "two providers are none");
        assert_eq!(told(&["ns.evilcloudflare.com"]), None);
        assert_eq!(told(&[]), None);
    }

    #[test]
    fn the_domains_own_name_is_as_the_provider_wants_it() {
        let cloudflare = of(&["amy.ns.cloudflare.com".to_owned()]).unwrap();
        let route53 = of(&["ns-12.awsdns-01.com".to_owned()]).unwrap();
        assert_eq!((cloudflare.host("@"), route53.host("@")), ("@", ""));
        assert_eq!(route53.host("_dmarc"), "_dmarc");
    }
}
