//! `postroom report`: messages that were reported as misclassified, of whichever account.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::Subcommand;
use postroom::account;
use postroom::clock::Timestamp;
use postroom::db::Postroom;
use postroom::error::Error;
use postroom::id::{ApiKeyId, ReportId};
use postroom::name::DomainName;
use postroom::page::Page;
use postroom::report::{self, Report, Selection, mbox};
use serde_json::{Value, json};

use super::output::{self, printable, table};
use super::{Context, Failure};

#[derive(Subcommand)]
pub(super) enum Command {
    /// List reports, the newest first
    List {
        /// Of one account only
        #[arg(long)]
        account: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: u32,
    },
    /// Show a report: its envelope, and its message with control characters made visible
    Show {
        /// Its id
        id: i64,
        /// Write the message alone, octet for octet
        #[arg(long, conflicts_with = "json")]
        raw: bool,
    },
    /// Write reports to stdout, the oldest first: a mailbox file (mboxrd), or with --json a JSON object a line
    Export {
        /// Of one account only
        #[arg(long)]
        account: Option<String>,
        /// Filed then or later: a date, or a time of RFC 3339
        #[arg(long, value_name = "TIME")]
        since: Option<Timestamp>,
    },
}

pub(super) fn run(context: &mut Context, command: Command) -> Result<ExitCode, Failure> {
    let postroom = context.open()?;
    // What the background thread of a server would do: what is past its time is not shown either.
    report::expire(&postroom)?;
    match command {
        Command::List { account, limit } => {
            let reports = postroom.read(|tx| {
                let account = account.as_deref().map(|name| account::find(tx, name)).transpose()?;
                let selection = Selection { account: account.map(|account| account.id), since: None };
                report::list(tx, &selection, Page { limit, offset: 0 })
            })?;
            context.output.print(&reports.iter().map(json_of).collect(), || listed(&reports))?;
        }
        Command::Show { id, raw } => {
            let (report, message) = postroom.read(|tx| {
                let report = report::find(tx, ReportId::new(id))?;
                let message = report::message(tx, &report)?;
                Ok::<_, Error>((report, message))
            })?;
            if raw {
                output::write(&message)?;
                return Ok(ExitCode::SUCCESS);
            }
            context.output.print(&json_with(&report, &message), || shown(&report, &message))?;
        }
        Command::Export { account, since } => {
            let account =
                postroom.read(|tx| account.as_deref().map(|name| account::find(tx, name)).transpose())?;
            let selection = Selection { account: account.map(|account| account.id), since };
            return export(&postroom, &selection, context.output.json);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// One report after the other, each read by itself: a slow reader holds up nobody.
fn export(postroom: &Postroom, selection: &Selection, as_json: bool) -> Result<ExitCode, Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut last = None;
    loop {
        let found = postroom.read(|tx| {
            let Some(report) = report::next(tx, selection, last)? else { return Ok(None) };
            let message = report::message(tx, &report)?;
            Ok::<_, Error>(Some((report, message)))
        })?;
        let Some((report, message)) = found else { return written(out.flush()) };
        let entry = if as_json {
            format!("{}\n", json_with(&report, &message)).into_bytes()
        } else {
            mbox::entry(&report, &message)
        };
        if let Err(error) = out.write_all(&entry) {
            return written(Err(error));
        }
        last = Some(report.id);
    }
}

fn written(outcome: io::Result<()>) -> Result<ExitCode, Failure> {
    outcome.map(|()| ExitCode::SUCCESS).map_err(|error| Failure::unwritten(&error))
}

fn listed(reports: &[Report]) -> String {
    let rows: Vec<_> = reports
        .iter()
        .map(|report| {
            vec![
                report.id.to_string(),
                report.filed_at.to_string(),
                report.account.to_string(),
                report.kind.to_string(),
                told(report.sender.as_deref()),
                told(report.recipient.as_deref()),
                report.octets.to_string(),
            ]
        })
        .collect();
    table(&["ID", "FILED", "ACCOUNT", "KIND", "SENDER", "RECIPIENT", "OCTETS"], &rows)
}

fn shown(report: &Report, message: &[u8]) -> String {
    let domain = report.domain.as_ref().map_or("none of the account's", DomainName::as_str);
    let mut text = format!(
        "report:    {}\nkind:      {}\nfiled:     {}, by account {}\ndomain:    {domain}\n\
         sender:    {}\nrecipient: {}\nhelo:      {}\nclient:    {}\noctets:    {}\n\n",
        report.id,
        report.kind,
        report.filed_at,
        report.account,
        printable(&told(report.sender.as_deref())),
        printable(&told(report.recipient.as_deref())),
        printable(&told(report.helo.as_deref())),
        printable(&told(report.client.as_deref())),
        report.octets,
    );
    for line in String::from_utf8_lossy(message).lines() {
        let line = line.replace('\t', "    ");
        text.push_str(&printable(&line));
        text.push('\n');
    }
    text
}

/// A part of the envelope for people.
fn told(part: Option<&str>) -> String {
    match part {
        None => "-".to_owned(),
        Some("") => "<>".to_owned(),
        Some(text) => text.to_owned(),
    }
}

fn json_of(report: &Report) -> Value {
    json!({
        "id": report.id.number(), "kind": report.kind.as_str(), "filed_at": report.filed_at.to_string(),
        "account_id": report.account.number(), "api_key_id": report.key.map(ApiKeyId::number),
        "domain": report.domain.as_ref().map(DomainName::as_str), "sender": report.sender,
        "recipient": report.recipient, "helo": report.helo, "client": report.client, "octets": report.octets,
    })
}

/// A report with its message: as text where that is UTF-8, else in Base64.
fn json_with(report: &Report, message: &[u8]) -> Value {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let mut json = json_of(report);
    if let Value::Object(fields) = &mut json {
        let (name, text) = match std::str::from_utf8(message) {
            Ok(text) => ("message", text.to_owned()),
            Err(_) => ("message_base64", STANDARD.encode(message)),
        };
        fields.insert(name.to_owned(), text.into());
    }
    json
}
