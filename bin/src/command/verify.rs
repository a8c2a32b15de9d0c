//! `postroom verify`, `postroom domain verify` and `postroom domain watch`: looking at the DNS now, for people.

use std::collections::HashMap;
use std::net::IpAddr;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use postroom::account::Caller;
use postroom::db::Postroom;
use postroom::dkim::PublicKey;
use postroom::domain::{self, Details, Domain};
use postroom::error::Error;
use postroom::id::DomainId;
use postroom::name::{DnsName, DomainName, Selector};
use postroom::settings::{DmarcPolicy, SpfMechanism};
use postroom::verify::{
    self, Checked, CnameExpectation, DkimExpectation, DmarcExpectation, Expectation, Finding, Look,
    MxExpectation, SpfExpectation, Verdict,
};

use super::named::{find, parse};
use super::output::{is_coloured, printable};
use super::{Context, Exit, Failure};
use crate::json::finding::{checked_json, looks_json};

/// Look at anybody's domain, without a database: say what you expect, and read what is there
///
/// Exits 1 when a record fails or cannot be told now. A value with spaces or semicolons needs quotes.
#[derive(clap::Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Args {
    /// The domain
    name: String,
    /// The DKIM key's selector
    #[arg(long, requires = "expect_dkim")]
    selector: Option<Selector>,
    /// The DKIM key: the value of its record, or its Base64 alone
    #[arg(long, value_name = "KEY", requires = "selector")]
    expect_dkim: Option<PublicKey>,
    /// The host that takes the domain's mail
    #[arg(long, value_name = "HOST")]
    expect_mx: Option<DnsName>,
    /// A mechanism that the SPF record must have: mx, include:spf.example.net, ip4:192.0.2.1
    #[arg(long, value_name = "MECHANISM")]
    expect_spf: Option<SpfMechanism>,
    /// An address that the SPF record must pass; may be given several times. If one is given, SPF is judged by these addresses, not by --expect-spf
    #[arg(long, value_name = "IP", requires = "expect_spf")]
    sender: Vec<IpAddr>,
    /// The policy that the DMARC record must have at least: none, quarantine or reject
    #[arg(long, value_name = "POLICY")]
    expect_dmarc: Option<DmarcPolicy>,
    /// A name below the domain that must be an alias, and what of: mailer=return-path.example.net
    #[arg(long, value_name = "LABEL=HOST")]
    expect_cname: Option<String>,
}

/// `postroom verify`.
pub(super) fn anybodys(context: &Context, args: &Args) -> Result<ExitCode, Failure> {
    let name = parse(&args.name)?;
    let expected = expectations(&name, args)?;
    if expected.is_empty() {
        return Err(Failure::input(
            "say what you expect, with --expect-mx, --expect-spf, … ; see verify --help",
        ));
    }
    let looks = verify::look(&name, &expected, &context.resolver()?);
    let looks: Vec<Look> = looks.into_iter().map(Look::for_operator).collect();
    context.output.print(&looks_json(name.as_str(), &expected, &looks), || {
        let lines = expected.iter().zip(&looks).map(|(expected, look)| line(expected.name(), &look.finding));
        let mut text: String = lines.collect();
        if looks.iter().any(|look| look.finding.verdict == Verdict::Temporary) {
            text += "\nWhat cannot be told now: run the command again later, or set dns.resolvers.";
        }
        text
    })?;
    let right = looks.iter().all(|look| look.finding.verdict.passes());
    Ok(if right { ExitCode::SUCCESS } else { Exit::Wrong.into() })
}

fn expectations(name: &DomainName, args: &Args) -> Result<Vec<Expectation>, Failure> {
    let mut expected = Vec::new();
    if let Some(host) = &args.expect_mx {
        expected.push(Expectation::Mx(MxExpectation {
            name: name.dns().clone(),
            host: host.clone(),
            priority: 10,
        }));
    }
    if let Some(mechanism) = &args.expect_spf {
        expected.push(Expectation::Spf(SpfExpectation {
            name: name.dns().clone(),
            mechanisms: vec![mechanism.to_string()],
            addresses: args.sender.clone(),
            whole: format!("v=spf1 {mechanism} ~all"),
        }));
    }
    if let Some(policy) = args.expect_dmarc {
        let whole = format!("v=DMARC1; p={policy}");
        expected.push(Expectation::Dmarc(DmarcExpectation { name: name.record("_dmarc"), policy, whole }));
    }
    if let (Some(selector), Some(key)) = (&args.selector, &args.expect_dkim) {
        let name = name.record(&selector.host());
        expected.push(Expectation::Dkim(DkimExpectation { name, key: key.clone(), others: Vec::new() }));
    }
    if let Some(text) = &args.expect_cname {
        let wrong =
            || Failure::input("--expect-cname wants LABEL=HOST, such as mailer=return-path.example.net");
        let (label, target) = text.split_once('=').ok_or_else(wrong)?;
        let alias = name.dns().child(label).map_err(|_| wrong())?;
        expected.push(Expectation::Cname(CnameExpectation {
            name: alias,
            target: target.parse().map_err(|_| wrong())?,
        }));
    }
    Ok(expected)
}

