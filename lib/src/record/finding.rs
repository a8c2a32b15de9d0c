//! What a judgement comes to.

pub use super::action::{Act, Action};

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
    /// The one thing to do, as data. What one server's answer would come to alone has none.
    pub action: Option<Action>,
}

/// A table of codes: the name of each, what it says, and the one thing to do.
macro_rules! codes {
    ($(#[$about:meta])* $codes:ident; $($name:ident = $text:literal, $meaning:literal, $mend:literal;)*) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $codes {
            $(#[doc = $meaning] $name,)*
        }

        impl $codes {
            /// Every code.
            pub const ALL: &[$codes] = &[$($codes::$name,)*];

            /// The name, as it stands in replies and in the documentation.
            pub fn as_str(self) -> &'static str {
                match self { $($codes::$name => $text,)* }
            }

            /// What it says, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $($codes::$name => $meaning,)* }
            }

            /// The one thing to do about it, in a sentence.
            pub fn mend(self) -> &'static str {
                match self { $($codes::$name => $mend,)* }
            }
        }
    };
}

pub(crate) use codes;

// `docs/findings.md` is made of this table; a test holds the two together.
codes! {
    /// The stable name of what is wrong with a record.
    Code;
    RecordMissing = "record_missing",
        "There is no such record.",
        "Publish it, at exactly the name that is shown.";
    DomainNxdomain = "domain_nxdomain",
        "The domain itself does not exist in the DNS.",
        "Register it, or have its zone delegated, first.";
    RecordAtDoubledName = "record_at_doubled_name",
        "The record stands at its name followed by the domain once more: the form has added the domain by itself.",
        "Enter the name without the domain.";
    RecordMissingUnderscore = "record_missing_underscore",
        "The record stands at its name without the underscore.",
        "Enter the name with its underscore; if the form refuses it, ask the DNS provider.";
    RecordAtApex = "record_at_apex",
        "The record stands at the domain itself.",
        "Enter the host that is shown as its name.";
    RecordAtWww = "record_at_www",
        "The record stands below www.",
        "Enter the name without www.";
    RecordInParentZone = "record_in_parent_zone",
        "The record stands in the parent domain.",
        "Make it for the domain that is shown, not for the one above it.";
    RecordFromWildcard = "record_from_wildcard",
        "What was seen comes from a wildcard, and there is no record for this name.",
        "Make a record for this very name.";
    WrongType = "wrong_type",
        "There is a record of another type.",
        "Change its type to the one that is shown.";
    DelegationElsewhere = "delegation_elsewhere",
        "The name servers that the world is sent to are not those that the zone names for itself: the record may have been made where nobody looks.",
        "Make it at the name servers that the registrar has, or change those at the registrar.";
    QuotesInValue = "quotes_in_value",
        "Quotation marks stand inside the value.",
        "Enter the value without them; they belong to zone files only.";
    EscapedSemicolons = "escaped_semicolons",
        "Backslashes stand before the value's semicolons.",
        "Enter the value without backslashes.";
    SmartQuotes = "smart_quotes",
        "Typographic quotation marks stand in the value.",
        "Remove them; an editor has put them there.";
    InvisibleCharacters = "invisible_characters",
        "Characters that cannot be seen stand in the value, such as a no-break space.",
        "Type it anew, or copy it as plain text.";
    HtmlEntities = "html_entities",
        "HTML's spelling of a character stands in the value, such as &quot;.",
        "Enter the character itself, or leave it out if it is a quotation mark.";
    NameInValue = "name_in_value",
        "A whole line of a zone file was entered as the value.",
        "Enter the value alone.";
    ValueSplitWithSpace = "value_split_with_space",
        "A space stands inside of a word, where the value was split.",
        "Enter it without that space.";
    ValueTruncatedAt255 = "value_truncated_at_255",
        "The value ends after at most 255 octets.",
        "Enter the whole value, split into strings of at most 255 octets if the form asks for it.";
    ValueLowercased = "value_lowercased",
        "The value has lost its capital letters.",
        "Enter it exactly as it is shown.";
    Propagating = "propagating",
        "Some servers have the record already, others have something else still.",
        "Wait.";
    StaleCached = "stale_cached",
        "A resolver still has what the zone's name servers have no more.",
        "Publish it again.";
    NegativeCached = "negative_cached",
        "A resolver still remembers that there was no record.",
        "Wait.";
    NameserversDisagree = "nameservers_disagree",
        "The zone's own name servers differ.",
        "Bring the zone to all of them.";
    NameserverLame = "nameserver_lame",
        "One of the zone's name servers does not serve the zone.",
        "Have it answer everybody, or remove it from the zone's NS records and at the registrar.";
    CnameWrongTarget = "cname_wrong_target",
        "The CNAME leads elsewhere.",
        "Change its target.";
    CnameProxiedOrFlattened = "cname_proxied_or_flattened",
        "There are addresses where the CNAME should be.",
        "Switch off the proxy or the flattening for this name.";
    CnameLoop = "cname_loop",
        "CNAME records lead in a circle, or through too many names.",
        "Publish the record itself, or one CNAME that leads to it.";
    DnssecBogus = "dnssec_bogus",
        "The zone's DNSSEC signatures do not validate, so that validating resolvers see nothing of it.",
        "Mend the signatures, or withdraw the DS record at the registrar.";
    Servfail = "servfail",
        "The zone's name servers fail.",
        "Wait: this often goes away by itself. If it stays, ask the DNS provider.";
    Refused = "refused",
        "A server refused to answer.",
        "Wait: this often goes away by itself. If it stays, ask the DNS provider.";
    Timeout = "timeout",
        "No answer came in time.",
        "Wait: this often goes away by itself. If it stays, ask the DNS provider.";
    Unreachable = "unreachable",
        "A server could not be reached.",
        "Wait: this often goes away by itself. If it stays, ask the operator of this mail system.";
    MalformedAnswer = "malformed_answer",
        "What came was no answer to the question.",
        "Wait: this often goes away by itself. If it stays, ask the DNS provider.";
    DkimKeyMismatch = "dkim_key_mismatch",
        "Another key is published.",
        "Replace the value with the one that is wanted.";
    DkimKeyIsPrevious = "dkim_key_is_previous",
        "The key of another selector of this domain is published.",
        "Replace the value with the one that is wanted.";
    DkimMultiple = "dkim_multiple",
        "There is more than one TXT record where there must be one.",
        "Delete all but the one that is wanted.";
    DkimRevoked = "dkim_revoked",
        "The record's p= tag is empty, which revokes the key.",
        "Replace the value with the one that is wanted.";
    DkimSyntax = "dkim_syntax",
        "The value is no DKIM key record.",
        "Replace the value with the one that is wanted.";
    DkimHashNotAllowed = "dkim_hash_not_allowed",
        "The record's h= tag does not allow SHA-256.",
        "Remove the h= tag.";
    DkimServiceNotEmail = "dkim_service_not_email",
        "The record's s= tag leaves out e-mail.",
        "Remove the s= tag.";
    DkimTesting = "dkim_testing",
        "The record's t=y tag says that signing is only tested.",
        "Remove y from the t= tag.";
    DkimKeyTooShort = "dkim_key_too_short",
        "The key that is published has fewer than 1024 bits, and verifiers must not take it.",
        "Replace the value with the one that is wanted.";
    DkimKeyWeak = "dkim_key_weak",
        "The key has fewer than 2048 bits.",
        "Plan a new key.";
    DkimWrongAlgorithm = "dkim_wrong_algorithm",
        "The record is for another algorithm.",
        "Replace the value with the one that is wanted.";
    SpfMissing = "spf_missing",
        "There is no SPF record.",
        "Publish the one that is shown.";
    SpfMultiple = "spf_multiple",
        "There is more than one SPF record, which receivers take for an error.",
        "Merge them into one.";
    SpfSyntax = "spf_syntax",
        "The SPF record breaks the grammar, and receivers take that for an error.",
        "Mend the term that is named.";
    SpfMechanismMissing = "spf_mechanism_missing",
        "The SPF record does not let our servers send.",
        "Change the record to the one that is shown, without adding a second one.";
    SpfIncludeAfterAll = "spf_include_after_all",
        "What we ask for stands after all, where nothing is read any more.",
        "Move it to the front.";
    SpfRefusedBefore = "spf_refused_before",
        "A term without + stands before what we ask for and keeps our servers from passing, or may.",
        "Move what we ask for to the front.";
    SpfPlusAll = "spf_plus_all",
        "The SPF record lets everybody send.",
        "End it with ~all.";
    SpfTooManyLookups = "spf_too_many_lookups",
        "Evaluating the SPF record takes more than ten look-ups, which receivers take for an error.",
        "Remove includes that are not needed any more.";
    SpfTooManyVoid = "spf_too_many_void",
        "More than two look-ups of the SPF record lead to nothing, which receivers take for an error.",
        "Remove the terms whose names do not exist.";
    SpfIncludeMissing = "spf_include_missing",
        "The SPF record includes a domain that has no SPF record, which receivers take for an error.",
        "Remove that include, or mend its name.";
    DmarcMultiple = "dmarc_multiple",
        "There is more than one DMARC record, which counts as none.",
        "Delete all but one.";
    DmarcSyntax = "dmarc_syntax",
        "The value is no DMARC record, or a policy in it is misspelt.",
        "Mend its p= tag if that is named, else replace the value with the one that is wanted.";
    DmarcPolicyWeaker = "dmarc_policy_weaker",
        "The policy is weaker than the one that is asked for.",
        "Change its p= tag, or publish a record where only a domain above has one.";
    DmarcRemovedTag = "dmarc_removed_tag",
        "The record has a tag that is no part of DMARC any more (RFC 9989).",
        "Remove that tag.";
    DmarcReportAddress = "dmarc_report_address",
        "No reports go to an address in the record: it is no mailto: URI.",
        "Write mailto: and the address, or remove it.";
    MxMissing = "mx_missing",
        "Our mail host is not among the MX records.",
        "Add it, and remove the others.";
    MxForeignPreferred = "mx_foreign_preferred",
        "Mail goes to another host first.",
        "Remove the others, or give them a larger preference.";
    MxForeignEqual = "mx_foreign_equal",
        "Another host shares the mail with ours.",
        "Remove it, or give it a larger preference.";
    MxNull = "mx_null",
        "A null MX tells the world that the domain takes no mail.",
        "Replace it; where it stands beside ours, delete it.";
    MxImplicit = "mx_implicit",
        "There is no MX record, and mail comes to us by the domain's own address alone.",
        "Publish the MX record.";
    MxCname = "mx_cname",
        "Our mail host is an alias, which a mail host must not be.",
        "Ask the operator of this mail system to mend it.";
    MxUnresolvable = "mx_unresolvable",
        "Our mail host has no address.",
        "Ask the operator of this mail system to mend it.";
    MxIpLiteral = "mx_ip_literal",
        "An IP address stands where a mail host's name must.",
        "Name the host instead.";
    WorksAtSomeReceivers = "works_at_some_receivers",
        "The key is right, but its record is written in a way that only some receivers take.",
        "Replace the value with the one that is wanted, or remove the tag that is named.";
    DmarcReportNotAuthorised = "dmarc_report_not_authorised",
        "No reports go to an address in another domain, because that domain does not allow them for this one.",
        "Change nothing: the record is right. The owner of the other domain must publish a record that allows the reports.";
    NameserverNotAsked = "nameserver_not_asked",
        "A name server of the zone was not asked: its address is not public, or it has been asked enough for one verification.",
        "Give it a public address, or remove it from the zone's NS records and at the registrar.";
    CnameIntoNothing = "cname_into_nothing",
        "The name is an alias (CNAME) of a name where there is no such record.",
        "Delete the CNAME record, and add the record that is shown in its place.";
    DomainIsAlias = "domain_is_alias",
        "The domain itself is an alias (CNAME) of another name, and so cannot have records of its own.",
        "Replace the CNAME record with address records, or with the form's own ALIAS or ANAME, and add the record that is shown.";
    DomainAddedToTarget = "domain_added_to_target",
        "The target ends in the domain: the form has added that by itself.",
        "Enter the target with a dot at its end.";
    RecordNameIncomplete = "record_name_incomplete",
        "The record stands at a name from which a part is missing.",
        "Enter the whole name that is shown.";
    RecordAtMail = "record_at_mail",
        "The record stands at or below mail, the name of a mail host.",
        "Enter the name that is shown: the record is of the domain in the addresses, not of a mail host.";
    RecordAtSpf = "record_at_spf",
        "The SPF record stands at a name of its own, such as _spf, where no receiver looks.",
        "Enter it at the domain itself, whose name in most forms is @.";
    SemicolonsMissing = "semicolons_missing",
        "Commas or spaces stand between the tags, where semicolons must.",
        "Enter the value that is shown, with its semicolons.";
    ValueInTwoRecords = "value_in_two_records",
        "The value was cut into pieces, and each was entered as a record of its own.",
        "Delete these records, and enter the whole value as one.";
    ValueCutShort = "value_cut_short",
        "A part of the value is missing: its end or its beginning.",
        "Enter the whole value; if the form takes no more, ask the DNS provider how to enter long TXT records.";
    SpfVersion = "spf_version",
        "What is there is meant as SPF, and does not begin with v=spf1 and a space, so that receivers pass over it.",
        "Enter the record that is shown in its place.";
    SpfSpaceMissing = "spf_space_missing",
        "There is no space between two terms of the SPF record. Strings of one record are joined with nothing between them.",
        "Enter the record that is shown in its place, in one piece.";
}

impl Finding {
    /// It is as it must be.
    pub(crate) fn pass(text: String, seen: String) -> Finding {
        Finding { verdict: Verdict::Pass, code: None, text, seen: Some(seen), action: None }
    }

    /// It is not, or not wholly.
    pub(crate) fn of(verdict: Verdict, code: Code, text: String, seen: Option<String>) -> Finding {
        Finding { verdict, code: Some(code), text, seen, action: None }
    }

    /// With what to do about it, where that is known better than from the finding alone.
    pub(crate) fn advising(self, action: Action) -> Finding {
        Finding { action: Some(action), ..self }
    }

    /// Whether nothing at all was there, for certain.
    pub(crate) fn is_absence(&self) -> bool {
        self.verdict == Verdict::Fail && self.seen.is_none()
    }
}
