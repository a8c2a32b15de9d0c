//! What becomes of a domain's incoming mail: its route, aliases, downstream servers and filtering.

use maud::{Markup, html};
use postroom::address::{EmailAddress, InvalidAddress};
use postroom::domain::{self, Details};
use postroom::error::Error;
use postroom::inbound::{self, AbusePolicy, Downstream, Filtering, Inbound, InboundChange};
use postroom::name::{DomainName, InvalidName};
use postroom::route::{self, Mode, Patch, Recipients, Route, RouteChange};
use postroom::webhook::{self, InvalidWebhook, VettedUrl, WebhookPublicKey, WebhookRules, WebhookUrl};

use super::fate::{self, Asked};
use super::tabs::{self, Tab};
use super::{find, name, see_domain};
use crate::console::form::{Fields, Refused, submit};
use crate::console::frame::Frame;
use crate::console::part::copyable;
use crate::wire::form::Form;
use crate::wire::http::{Response, StatusCode};
use crate::wire::{Call, Fault, LookingCall, SignedIn};

const MODES: &[(&str, &str)] = &[
    ("store", "Store it here"),
    ("webhook", "Post it to a webhook"),
    ("webhook_then_store", "Post it to a webhook, and store it"),
    ("forward_email", "Forward it to an address"),
];
const RECIPIENTS: &[(&str, &str)] = &[("any", "Every address"), ("known", "Known recipients only")];
const POLICIES: &[(&str, &str)] =
    &[("", "As the server has it"), ("block", "Block"), ("flag", "Flag"), ("quarantine", "Quarantine")];

struct Mail {
    frame: Frame,
    domain: Details,
    route: Route,
    inbound: Inbound,
    webhook_key: WebhookPublicKey,
    fate: Asked,
}

pub(in crate::console) fn show(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    answer(call, StatusCode::OK, None)
}

fn answer(
    call: &Call<'_, SignedIn>,
    status: StatusCode,
    refused: Option<&Refused>,
) -> Result<Response, Fault> {
    let (name, asked) = (name(call)?, Asked::of(call));
    let mail = call.read(|tx| {
        let domain = find(tx, &call.caller.acts, &name)?;
        Ok::<_, Error>(Mail {
            frame: Frame::of(tx, call)?,
            route: route::find(tx, &domain)?,
            inbound: inbound::find(tx, &domain)?,
            webhook_key: webhook::public_key(tx, &domain)?,
            fate: asked.told(tx, &call.caller.acts, &domain)?,
            domain: domain.into_details(),
        })
    })?;
    let content = html! {
        (route_form(&mail, refused))
        (fate::form(&mail.frame, &mail.domain, &mail.fate))
        div.grid { (alias_form(&mail, refused)) (label_form(&mail, refused)) }
        div.grid { (downstream_form(&mail, refused)) (filtering_form(&mail, refused)) }
    };
    Ok(tabs::page_with(status, &mail.frame, &mail.domain, Tab::Mail, &content))
}

fn route_form(mail: &Mail, refused: Option<&Refused>) -> Markup {
    let route = &mail.route;
    let known = &["mode", "webhook_url", "webhook_secret", "forward_to", "recipients", "catch_all"];
    let fields = Fields::of("route", known, refused);
    let shown = |address: Option<&EmailAddress>| address.map(ToString::to_string).unwrap_or_default();
    let url = route.webhook_url.as_ref().map_or("", WebhookUrl::as_str);
    let secret_hint = if route.has_webhook_secret {
        "One is set. Leave this empty to keep it."
    } else {
        "It signs what is posted."
    };
    html! {
        section.card {
            h2 { "Where incoming mail goes" }
            (mail.frame.form(&mail.frame.to_domain(mail.domain.name.as_str(), "/mail/route"), &html! {
                (fields.top())
                (fields.choice("mode", "What is done with a message", route.mode.as_str(), "", MODES))
                div data-when="mode webhook webhook_then_store" {
                    (fields.input("url", "webhook_url", "Webhook URL", url, "https, and a public address.", false))
                    (fields.field("webhook_secret", "Webhook secret", secret_hint, |control| html! {
                        input type="password" id=(control.id) name=(control.name) autocomplete="new-password"
                            aria-describedby=[control.described] aria-invalid=[control.is_wrong.then_some("true")] autofocus[control.is_wrong];
                    }))
                    p.small { "What is posted is signed with the domain's Ed25519 key as well. Its public key, in Base64: "
                        (copyable("the public key of the webhook", &mail.webhook_key.base64())) }
                }
                div data-when="mode forward_email" {
                    (fields.input("email", "forward_to", "Forward to", &shown(route.forward_to.as_ref()), "", false))
                }
                div.row {
                    (fields.choice("recipients", "Who has a mailbox", route.recipients.as_str(), "", RECIPIENTS))
                    (fields.input("email", "catch_all", "Catch-all address (optional)", &shown(route.catch_all.as_ref()), "Takes what is for no known recipient.", false))
                }
                button.primary { "Save the route" }
            }))
        }
    }
}