/// `postroom domain verify`.
pub(super) fn once(context: &Context, postroom: &Postroom, name: &str) -> Result<ExitCode, Failure> {
    let resolver = context.resolver()?;
    let name = parse(name)?;
    let (caller, id) = whose(postroom, &name)?;
    let (domain, checked) = check(postroom, &caller, id, &resolver)?;
    context.output.print(&checked_json(&domain, &checked), || {
        let lines: String =
            checked.iter().map(|each| line(&each.record.name(&domain), &each.finding)).collect();
        format!("{lines}\n{} is {}.", domain.name, domain.status)
    })?;
    let right = checked.iter().all(|each| each.finding.verdict.passes());
    Ok(if right { ExitCode::SUCCESS } else { Exit::Wrong.into() })
}

/// `postroom domain watch`: until every record passes, telling what has changed since the look before.
pub(super) fn watch(
    context: &Context,
    postroom: &Postroom,
    name: &str,
    every: Duration,
) -> Result<ExitCode, Failure> {
    let resolver = context.resolver()?;
    let name = parse(name)?;
    let (caller, id) = whose(postroom, &name)?;
    let mut told: HashMap<i64, String> = HashMap::new();
    loop {
        let (domain, checked) = check(postroom, &caller, id, &resolver)?;
        let is_new = |each: &&Checked| told.get(&each.record.id.number()) != Some(&each.finding.text);
        let news: Vec<Checked> = checked.iter().filter(is_new).cloned().collect();
        if !news.is_empty() {
            context.output.print(&checked_json(&domain, &news), || {
                let lines: String =
                    news.iter().map(|each| line(&each.record.name(&domain), &each.finding)).collect();
                format!("{}\n{lines}", postroom.now())
            })?;
        }
        told.extend(news.iter().map(|each| (each.record.id.number(), each.finding.text.clone())));
        if checked.iter().all(|each| each.finding.verdict.passes()) {
            return Ok(ExitCode::SUCCESS);
        }
        thread::sleep(every);
    }
}

/// Checks, and reads the domain as it stands after that.
fn check(
    postroom: &Postroom,
    caller: &Caller,
    id: DomainId,
    resolver: &dyn postroom::dns::Resolver,
) -> Result<(Details, Vec<Checked>), Failure> {
    let checked = verify::check(postroom, caller, id, resolver)?;
    let domain = postroom.read(|tx| domain::find(tx, caller, id).map(Domain::into_details))?;
    Ok((domain, checked.into_iter().map(Checked::for_operator).collect()))
}

/// The domain of this name, and the operator acting for its owner.
fn whose(postroom: &Postroom, name: &DomainName) -> Result<(Caller, DomainId), Error> {
    postroom.read(|tx| find(tx, name).map(|(caller, domain)| (caller, domain.id)))
}

/// A finding in two lines: verdict, name and code; the sentence.
fn line(name: &DnsName, finding: &Finding) -> String {
    let code = finding.code.map_or(String::new(), |code| format!(" [{}]", code.as_str()));
    format!("{} {name}{code}\n          {}\n", painted(finding.verdict), printable(&finding.text))
}

/// The verdict, in colour on a terminal unless `NO_COLOR` is set.
fn painted(verdict: Verdict) -> String {
    let word = format!("{:<9}", verdict.as_str().to_uppercase());
    if !is_coloured(&std::io::stdout()) {
        return word;
    }
    let colour = match verdict {
        Verdict::Pass => 32,
        Verdict::Warn | Verdict::Temporary => 33,
        Verdict::Fail => 31,
    };
    format!("\x1b[{colour}m{word}\x1b[0m")
}
