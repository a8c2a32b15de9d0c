//! The sentence that describes a change to people.

use std::fmt;

use super::{Change, DomainRef, ListOwner, Loss};

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::AccountCreated { name } => write!(f, "account {name} created"),
            Change::AccountTrusted { name } => {
                write!(f, "account {name} trusted: its names act without proof")
            }
            Change::AccountDistrusted { name } => {
                write!(f, "account {name} not trusted any more: its names act when they are proved")
            }
            Change::ApiKeyCreated { key, description } => {
                write!(f, "API key {key}{} created", quoted(description.as_ref()))
            }
            Change::ApiKeyRevoked { key, description } => {
                write!(f, "API key {key}{} revoked", quoted(description.as_ref()))
            }
            Change::ApiKeyRotated { key, description, grace_minutes } => {
                let description = quoted(description.as_ref());
                write!(
                    f,
                    "API key {key}{description} rotated; its secret before is valid for {grace_minutes} minutes more"
                )
            }
            Change::ApiKeyRefused { key, request, reason } => {
                write!(f, "API key {key} refused at {request}: {reason}")
            }
            Change::SubscriptionCreated { handle, max_domains, max_recipients } => {
                let most = |most: &Option<u32>| most.map_or("no limit".to_owned(), |most| most.to_string());
                let (domains, recipients) = (most(max_domains), most(max_recipients));
                write!(f, "subscription {handle} created (domains: {domains}, recipients: {recipients})")
            }
            Change::LoginLinkCreated { domain, link } => write!(f, "login link {link} for {domain} created"),
            Change::LoginLinkUsed { domain, link } => write!(f, "login link {link} for {domain} used"),
            Change::AccountLinkCreated { account, link } => {
                write!(f, "login link {link} for the account {account} created")
            }
            Change::AccountLinkUsed { account, link } => {
                write!(f, "login link {link} for the account {account} used")
            }
            Change::OperatorLinkCreated { link } => write!(f, "login link {link} for the operator created"),
            Change::OperatorLinkUsed { link } => write!(f, "login link {link} for the operator used"),
            Change::SetupLinkCreated { domain, link, until } => {
                write!(f, "set-up link {link} for {domain} created, until {until}")
            }
            Change::SetupLinkRevoked { domain, link } => write!(f, "set-up link {link} for {domain} revoked"),
            Change::AccountOpened { account, session } => {
                write!(f, "account {account} opened by the operator in the console (session {session})")
            }
            Change::SessionEnded { session, role } => {
                write!(f, "session {session} in the console ended ({role})")
            }
            Change::AdministratorAdded { .. }
            | Change::AdministratorSignedIn { .. }
            | Change::AdministratorChanged { .. }
            | Change::AdministratorRemoved { .. }
            | Change::PasskeyAdded { .. }
            | Change::PasskeyRenamed { .. }
            | Change::PasskeyUsed { .. }
            | Change::PasskeyRefused { .. }
            | Change::PasskeyRemoved { .. } => self.administrator_sentence(f),
            Change::ReportFiled { report, kind, domain } => {
                let kind = kind.replace('_', " ");
                write!(
                    f,
                    "report {report} of a {kind} filed{}",
                    after(" for a recipient at ", domain.as_ref())
                )
            }
            Change::RecipientCreated { address, filtered, administrator, .. } => {
                write!(f, "recipient {address} added: {}", settings(*filtered, *administrator))
            }
            Change::RecipientChanged { address, filtered, administrator, .. } => {
                write!(f, "recipient {address} changed: {}", settings(*filtered, *administrator))
            }
            Change::RecipientDeleted { address, .. } => write!(f, "recipient {address} deleted"),
            Change::ListEntryAdded { owner, list, item, .. } => {
                write!(f, "{item} added to the {list} of {}", Owner(owner))
            }
            Change::ListEntryRemoved { owner, list, item, .. } => {
                write!(f, "{item} removed from the {list} of {}", Owner(owner))
            }
            _ => self.domain_sentence(f),
        }
    }
}