fn alias_form(mail: &Mail, refused: Option<&Refused>) -> Markup {
    let fields = Fields::of("alias", &["alias"], refused);
    let (frame, name) = (&mail.frame, mail.domain.name.as_str());
    html! {
        section.card {
            h2 { "Aliases" }
            p { "Mail to an alias is taken as mail to " (name) "." }
            @if !mail.inbound.aliases.is_empty() {
                ul.reasons {
                    @for alias in &mail.inbound.aliases {
                        li { span.name { (alias) }
                             (frame.form(&frame.to_domain(name, "/mail/alias/remove"), &html! {
                                 input type="hidden" name="alias" value=(alias);
                                 button.slight.danger { "Remove" span.visually-hidden { " " (alias) } }
                             })) }
                    }
                }
            }
            (frame.form(&frame.to_domain(name, "/mail/alias"), &html! {
                (fields.top())
                div.row { (fields.needed("alias", "Another name", "", "")) button { "Add the alias" } }
            }))
        }
    }
}

fn label_form(mail: &Mail, refused: Option<&Refused>) -> Markup {
    let fields = Fields::of("label", &["label"], refused);
    html! {
        section.card {
            h2 { "Label" }
            (mail.frame.form(&mail.frame.to_domain(mail.domain.name.as_str(), "/mail/label"), &html! {
                (fields.top())
                div.row { (fields.text("label", "What you call it", mail.domain.label.as_deref().unwrap_or_default(), "")) button { "Save" } }
            }))
        }
    }
}

fn downstream_form(mail: &Mail, refused: Option<&Refused>) -> Markup {
    let lines: Vec<String> = mail
        .inbound
        .downstream
        .iter()
        .map(|server| format!("{} {} {} {}", server.priority, server.weight, server.port, server.target))
        .collect();
    let fields = Fields::of("downstream", &["servers"], refused);
    html! {
        section.card {
            h2 { "Downstream servers" }
            (mail.frame.form(&mail.frame.to_domain(mail.domain.name.as_str(), "/mail/downstream"), &html! {
                (fields.top())
                (fields.lines("servers", "Servers, one a line", &lines.join("\n"), "Priority, weight, port and host: 10 5 25 mail.example.org"))
                button { "Save the servers" }
            }))
        }
    }
}

fn filtering_form(mail: &Mail, refused: Option<&Refused>) -> Markup {
    let there = &mail.inbound.filtering;
    let admins: Vec<String> = mail.inbound.admins.iter().map(ToString::to_string).collect();
    let fields =
        Fields::of("filtering", &["policy", "overrides", "header_name", "header_value", "admins"], refused);
    // Not set means the same as true. What is there is saved again as it was.
    let (own, holds) = match there.overrides {
        None => ("", ""),
        Some(true) => ("yes", "yes"),
        Some(false) => ("", "no"),
    };
    let holding = [(own, "This domain's (default)"), ("no", "The server's")];
    html! {
        section.card {
            h2 { "Filtering and administrators" }
            (mail.frame.form(&mail.frame.to_domain(mail.domain.name.as_str(), "/mail/filtering"), &html! {
                (fields.top())
                (fields.choice("policy", "Abusive mail", there.policy.map_or("", AbusePolicy::as_str), "The operator sets what the server does: inbound.abuse_policy.", POLICIES))
                (fields.choice("overrides", "Which policy holds", holds, "", &holding))
                div.row {
                    (fields.text("header_name", "Header field of flagged mail", there.header_name.as_deref().unwrap_or_default(), ""))
                    (fields.text("header_value", "Its value", there.header_value.as_deref().unwrap_or_default(), ""))
                }
                (fields.lines("admins", "Administrators, one address a line", &admins.join("\n"), "These addresses are kept for clients of the inbound API. Nobody signs in by them: who may sign in is set on the page Access."))
                button { "Save" }
            }))
        }
    }
}

pub(in crate::console) fn set_route(call: &LookingCall<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    submit(call, answer, ("route", "mode"), |form| {
        let acts = &call.caller.acts;
        // Before anything is looked up for somebody whose domain it is not.
        call.read(|tx| find(tx, acts, &name).map(drop))?;
        let change = RouteChange {
            mode: Some(word::<Mode, _>(form, "mode")?),
            webhook_url: webhook_url(call, form)?,
            webhook_secret: form
                .get("webhook_secret")
                .filter(|text| !text.is_empty())
                .map_or(Patch::Keep, |text| Patch::Set(text.to_owned())),
            forward_to: address(form, "forward_to")?,
            recipients: Some(word::<Recipients, _>(form, "recipients")?),
            catch_all: address(form, "catch_all")?,
        };
        call.write(|tx| route::update(tx, acts, &find(tx, acts, &name)?, change.clone()).map(drop))?;
        Ok(see_domain(call, &name, "/mail"))
    })
}

/// One of the words that a choice offers.
fn word<T: std::str::FromStr<Err = E>, E: ToString>(form: &Form, field: &'static str) -> Result<T, Error> {
    form.get(field).unwrap_or_default().parse().map_err(|reason: E| Error::invalid(field, reason.to_string()))
}

