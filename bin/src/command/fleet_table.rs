//! `postroom domain list`: the whole fleet at a glance.

use std::process::ExitCode;

use postroom::account::{self, Account, Caller};
use postroom::clock::Timestamp;
use postroom::db::{Postroom, ReadTx};
use postroom::domain::{self, Details, Domain, DomainStatus, Order};
use postroom::error::Error;
use postroom::name::Selector;
use postroom::page::{Direction, Page};
use postroom::rotation;
use postroom::signing::{self, Assessment};
use serde_json::Value;

use super::output::table;
use super::{Context, Failure};
use crate::json::domain::domain_json;
use crate::json::signing::add_assessment;

/// The most characters of a reason in the table; `domain why` has all of it.
const REASON_CHARS: usize = 60;

/// A domain as the table shows it.
struct Line {
    account: String,
    domain: Details,
    assessment: Assessment,
    next_rotation: Option<Timestamp>,
}

pub(super) fn list(
    context: &Context,
    postroom: &Postroom,
    account: Option<&str>,
    status: Option<DomainStatus>,
    page: Page,
) -> Result<ExitCode, Failure> {
    let lines = postroom.read(|tx| {
        let accounts = match account {
            Some(name) => vec![account::find(tx, name)?],
            None => account::list(tx)?,
        };
        let mut lines = Vec::new();
        for account in &accounts {
            lines.extend(of_account(tx, account, status, page)?);
        }
        Ok::<_, Error>(lines)
    })?;
    context.output.print_list(lines.iter().map(line_json), || {
        let rows: Vec<_> = lines.iter().map(row).collect();
        table(&["ID", "ACCOUNT", "DOMAIN", "STATUS", "SIGNS WITH", "NEXT ROTATION", "WHY"], &rows)
    })?;
    Ok(ExitCode::SUCCESS)
}

fn of_account(
    tx: &ReadTx<'_>,
    account: &Account,
    status: Option<DomainStatus>,
    page: Page,
) -> Result<Vec<Line>, Error> {
    let caller = Caller::operator(account.id);
    let domains = match status {
        Some(status) => domain::list_with_status(tx, &caller, status, page)?,
        None => domain::list(tx, &caller, Order::Created, Direction::Descending, page)?,
    };
    let (assessments, rotations) = (signing::list(tx, &domains)?, rotation::next_each(tx, &domains)?);
    let line = |(domain, assessment): (Domain<'_>, Assessment)| Line {
        account: account.name.clone(),
        assessment,
        next_rotation: rotations.get(&domain.id).copied(),
        domain: domain.into_details(),
    };
    Ok(domains.into_iter().zip(assessments).map(line).collect())
}

fn line_json(line: &Line) -> Value {
    let mut json = domain_json(&line.domain);
    add_assessment(&mut json, &line.assessment);
    if let Value::Object(fields) = &mut json {
        fields.insert("account".to_owned(), line.account.as_str().into());
        fields.insert("next_rotation_at".to_owned(), line.next_rotation.map(|at| at.to_string()).into());
    }
    json
}

fn row(line: &Line) -> Vec<String> {
    let signing = &line.assessment.signing;
    let selectors: Vec<&str> = signing.selectors.iter().map(Selector::as_str).collect();
    let by = if signing.signs() && signing.by.as_str() != line.domain.name.as_str() {
        format!(" of {}", signing.by)
    } else {
        String::new()
    };
    let why = line.assessment.reason().or_else(|| line.assessment.reasons.first());
    vec![
        line.domain.id.to_string(),
        line.account.clone(),
        line.domain.name.to_string(),
        line.domain.status.to_string(),
        if signing.signs() { selectors.join(",") + &by } else { "-".to_owned() },
        line.next_rotation.map_or_else(|| "-".to_owned(), day),
        why.map_or_else(String::new, |why| cut(&why.text)),
    ]
}

/// The day of a moment.
fn day(at: Timestamp) -> String {
    at.to_string().chars().take_while(|c| *c != 'T').collect()
}

/// The beginning of a long text.
fn cut(text: &str) -> String {
    if text.chars().count() <= REASON_CHARS {
        return text.to_owned();
    }
    text.chars().take(REASON_CHARS - 1).chain(['…']).collect()
}