impl Change {
    fn domain_sentence(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::DomainCreated { domain, label, user, .. } => {
                let user = after(" for user ", user.as_ref());
                write!(f, "domain {domain}{} created{user}", quoted(label.as_ref()))
            }
            Change::LabelChanged { domain, from, to } => match (from, to) {
                (from, Some(to)) => {
                    write!(f, "label of {domain} set to \"{to}\"{}", was(from.as_ref()))
                }
                (from, None) => write!(f, "label of {domain} removed{}", was(from.as_ref())),
            },
            Change::DomainTied { domain, key } => {
                write!(f, "domain {domain} tied to API key {key}; no other key can see it")
            }
            Change::DomainUntied { domain, key } => {
                let before = after("; before, it was tied to API key ", key.as_ref());
                write!(f, "domain {domain} opened to every API key of its account{before}")
            }
            Change::DomainAdopted { domain, user, .. } => {
                write!(f, "domain {domain} assigned to user {user}")
            }
            Change::FirstKeyRefused { domain, reason } => {
                write!(f, "first DKIM key of {domain} not created: {reason}")
            }
            Change::DomainRenamed { domain, from } => write!(f, "domain {from} renamed to {domain}"),
            Change::DomainDeleted { domain } => write!(f, "domain {domain} deleted"),
            Change::DomainGaveWay { .. }
            | Change::AliasGaveWay { .. }
            | Change::DomainClaimed { .. }
            | Change::DomainProved { .. }
            | Change::AliasProved { .. }
            | Change::ClaimCreated { .. }
            | Change::ClaimDeleted { .. }
            | Change::ClaimProved { .. } => self.claim_sentence(f),
            Change::DomainTransferred { domain, from, to } => {
                write!(f, "domain {domain} transferred from account {from} to account {to}")
            }
            Change::DomainStatusChanged { domain, from, to } => {
                write!(f, "status of {domain} changed from {from} to {to}")
            }
            Change::AuthorityChanged { domain, authority: Some(authority) } => {
                write!(f, "DKIM authority of {domain} changed: the keys of {authority} sign for it")
            }
            Change::AuthorityChanged { domain, authority: None } => {
                write!(f, "DKIM authority of {domain} changed: its own keys sign for it")
            }
            Change::AliasAdded { domain, alias } => write!(f, "alias {alias} added to {domain}"),
            Change::AliasRemoved { domain, alias } => write!(f, "alias {alias} removed from {domain}"),
            Change::TokenCreated { domain, token, name } => {
                write!(f, "token {token}{} of {domain} created", quoted(name.as_ref()))
            }
            Change::TokenRenamed { domain, token, from, to } => match to {
                Some(to) => write!(f, "token {token} of {domain} named \"{to}\"{}", was(from.as_ref())),
                None => write!(f, "name of token {token} of {domain} removed{}", was(from.as_ref())),
            },
            Change::TokenRevoked { domain, token, name } => {
                write!(f, "token {token}{} of {domain} revoked", quoted(name.as_ref()))
            }
            Change::MailStored { domain, messages, minutes } => {
                write!(f, "mail of {domain} stored: {messages} messages in {minutes} minutes")
            }
            Change::MessageReleased { mailbox, message, .. } => {
                write!(f, "message {message} that was held back for {mailbox} delivered")
            }
            Change::MessageDeleted { mailbox, message, .. } => {
                write!(f, "message {message} that was held back for {mailbox} deleted")
            }
            Change::WebhookFailed { domain, posts, minutes } => {
                write!(f, "webhook of {domain} failed: {posts} posts in {minutes} minutes")
            }
            Change::TokenRefused { domain, logins, minutes } => {
                write!(f, "logins for {domain} refused: {logins} in {minutes} minutes")
            }
            Change::VaultOpened { address } => {
                write!(f, "the bridge gives private DKIM keys to who has the vault's token, at {address}")
            }
            Change::VaultClosed { address } => {
                write!(f, "the bridge gives no private keys at {address} any more")
            }
            Change::RouteChanged { .. } | Change::InboundChanged { .. } => self.mail_sentence(f),
            _ => self.signing_sentence(f),
        }
    }

    fn administrator_sentence(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::AdministratorAdded { administrator, name } => {
                write!(f, "{name} (administrator {administrator}) signs in with a password from now on")
            }
            Change::AdministratorSignedIn { administrator, name, by_code } => {
                let with = if *by_code { "a password and a recovery code" } else { "a password" };
                write!(f, "{name} (administrator {administrator}) signed in with {with}")
            }
            Change::AdministratorChanged { administrator, name, what } => {
                write!(f, "{name} (administrator {administrator}) changed the {what}")
            }
            Change::AdministratorRemoved { administrator, name } => {
                write!(f, "{name} (administrator {administrator}) cannot sign in without a link any more")
            }
            Change::PasskeyAdded { passkey, label, administrator, name } => {
                write!(f, "passkey {passkey} ({label}) of {name} (administrator {administrator}) added")
            }
            Change::PasskeyRenamed { passkey, label, administrator, name } => {
                write!(f, "passkey {passkey} of {name} (administrator {administrator}) renamed to {label}")
            }
            Change::PasskeyUsed { passkey, label, administrator, name } => {
                write!(f, "{name} (administrator {administrator}) signed in with passkey {passkey} ({label})")
            }
            Change::PasskeyRefused { passkey, label, administrator, name, kept, came } => write!(
                f,
                "passkey {passkey} ({label}) of {name} (administrator {administrator}) refused: its count of signatures went \
                 back from {kept} to {came}, so there may be a copy of it"
            ),
            Change::PasskeyRemoved { passkey, label, administrator, name } => {
                write!(f, "passkey {passkey} ({label}) of {name} (administrator {administrator}) removed")
            }
            _ => Ok(()),
        }
    }

    fn claim_sentence(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::DomainGaveWay { domain, reason } => {
                write!(f, "domain {domain} {}", lost(reason.or(Some(Loss::Creation)), domain))
            }
            Change::AliasGaveWay { domain, alias, reason } => {
                write!(f, "alias {alias} of {domain} {}", lost(*reason, domain))
            }
            Change::DomainClaimed { name, reason } => {
                let which = match reason {
                    None | Some(Loss::Creation) => "which never verified it",
                    Some(Loss::Proof) => "which had not proved it",
                    Some(Loss::FreshProof | Loss::Operator) => "whose records for it were lost",
                };
                write!(f, "domain {name} claimed from another account, {which}")
            }
            Change::DomainProved { domain, by } => write!(f, "domain {domain} proved by its {by}"),
            Change::AliasProved { domain, alias } => {
                write!(f, "alias {alias} of {domain} proved by its challenge")
            }
            Change::ClaimCreated { name } => write!(f, "claim to {name} created"),
            Change::ClaimDeleted { name } => write!(f, "claim to {name} deleted"),
            Change::ClaimProved { name } => write!(f, "claim to {name} proved by its challenge"),
            _ => Ok(()),
        }
    }

    fn mail_sentence(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        match self {
            Change::RouteChanged {
                domain,
                from,
                to,
                webhook_url_changed,
                webhook_secret_changed,
                forward_address_changed,
                recipients,
                catch_all_changed,
                catch_all,
            } => {
                let (from, to) = (from.replace('_', " "), to.replace('_', " "));
                if from == to {
                    write!(f, "route of {domain} set to \"{to}\"")?;
                } else {
                    write!(f, "route of {domain} changed from \"{from}\" to \"{to}\"")?;
                }
                for (changed, what) in [
                    (webhook_url_changed, "webhook URL"),
                    (webhook_secret_changed, "webhook secret"),
                    (forward_address_changed, "forwarding address"),
                ] {
                    parts.extend(changed.then(|| format!("{what} changed")));
                }
                parts.extend(recipients.as_ref().map(|word| format!("recipients set to \"{word}\"")));
                parts.extend(catch_all_changed.map(|_| match catch_all {
                    Some(address) => format!("catch-all address set to {address}"),
                    None => "catch-all address removed".to_owned(),
                }));
            }
            Change::InboundChanged {
                domain,
                filtering_changed,
                policy,
                overrides,
                header_name,
                header_value,
                admins,
                downstream,
                aliases,
            } => {
                write!(f, "incoming mail settings of {domain} changed")?;
                if *filtering_changed {
                    let policy = policy.as_deref().unwrap_or("not set");
                    parts.push(format!("spam policy {policy}"));
                    parts.extend(overrides.map(|overrides| {
                        let whose =
                            if overrides { "this policy holds" } else { "the server's policy holds instead" };
                        whose.to_owned()
                    }));
                    parts.extend(header_name.as_ref().map(|name| format!("spam header field {name}")));
                    parts.extend(header_value.as_ref().map(|value| format!("spam header value \"{value}\"")));
                }
                parts.extend(admins.as_deref().map(|all| enumerated("administrators", all)));
                parts.extend(downstream.as_deref().map(|all| enumerated("downstream servers", all)));
                parts.extend(aliases.as_deref().map(|all| enumerated("aliases", all)));
            }
            _ => {}
        }
        if parts.is_empty() { Ok(()) } else { write!(f, "; {}", parts.join("; ")) }
    }

    fn signing_sentence(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::RecordStatusChanged {
                domain, kind, host, from, to, finding, servers, failures, ..
            } => {
                let record = Record { kind, host, domain: &domain.name };
                let finding = after("; finding: ", finding.as_ref());
                let servers = servers.as_deref().map(|all| enumerated("servers", all));
                let failures = failures.filter(|failures| *failures > 0);
                write!(
                    f,
                    "{record} changed from {from} to {to}{finding}{}{}",
                    after("; ", servers.as_ref()),
                    after("; failures in a row: ", failures.as_ref())
                )
            }
            Change::RecordMarked { domain, kind, host, from, to, .. } => {
                let record = Record { kind, host, domain: &domain.name };
                if to == "pending" {
                    write!(f, "{record} given back to the checks (was {from})")
                } else {
                    write!(f, "{record} marked {to} manually (was {from})")
                }
            }
            Change::DkimKeyCreated { domain, key, delegated_to } => {
                write!(f, "key {key} of {domain} created{}", after(", delegated to ", delegated_to.as_ref()))
            }
            Change::DkimKeyImported { domain, key } => write!(f, "key {key} of {domain} imported"),
            Change::DkimKeyActivated { domain, key } => write!(f, "key {key} of {domain} activated"),
            Change::DkimKeyDeactivated { domain, key } => write!(f, "key {key} of {domain} deactivated"),
            Change::DkimKeyRetired { domain, key } => {
                write!(f, "key {key} of {domain} deactivated: another key signs in its place")
            }
            Change::DkimKeyRenamed { domain, key, from } => {
                write!(f, "selector of key {from} of {domain} changed to {key}")
            }
            Change::DkimKeyDeleted { domain, key } => write!(f, "key {key} of {domain} deleted"),
            Change::DkimKeyReleased { domain, key } => {
                write!(f, "key {key} of {domain} released: its record may be removed from the DNS")
            }
            Change::RotationStarted { domain, key, replaces } => {
                let replaces = after(" and replaces key ", replaces.as_ref());
                write!(f, "key rotation of {domain} started: key {key} waits for its record{replaces}")
            }
            Change::RotationAborted { domain } => write!(f, "key rotation of {domain} aborted"),
            Change::RotationIntervalChanged { domain, from_hours, to_hours } => {
                let every =
                    |hours: &Option<u64>| hours.map_or("by hand only".to_owned(), |h| format!("every {h} h"));
                let (from, to) = (every(from_hours), every(to_hours));
                write!(f, "key rotation of {domain} set to {to} (was {from})")
            }
            Change::RotationPostponed { domain, hours, reason } => {
                write!(f, "key rotation of {domain} put off for {hours} h: {reason}")
            }
            // Each of the others has its sentence above.
            _ => Ok(()),
        }
    }
}