/// An address. An empty field takes it away; one that the page has hidden is not sent, and keeps it.
fn address(form: &Form, field: &'static str) -> Result<Patch<EmailAddress>, Error> {
    match form.get(field).map(str::trim) {
        None => Ok(Patch::Keep),
        Some("") => Ok(Patch::Clear),
        Some(text) => text.parse().map(Patch::Set).map_err(|e: InvalidAddress| Error::invalid(field, e)),
    }
}

/// The webhook, looked up in the DNS now: the network is asked before the transaction begins.
fn webhook_url(call: &LookingCall<'_, SignedIn>, form: &Form) -> Result<Patch<VettedUrl>, Error> {
    let invalid = |reason: InvalidWebhook| Error::invalid("webhook_url", reason);
    match form.get("webhook_url").map(str::trim) {
        // The page has hidden the field.
        None => Ok(Patch::Keep),
        Some("") => Ok(Patch::Clear),
        Some(text) => {
            let rules = WebhookRules {
                policy: &call.settings().egress,
                loopback_http: call.switches.loopback_webhooks,
            };
            let url = WebhookUrl::parse(text, rules).map_err(invalid)?;
            Ok(Patch::Set(url.vet(call.resolver, rules).map_err(invalid)?))
        }
    }
}

fn alias_of(form: &Form) -> Result<DomainName, Error> {
    form.get("alias").unwrap_or_default().trim().parse().map_err(|e: InvalidName| Error::invalid("alias", e))
}

pub(in crate::console) fn add_alias(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    submit(call, answer, ("alias", "alias"), |form| {
        let (acts, alias) = (&call.caller.acts, alias_of(form)?);
        call.write(|tx| inbound::add_alias(tx, acts, &find(tx, acts, &name)?, &alias))?;
        Ok(see_domain(call, &name, "/mail"))
    })
}

pub(in crate::console) fn remove_alias(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    submit(call, answer, ("alias", "alias"), |form| {
        let (acts, alias) = (&call.caller.acts, alias_of(form)?);
        call.write(|tx| inbound::remove_alias(tx, acts, &find(tx, acts, &name)?, &alias))?;
        Ok(see_domain(call, &name, "/mail"))
    })
}

pub(in crate::console) fn set_label(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    submit(call, answer, ("label", "label"), |form| {
        let acts = &call.caller.acts;
        call.write(|tx| domain::set_label(tx, acts, &find(tx, acts, &name)?, form.get("label")).map(drop))?;
        Ok(see_domain(call, &name, "/mail"))
    })
}

pub(in crate::console) fn set_downstream(call: &LookingCall<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    submit(call, answer, ("downstream", "servers"), |form| {
        let acts = &call.caller.acts;
        let lines =
            form.get("servers").unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty());
        let servers = lines.map(server).collect::<Result<Vec<_>, _>>()?;
        call.read(|tx| find(tx, acts, &name).map(drop))?;
        let named = |error| match error {
            Error::Invalid { reason, .. } => Error::invalid("servers", reason),
            other => other,
        };
        inbound::check_downstream(call.resolver, &call.settings().egress, &servers).map_err(named)?;
        let change = InboundChange { downstream: Some(servers), ..InboundChange::default() };
        call.write(|tx| inbound::change(tx, acts, &find(tx, acts, &name)?, &change)).map_err(named)?;
        Ok(see_domain(call, &name, "/mail"))
    })
}

/// `10 5 25 mail.example.org`.
fn server(line: &str) -> Result<Downstream, Error> {
    let invalid =
        || Error::invalid("servers", format_args!("“{line}” is not a priority, a weight, a port and a host"));
    let mut words = line.split_ascii_whitespace();
    let mut number = || words.next().and_then(|word| word.parse().ok()).ok_or_else(invalid);
    let (priority, weight, port) = (number()?, number()?, number()?);
    match (words.next(), words.next()) {
        (Some(target), None) => Ok(Downstream { priority, weight, port, target: target.to_owned() }),
        _ => Err(invalid()),
    }
}

pub(in crate::console) fn set_filtering(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    submit(call, answer, ("filtering", "policy"), |form| {
        let acts = &call.caller.acts;
        let text =
            |field: &str| form.get(field).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let filtering = Filtering {
            policy: text("policy").map(|_| word::<AbusePolicy, _>(form, "policy")).transpose()?,
            overrides: text("overrides").map(|word| word == "yes"),
            header_name: text("header_name"),
            header_value: text("header_value"),
        };
        let admins =
            form.get("admins").unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty());
        let admins = admins
            .map(|line| {
                line.parse()
                    .map_err(|e: InvalidAddress| Error::invalid("admins", format_args!("“{line}”: {e}")))
            })
            .collect::<Result<Vec<EmailAddress>, _>>()?;
        let change =
            InboundChange { filtering: Some(filtering), admins: Some(admins), ..InboundChange::default() };
        call.write(|tx| inbound::change(tx, acts, &find(tx, acts, &name)?, &change))?;
        Ok(see_domain(call, &name, "/mail"))
    })
}
