//! `postroom domain check --all`: looks at the DNS of every domain now.

use std::process::ExitCode;

use postroom::account::{self, Caller};
use postroom::db::Postroom;
use postroom::domain::{self, Details, Domain, Order};
use postroom::error::Error;
use postroom::id::DomainId;
use postroom::page::{Direction, Page};
use postroom::verify::{self, Checked};
use serde_json::{Value, json};

use super::output::printable;
use super::{Context, Exit, Failure, progress};

/// How many domains are looked at side by side, as the server does.
const AT_ONCE: usize = 16;

/// What was found of one domain.
struct Found {
    domain: Details,
    checked: Vec<Checked>,
}

impl Found {
    fn is_right(&self) -> bool {
        self.checked.iter().all(|each| each.finding.verdict.passes())
    }

    /// A line for the domain, and one for each record that does not pass.
    fn text(&self) -> String {
        let wrong = self.checked.iter().filter(|each| !each.finding.verdict.passes());
        let lines = wrong.map(|each| {
            let (verdict, text) = (each.finding.verdict.as_str(), printable(&each.finding.text));
            format!("    {verdict} {}: {text}\n", each.record.name(&self.domain))
        });
        format!("{} is {}\n{}", self.domain.name, self.domain.status, lines.collect::<String>())
    }

    fn json(&self) -> Value {
        let wrong = self.checked.iter().filter(|each| !each.finding.verdict.passes());
        let wrong = wrong.map(|each| {
            json!({
                "name": each.record.name(&self.domain).as_str(),
                "verdict": each.finding.verdict.as_str(),
                "code": each.finding.code.map(verify::Code::as_str),
                "text": each.finding.text,
            })
        });
        json!({
            "domain": self.domain.name.as_str(), "status": self.domain.status.as_str(),
            "right": self.is_right(), "wrong": wrong.collect::<Vec<_>>(),
        })
    }
}

pub(super) fn run(context: &Context, postroom: &Postroom) -> Result<ExitCode, Failure> {
    let resolver = context.resolver()?;
    let domains = postroom.read(|tx| {
        let mut all = Vec::new();
        for account in account::list(tx)? {
            let caller = Caller::operator(account.id);
            let page = Page { limit: u32::MAX, offset: 0 };
            let domains = domain::list(tx, &caller, Order::Id, Direction::Ascending, page)?;
            all.extend(domains.iter().map(|domain| (caller.clone(), domain.id)));
        }
        Ok::<_, Error>(all)
    })?;
    let looked =
        progress::each("checking", &domains, AT_ONCE, |(caller, id)| look(postroom, caller, *id, &resolver));
    let mut found = Vec::new();
    for result in looked {
        match result {
            Ok(domain) => found.push(domain),
            // Deleted or handed over since the list was read.
            Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let right = found.iter().filter(|each| each.is_right()).count();
    context.output.print_list(found.iter().map(Found::json), || {
        let lines: String = found.iter().map(Found::text).collect();
        format!("{lines}\n{right} of {} domains are right.\n", found.len())
    })?;
    Ok(if right == found.len() { ExitCode::SUCCESS } else { Exit::Wrong.into() })
}

fn look(
    postroom: &Postroom,
    caller: &Caller,
    id: DomainId,
    resolver: &dyn postroom::dns::Resolver,
) -> Result<Found, Error> {
    let checked = verify::check(postroom, caller, id, resolver)?;
    let domain = postroom.read(|tx| domain::find(tx, caller, id).map(Domain::into_details))?;
    Ok(Found { domain, checked: checked.into_iter().map(Checked::for_operator).collect() })
}
