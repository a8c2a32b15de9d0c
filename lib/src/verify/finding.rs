//! What a judgement comes to.

/// Which way a judgement goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// As it must be.
    Pass,
    /// It works, and there is something to mend.
    Warn,
    /// It does not work.
    Fail,
    /// It cannot be told now; nothing follows from that.
    Temporary,
}

impl Verdict {
    /// Whether it works.
    pub fn passes(self) -> bool {
        matches!(self, Verdict::Pass | Verdict::Warn)
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
            Verdict::Temporary => "temporary",
        }
    }
}

/// What was found of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which way it goes.
    pub verdict: Verdict,
    /// The stable name of what is wrong; none where nothing is.
    pub code: Option<Code>,
    /// One sentence: what was asked, what was seen, what is wanted, and the one thing to do.
    pub text: String,
    /// What was seen, if anything was.
    pub seen: Option<String>,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The stable name of what is wrong with a record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Code] = &[$(Code::$name,)*];

            /// The name, as it stands in replies and in the documentation.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// There is no such record.
    RecordMissing = "record_missing",
    /// The domain itself does not exist in the DNS.
    DomainNxdomain = "domain_nxdomain",
    /// The record stands at its name followed by the domain once more.
    RecordAtDoubledName = "record_at_doubled_name",
    /// The record stands at its name without the underscore.
    RecordMissingUnderscore = "record_missing_underscore",
    /// The record stands at the domain itself.
    RecordAtApex = "record_at_apex",
    /// The record stands below `www`.
    RecordAtWww = "record_at_www",
    /// The record stands in the parent domain.
    RecordInParentZone = "record_in_parent_zone",
    /// What was seen comes from a wildcard.
    RecordFromWildcard = "record_from_wildcard",
    /// There is a record of another type.
    WrongType = "wrong_type",
    /// Quotation marks stand inside the value.
    QuotesInValue = "quotes_in_value",
    /// Backslashes stand before the value's semicolons.
    EscapedSemicolons = "escaped_semicolons",
    /// Typographic quotation marks stand in the value.
    SmartQuotes = "smart_quotes",
    /// The value ends after 255 octets.
    ValueTruncatedAt255 = "value_truncated_at_255",
    /// The value has lost its capital letters.
    ValueLowercased = "value_lowercased",
    /// Some servers have the record already.
    Propagating = "propagating",
    /// A resolver still has what the name servers have no more.
    StaleCached = "stale_cached",
    /// A resolver still remembers that there was no record.
    NegativeCached = "negative_cached",
    /// The zone's own name servers differ.
    NameserversDisagree = "nameservers_disagree",
    /// The CNAME leads elsewhere.
    CnameWrongTarget = "cname_wrong_target",
    /// There are addresses where the CNAME should be.
    CnameProxiedOrFlattened = "cname_proxied_or_flattened",
    /// CNAME records lead in a circle.
    CnameLoop = "cname_loop",
    /// The zone's signatures do not validate.
    DnssecBogus = "dnssec_bogus",
    /// The name servers failed.
    Servfail = "servfail",
    /// The name servers refused to answer.
    Refused = "refused",
    /// No answer came in time.
    Timeout = "timeout",
    /// The name servers could not be reached.
    Unreachable = "unreachable",
    /// The answer was no DNS message, or not to this question.
    MalformedAnswer = "malformed_answer",
    /// Another key is published.
    DkimKeyMismatch = "dkim_key_mismatch",
    /// Another key of this domain is published.
    DkimKeyIsPrevious = "dkim_key_is_previous",
    /// There is more than one record where there must be one.
    DkimMultiple = "dkim_multiple",
    /// The key is published as revoked.
    DkimRevoked = "dkim_revoked",
    /// The value is no DKIM key record.
    DkimSyntax = "dkim_syntax",
    /// SHA-256 is not among the hashes the record allows.
    DkimHashNotAllowed = "dkim_hash_not_allowed",
    /// The record is not for e-mail.
    DkimServiceNotEmail = "dkim_service_not_email",
    /// The record says that signing is only tested.
    DkimTesting = "dkim_testing",
    /// The key has fewer than 1024 bits.
    DkimKeyTooShort = "dkim_key_too_short",
    /// The key has fewer than 2048 bits.
    DkimKeyWeak = "dkim_key_weak",
    /// The record is for another algorithm.
    DkimWrongAlgorithm = "dkim_wrong_algorithm",
    /// There is no SPF record.
    SpfMissing = "spf_missing",
    /// There is more than one SPF record.
    SpfMultiple = "spf_multiple",
    /// The SPF record does not let our servers send.
    SpfMechanismMissing = "spf_mechanism_missing",
    /// What we ask for stands after `all`.
    SpfIncludeAfterAll = "spf_include_after_all",
    /// The SPF record lets everybody send.
    SpfPlusAll = "spf_plus_all",
    /// There is more than one DMARC record.
    DmarcMultiple = "dmarc_multiple",
    /// The value is no DMARC record.
    DmarcSyntax = "dmarc_syntax",
    /// The policy is weaker than the one asked for.
    DmarcPolicyWeaker = "dmarc_policy_weaker",
    /// The record has a tag that is no part of DMARC any more.
    DmarcRemovedTag = "dmarc_removed_tag",
    /// Our mail host is not among the MX records.
    MxMissing = "mx_missing",
    /// Another mail host comes before ours.
    MxForeignPreferred = "mx_foreign_preferred",
    /// Another mail host has the same preference as ours.
    MxForeignEqual = "mx_foreign_equal",
    /// A null MX says that the domain takes no mail.
    MxNull = "mx_null",
    /// An IP address stands where a mail host's name must.
    MxIpLiteral = "mx_ip_literal",
}

impl Finding {
    /// It is as it must be.
    pub(super) fn pass(text: String, seen: String) -> Finding {
        Finding { verdict: Verdict::Pass, code: None, text, seen: Some(seen) }
    }

    /// It is not, or not wholly.
    pub(super) fn of(verdict: Verdict, code: Code, text: String, seen: Option<String>) -> Finding {
        Finding { verdict, code: Some(code), text, seen }
    }
}
