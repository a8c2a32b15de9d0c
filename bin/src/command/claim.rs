//! `postroom claim`: as the operator, for whichever account.

use std::process::ExitCode;

use clap::Subcommand;
use postroom::account::{self, Caller};
use postroom::claim::{self, ClaimOutcome, ClaimState, NameClaim};
use postroom::dkim::pool;
use postroom::error::Error;
use postroom::page::Page;
use postroom::{domain, provision};
use serde_json::json;

use super::ask::Consent;
use super::named::parse;
use super::output::{printable, table};
use super::{Context, Exit, Failure};
use crate::json::claim::{claim_json, verified_json};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Claim a name for an account: it is created, or contends with the account that has it
    Create {
        /// The name
        name: String,
        /// The account's name
        #[arg(long)]
        account: String,
        /// As an alias of this domain of the account
        #[arg(long, value_name = "DOMAIN")]
        alias_of: Option<String>,
    },
    /// List the claims: names that accounts have, contend for, or have lost
    List {
        /// The account's name [default: every account]
        #[arg(long)]
        account: Option<String>,
    },
    /// Look for the record that proves a claim, now; exits 1 if it is not proved
    Verify {
        /// The name
        name: String,
        /// The account's name
        #[arg(long)]
        account: String,
    },
    /// Free a name, whoever has it: its domain is deleted with its keys and tokens, or its alias; asks first
    Free {
        /// The name
        name: String,
        #[command(flatten)]
        consent: Consent,
    },
}

pub(super) fn run(context: &mut Context, command: Command) -> Result<ExitCode, Failure> {
    let postroom = context.open()?;
    match command {
        Command::Create { name, account, alias_of } => {
            let name = parse(&name)?;
            let of = alias_of.as_deref().map(parse).transpose()?;
            let claim = pool::write(&postroom, |tx| {
                let caller = Caller::operator(account::find(tx, &account)?.id);
                let (claim, is_new) = claim::create(tx, &caller, &name, of.as_ref())?;
                if is_new && claim.state == ClaimState::Holds && claim.of.is_none() {
                    provision::equip(tx, &domain::find_named(tx, &caller, &name)?)?;
                }
                Ok(claim)
            })?;
            context.output.print(&claim_json(&claim), || created(&claim, &account))?;
        }
        Command::List { account } => {
            let claims = postroom.read(|tx| {
                let accounts = match &account {
                    Some(name) => vec![account::find(tx, name)?],
                    None => account::list(tx)?,
                };
                let page = Page { limit: u32::MAX, offset: 0 };
                let mut claims = Vec::new();
                for account in accounts {
                    claims.extend(claim::list(tx, &Caller::operator(account.id), page)?);
                }
                Ok::<_, Error>(claims)
            })?;
            let json = claims.iter().map(|claim| {
                let mut json = claim_json(claim);
                if let Some(fields) = json.as_object_mut() {
                    fields.insert("account_id".to_owned(), claim.account.number().into());
                }
                json
            });
            context.output.print_list(json, || {
                let row = |claim: &NameClaim| {
                    let reason = claim.reason.as_ref().map(|reason| reason.code.to_owned());
                    vec![
                        claim.name.to_string(),
                        claim.account.to_string(),
                        claim.of.as_ref().map_or("domain".to_owned(), |of| format!("alias of {of}")),
                        claim.state.to_string(),
                        if claim.acts { "acts".to_owned() } else { reason.unwrap_or_default() },
                    ]
                };
                let rows: Vec<_> = claims.iter().map(row).collect();
                table(&["NAME", "ACCOUNT", "KIND", "STATE", "ACTS"], &rows)
            })?;
        }
        Command::Verify { name, account } => {
            let name = parse(&name)?;
            let caller = postroom.read(|tx| account::find(tx, &account).map(|it| Caller::operator(it.id)))?;
            let verified = claim::verify(&postroom, &caller, &name, &context.resolver()?)?;
            context.output.print(&verified_json(&verified), || {
                let findings =
                    verified.seen.iter().map(|(_, look)| format!("{}\n", printable(&look.finding.text)));
                format!("{}{}", findings.collect::<String>(), shown(&verified.claim))
            })?;
            if verified.outcome == ClaimOutcome::NotYet {
                return Ok(Exit::Wrong.into());
            }
        }
        Command::Free { name, consent } => {
            let name = parse(&name)?;
            let whose = postroom.read(|tx| claim::whose(tx, &name))?;
            let what = match &whose.of {
                Some(of) => format!("the alias {name} of {of}"),
                None => format!("the domain {name} with its records, DKIM keys and tokens"),
            };
            consent.ask(&format!("Take {what} from account {}?", whose.account), name.as_str())?;
            let freed = postroom.write(|tx| claim::free(tx, &name))?;
            let of = freed.of.as_ref().map(postroom::DomainName::as_str);
            let json = json!({ "freed": name.as_str(), "account_id": freed.account.number(), "of": of });
            context.output.print(&json, || format!("{name} is free; account {} had it.", freed.account))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A claim that was made, with what is to be done next.
fn created(claim: &NameClaim, account: &str) -> String {
    let NameClaim { name, state: ClaimState::Holds, acts: false, proved_at: None, challenge, .. } = claim
    else {
        return shown(claim);
    };
    let account = printable(account);
    let what =
        claim.of.as_ref().map_or_else(|| format!("domain {name}"), |of| format!("alias {name} of {of}"));
    format!(
        "The account {account} has the {what}, but it does not act yet: publish this record, then run \
         `postroom claim verify {name} --account {account}`.\n\n    {}. TXT \"{}\"\n",
        challenge.name, challenge.value
    )
}

/// A claim in a few lines, with what proves it.
fn shown(claim: &NameClaim) -> String {
    let NameClaim { name, state, challenge, .. } = claim;
    let what = claim.of.as_ref().map_or("domain".to_owned(), |of| format!("alias of {of}"));
    let acts = match &claim.reason {
        None => "it acts".to_owned(),
        Some(reason) => reason.text.clone(),
    };
    let proof = if claim.proved_at.is_some() || *state == ClaimState::Lost {
        String::new()
    } else {
        format!("\nThe record that proves it:\n\n    {}. TXT \"{}\"\n", challenge.name, challenge.value)
    };
    format!(
        "{name} ({what}) {}: {acts}.{proof}",
        match state {
            ClaimState::Holds => "is the account's",
            ClaimState::Contends => "is contended for",
            ClaimState::Lost => "is lost",
        }
    )
}
