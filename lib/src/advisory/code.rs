//! The codes of advice, each with what it says and the one thing to do.

use crate::record::finding::codes;

// `docs/advice.md` is made of this table; a test holds the two together.
codes! {
    /// The stable name of what there is to say about something that helps mail to arrive.
    AdviceCode;
    ReverseMissing = "reverse_missing",
        "A sending address has no name: there is no PTR record.",
        "Ask whoever gave you the address to name it after the host that sends.";
    ReverseNotConfirmed = "reverse_not_confirmed",
        "The name of a sending address does not lead back to it.",
        "Add the address to that name, or have the address named after the host that it belongs to.";
    ReverseGeneric = "reverse_generic",
        "The name of a sending address is made of its numbers, as the names of customers' lines are.",
        "Have it named after the host that sends.";
    HeloSpfMissing = "helo_spf_missing",
        "The name of a sending address has no SPF record of its own, by which bounces are checked (RFC 7208 section 2.3).",
        "Add the TXT record v=spf1 a -all at that name.";
    HeloSpfRefuses = "helo_spf_refuses",
        "The SPF record of the name of a sending address does not let it send.",
        "Let that record pass the address.";
    MtaStsMissing = "mta_sts_missing",
        "There is no MTA-STS, so that others may send mail here without TLS.",
        "Publish a policy, then the record (RFC 8461).";
    MtaStsMultiple = "mta_sts_multiple",
        "There is more than one MTA-STS record, which counts as none.",
        "Delete all but one.";
    MtaStsSyntax = "mta_sts_syntax",
        "The MTA-STS record breaks the grammar, and counts as none.",
        "Write v=STSv1; id= and a word of letters and digits.";
    MtaStsPolicyUnreachable = "mta_sts_policy_unreachable",
        "The MTA-STS record says that there is a policy, and it cannot be had.",
        "Publish it at the address that is shown, or delete the record.";
    MtaStsPolicySyntax = "mta_sts_policy_syntax",
        "The MTA-STS policy breaks the grammar, or is sent as another type than text/plain.",
        "Mend it.";
    MtaStsMxNotListed = "mta_sts_mx_not_listed",
        "A mail host of the domain is not in its MTA-STS policy, so that senders do not deliver there.",
        "Add a line with mx: and the host, and change the id in the record.";
    MtaStsTesting = "mta_sts_testing",
        "The MTA-STS policy is in the mode testing or none, so that nobody is kept from sending without TLS.",
        "When the reports show no failures, write enforce, and change the id in the record.";
    MtaStsPolicyNotFetched = "mta_sts_policy_not_fetched",
        "The MTA-STS record is right. The policy was not fetched, because that is switched off.",
        "Nothing; the operator can switch it on.";
    TlsReportsMissing = "tls_reports_missing",
        "Nobody reports failures of TLS, because there is no record that says where reports go.",
        "Add one (RFC 8460).";
    TlsReportsMultiple = "tls_reports_multiple",
        "There is more than one record on TLS reports, which counts as none.",
        "Delete all but one.";
    TlsReportsSyntax = "tls_reports_syntax",
        "The record on TLS reports names nobody to whom they go.",
        "Write v=TLSRPTv1; rua=mailto: and an address.";
    DmarcReportsNotAllowed = "dmarc_reports_not_allowed",
        "The domain of the operator's address for DMARC reports does not say that it takes reports on this domain.",
        "The operator adds the record that is shown.";
    ClientsMissing = "clients_missing",
        "Mail programs find no settings for the domain's mailboxes.",
        "If it has mailboxes, publish autoconfig, autodiscover or SRV records.";
    ClientsAliasBroken = "clients_alias_broken",
        "The name at which mail programs look for settings is an alias of a name without an address.",
        "Mend its target, or delete the record.";
    SrvTargetGone = "srv_target_gone",
        "The host in an SRV record has no address.",
        "Mend its name, or delete the record.";
    SrvTargetAlias = "srv_target_alias",
        "The host in an SRV record is an alias, which it must not be (RFC 2782).",
        "Name the host that the alias leads to.";
    SmtpUnreachable = "smtp_unreachable",
        "A mail host of the domain does not answer on port 25.",
        "See that it runs and can be reached.";
    SmtpNoStarttls = "smtp_no_starttls",
        "A mail host of the domain does not offer STARTTLS.",
        "Give it a certificate, and switch TLS on.";
    SmtpTlsFails = "smtp_tls_fails",
        "A mail host of the domain offers STARTTLS, and then no encrypted connection comes about.",
        "Mend its certificate, key and TLS versions.";
    CertificateExpired = "certificate_expired",
        "The certificate of a mail host is not valid now: it has ended, or has not begun.",
        "Renew it.";
    CertificateWrongName = "certificate_wrong_name",
        "The certificate of a mail host is for other hosts than the one that the MX record names.",
        "Get one for the host in the MX record.";
    CertificateUntrusted = "certificate_untrusted",
        "The certificate of a mail host is signed by nobody whom the public trusts.",
        "Get one from a public authority.";
    CertificateIncomplete = "certificate_incomplete",
        "A mail host does not send the certificate of the authority that signed its own.",
        "Have it send the whole chain.";
    CertificateExpiresSoon = "certificate_expires_soon",
        "The certificate of a mail host ends within a week.",
        "Renew it.";
    DnssecUnsigned = "dnssec_unsigned",
        "The domain is not signed with DNSSEC.",
        "If the DNS provider offers it, switch it on, and add the DS record at the registrar.";
    DnssecNotValidated = "dnssec_not_validated",
        "Whether the domain is signed with DNSSEC cannot be told, because the resolver does not validate.",
        "The operator has dns.resolvers name one that does.";
    DnssecBroken = "dnssec_broken",
        "The domain's DNSSEC signatures do not validate.",
        "Have it signed anew, or withdraw the DS record at the registrar.";
    DnssecDsMissing = "dnssec_ds_missing",
        "The zone has keys for DNSSEC, but the zone above names none of them.",
        "Ask the DNS provider for the zone's DS record, and add it at the registrar.";
    DnssecDsWithoutKey = "dnssec_ds_without_key",
        "The zone above has a DS record, but the zone is not signed with DNSSEC.",
        "Delete the DS record at the registrar.";
    DnssecDsMismatch = "dnssec_ds_mismatch",
        "The DS records in the zone above are of other keys than those that sign the zone.",
        "Ask the DNS provider for the DS record of the key that signs the zone, and put it in their place at the registrar.";
    DnssecNotAnchored = "dnssec_not_anchored",
        "The zone is signed with DNSSEC, but a zone further above is not, so that the signatures do not count.",
        "Nothing; it is for those who have the zones above.";
    TlsaWithoutDnssec = "tlsa_without_dnssec",
        "There is a TLSA record that DNSSEC does not validate, so that it does not count.",
        "Have the zone signed, or delete the record.";
    TlsaUnusable = "tlsa_unusable",
        "No TLSA record is one that counts for mail (RFC 7672 section 3.1.3).",
        "Publish 3 1 1 and the SHA-256 hash of the host's key.";
    TlsaMismatch = "tlsa_mismatch",
        "No TLSA record fits the certificate that the mail host sends.",
        "Publish 3 1 1 and the SHA-256 hash of the key that it has now.";
    TlsaWithoutTls = "tlsa_without_tls",
        "A TLSA record has senders insist on TLS with a mail host that has none.",
        "Switch TLS on.";
    CaaMissing = "caa_missing",
        "Every authority may issue certificates for the domain.",
        "If you know yours, name it in a CAA record.";
    BimiMissing = "bimi_missing",
        "There is no BIMI record, so that no logo is shown beside mail.",
        "Nothing; none is needed.";
    BimiSyntax = "bimi_syntax",
        "The BIMI record breaks the grammar.",
        "Write v=BIMI1; l= and the https address of an SVG file.";
    BimiWithoutPolicy = "bimi_without_policy",
        "The BIMI record does not count, because the DMARC policy is not enforced.",
        "Make the policy quarantine or reject, when the reports allow it.";
    NotLookedUp = "not_looked_up",
        "It could not be looked up now.",
        "Try again later.";
}