/// A record, by its kind and its host.
struct Record<'a> {
    kind: &'a str,
    host: &'a str,
    domain: &'a crate::name::DomainName,
}

impl fmt::Display for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            "return_path" => f.write_str("return path record")?,
            kind => write!(f, "record {}", kind.to_uppercase())?,
        }
        // The record of the domain's own name has no host below it.
        if self.host != "@" {
            write!(f, " {}", self.host)?;
        }
        write!(f, " of {}", self.domain)
    }
}

struct Owner<'a>(&'a ListOwner);

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ListOwner::Account(id) => write!(f, "account {id}"),
            other => other.fmt(f),
        }
    }
}

/// How a name was lost.
fn lost(reason: Option<Loss>, domain: &DomainRef) -> String {
    match reason {
        Some(Loss::Proof) => "lost to another account, which has proved that it is its own".to_owned(),
        Some(Loss::FreshProof) => {
            "lost to another account, which has proved it after its records were lost".to_owned()
        }
        Some(Loss::Operator) => "freed by the operator".to_owned(),
        Some(Loss::Creation) => "claimed by another account because it was never verified".to_owned(),
        None => format!("claimed by another account because {domain} was never verified"),
    }
}

fn settings(filtered: bool, administrator: bool) -> String {
    let filtered = if filtered { "mail filtered" } else { "mail not filtered" };
    if administrator { format!("{filtered}, administrator of its domain") } else { filtered.to_owned() }
}

fn enumerated(what: &str, all: &[impl fmt::Display]) -> String {
    /// The most items that a sentence lists; the data has all of them.
    const MOST: usize = 5;
    let mut names: Vec<String> = all.iter().take(MOST).map(ToString::to_string).collect();
    match all.len() {
        0 => names.push("none".to_owned()),
        number if number > MOST => names.push(format!("and {} more", number - MOST)),
        _ => {}
    }
    format!("{what}: {}", names.join(", "))
}

/// `words` followed by the thing, or nothing if there is no thing.
fn after(words: &str, what: Option<&impl fmt::Display>) -> String {
    what.map_or(String::new(), |what| format!("{words}{what}"))
}

fn quoted(text: Option<&String>) -> String {
    text.map_or(String::new(), |text| format!(" \"{text}\""))
}

fn was(text: Option<&String>) -> String {
    text.map_or(String::new(), |text| format!(" (was \"{text}\")"))
}
