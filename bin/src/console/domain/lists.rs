//! Safelists and blocklists at their three tiers, on one page, with what decides.

use maud::{Markup, html};
use postroom::address::EmailAddress;
use postroom::db::ReadTx;
use postroom::domain::{Details, Domain};
use postroom::error::{Entity, Error};
use postroom::id::ListEntryId;
use postroom::list::{
    self, Because, Explanation, InvalidItem, Item, ListEntry, ListKind, ListOutcome, ListQuery, Scope, Tier,
};
use postroom::recipient::{self, Recipient};
use postroom::session::Role;

use super::tabs::{self, Tab};
use super::{find, name, see_domain};
use crate::console::form::{Fields, Refused, sentence, submit};
use crate::console::frame::Frame;
use crate::console::part::{NOTHING_HERE, Tone, encoded, pager, pill};
use crate::wire::form::Form;
use crate::wire::http::{Response, StatusCode};
use crate::wire::{Call, Fault, SignedIn};

/// The most entries that one form adds.
const MOST_AT_ONCE: usize = 1000;
/// The most entries of one list that stand on the page.
const MOST_SHOWN: u32 = 40;
/// The parameter that names a list, and the entry of it after which the page begins: `domain-blocklist.57`.
const FROM: &str = "from";

/// The two lists of one tier: some entries of each.
struct Pair {
    tier: Tier,
    lists: [(ListKind, Vec<ListEntry>); 2],
}

/// Where the page begins in one of the lists.
struct Start {
    list: String,
    after: ListEntryId,
}

impl Start {
    fn read(text: &str) -> Option<Start> {
        let (list, id) = text.split_once('.')?;
        Some(Start { list: list.to_owned(), after: id.parse().ok().map(ListEntryId::new)? })
    }

    fn text(&self) -> String {
        format!("{}.{}", self.list, self.after)
    }

    /// After which entry the page begins in this list.
    fn of(from: Option<&Start>, tier: Tier, kind: ListKind) -> Option<ListEntryId> {
        from.filter(|from| from.list == form_of(tier, kind)).map(|from| from.after)
    }
}

struct Lists {
    frame: Frame,
    domain: Details,
    /// Whose lists stand in the last tier.
    recipient: Option<EmailAddress>,
    pairs: Vec<Pair>,
    from: Option<Start>,
    asked: Asked,
    explained: Option<Result<Explanation, String>>,
}

/// What "explain" is asked about.
struct Asked {
    to: String,
    sender: String,
    ip: String,
}

pub(in crate::console) fn show(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    answer(call, StatusCode::OK, None)
}

fn answer(
    call: &Call<'_, SignedIn>,
    status: StatusCode,
    refused: Option<&Refused>,
) -> Result<Response, Fault> {
    let name = name(call)?;
    let entered = |field: &str| refused.and_then(|refused| refused.entered(field)).map(str::to_owned);
    let text =
        |field: &str| entered(field).or_else(|| call.query(field)).unwrap_or_default().trim().to_owned();
    let asked = Asked { to: text("to"), sender: text("sender"), ip: text("ip") };
    let wanted = text("recipient").parse::<EmailAddress>().ok();
    let from = Start::read(&text(FROM));
    let lists = call.read(|tx| {
        let domain = find(tx, &call.caller.acts, &name)?;
        let recipient = wanted.filter(|address| *address.domain() == domain.name);
        let mut pairs = vec![
            pair(tx, &Scope::Domain(&domain), from.as_ref())?,
            pair(tx, &Scope::Account(&call.caller.acts), from.as_ref())?,
        ];
        if let Some(address) = &recipient {
            pairs.insert(0, of_recipient(tx, &domain, address, from.as_ref())?);
        }
        let explained = explained(tx, call, &domain, &asked)?;
        Ok::<_, Error>(Lists {
            frame: Frame::of(tx, call)?,
            domain: domain.into_details(),
            recipient,
            pairs,
            from,
            asked,
            explained,
        })
    })?;
    let content = html! {
        p.soft { "A recipient's lists decide before the domain's, and those before the account's. Within a tier the safelist decides before the blocklist." }
        (explain_form(&lists))
        (recipient_form(&lists))
        @for pair in &lists.pairs { (tier(&lists, pair, refused)) }
    };
    Ok(tabs::page_with(status, &lists.frame, &lists.domain, Tab::Lists, &content))
}

fn pair<'t>(tx: &ReadTx<'t>, scope: &Scope<'_, 't>, from: Option<&Start>) -> Result<Pair, Error> {
    let tier = scope.tier();
    let of = |kind| {
        // One more than is shown says whether there are more.
        let after = Start::of(from, tier, kind);
        Ok::<_, Error>((kind, list::entries(tx, scope, kind, after, MOST_SHOWN + 1)?))
    };
    Ok(Pair { tier, lists: [of(ListKind::Safelist)?, of(ListKind::Blocklist)?] })
}

fn of_recipient<'t>(
    tx: &ReadTx<'t>,
    domain: &Domain<'t>,
    address: &EmailAddress,
    from: Option<&Start>,
) -> Result<Pair, Error> {
    match recipient::find(tx, domain, address) {
        Ok(recipient) => pair(tx, &Scope::Recipient(domain, &recipient), from),
        // Of whom nothing is known yet, nothing is listed.
        Err(Error::NotFound(Entity::Recipient)) => Ok(Pair {
            tier: Tier::Recipient,
            lists: [(ListKind::Safelist, Vec::new()), (ListKind::Blocklist, Vec::new())],
        }),
        Err(error) => Err(error),
    }
}

fn explained<'t>(
    tx: &ReadTx<'t>,
    call: &Call<'_, SignedIn>,
    domain: &Domain<'t>,
    asked: &Asked,
) -> Result<Option<Result<Explanation, String>>, Error> {
    if asked.to.is_empty() {
        return Ok(None);
    }
    let (sender, ip) = (given(&asked.sender), given(&asked.ip));
    let query = match ListQuery::parse(&asked.to, sender, None, ip) {
        Ok(query) => query,
        Err(e) => return Ok(Some(Err(sentence(&format!("{}: {}", e.part, e.reason))))),
    };
    if *query.recipient.domain() != domain.name {
        return Ok(Some(Err(format!("The recipient must be an address at {}.", domain.name))));
    }
    list::explain_for(tx, &call.caller.acts, &query).map(|explanation| Some(Ok(explanation)))
}

/// A text, unless it is empty.
fn given(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn explain_form(lists: &Lists) -> Markup {
    let asked = &lists.asked;
    html! {
        section.card {
            h2 { "What do the lists say of a message?" }
            form method="get" action=(lists.frame.to_domain(lists.domain.name.as_str(), "/lists")) {
                div.row {
                    div.field { label for="to" { "Recipient" } input type="text" id="to" name="to" value=(asked.to) placeholder={ "jo@" (lists.domain.name) } required; }
                    div.field { label for="sender" { "Sender" } input type="text" id="sender" name="sender" value=(asked.sender); }
                    div.field.slim { label for="ip" { "IP address" } input type="text" id="ip" name="ip" value=(asked.ip); }
                    button { "Explain" }
                }
            }
            @match &lists.explained {
                None => {}
                Some(Err(reason)) => p.error role="alert" { (reason) },
                Some(Ok(explanation)) => (explanation_of(explanation)),
            }
        }
    }
}

fn explanation_of(explanation: &Explanation) -> Markup {
    let because = |because: &Because| {
        format!(
            "“{}” in the {} of the {}",
            because.entry.item.given(),
            because.entry.list.as_str(),
            because.tier.as_str()
        )
    };
    html! {
        div role="status" {
            p {
                @match explanation.verdict.outcome {
                    ListOutcome::Safe => { (pill(Tone::Good, "Safe")) " by " }
                    ListOutcome::Blocked => { (pill(Tone::Bad, "Blocked")) " by " }
                    ListOutcome::None => { (pill(Tone::Plain, "No entry matches")) }
                }
                @if let Some(first) = &explanation.verdict.because { strong { (because(first)) } "." }
            }
            @if !explanation.overruled.is_empty() {
                p { "It overrules:" }
                ul { @for other in &explanation.overruled { li { (because(other)) } } }
            }
            @if !explanation.agreeing.is_empty() {
                p { "These say the same:" }
                ul { @for other in &explanation.agreeing { li { (because(other)) } } }
            }
        }
    }
}

fn recipient_form(lists: &Lists) -> Markup {
    let shown = lists.recipient.as_ref().map(ToString::to_string).unwrap_or_default();
    html! {
        form.card method="get" action=(lists.frame.to_domain(lists.domain.name.as_str(), "/lists")) {
            div.row {
                div.field { label for="recipient" { "Show the lists of one recipient too" }
                    input type="text" id="recipient" name="recipient" value=(shown) placeholder={ "jo@" (lists.domain.name) }; }
                button { "Show" }
            }
        }
    }
}

fn tier(lists: &Lists, pair: &Pair, refused: Option<&Refused>) -> Markup {
    let (title, may_change) = match pair.tier {
        Tier::Recipient => {
            let who = lists.recipient.as_ref().map(ToString::to_string).unwrap_or_default();
            (format!("Lists of {who}"), true)
        }
        Tier::Domain => (format!("Lists of {}", lists.domain.name), true),
        Tier::Account => ("Lists of the account".to_owned(), lists.frame.is_for(Role::Account)),
    };
    html! {
        section.card {
            h2 { (title) }
            @if !may_change { p.soft { "You see these and cannot change them." } }
            div.grid { @for (kind, entries) in &pair.lists { div { (one(lists, pair.tier, *kind, entries, may_change, refused)) } } }
        }
    }
}

/// The name of the form that adds to a list.
fn form_of(tier: Tier, kind: ListKind) -> &'static str {
    match (tier, kind) {
        (Tier::Account, ListKind::Safelist) => "account-safelist",
        (Tier::Account, ListKind::Blocklist) => "account-blocklist",
        (Tier::Domain, ListKind::Safelist) => "domain-safelist",
        (Tier::Domain, ListKind::Blocklist) => "domain-blocklist",
        (Tier::Recipient, ListKind::Safelist) => "recipient-safelist",
        (Tier::Recipient, ListKind::Blocklist) => "recipient-blocklist",
    }
}

fn one(
    lists: &Lists,
    tier: Tier,
    kind: ListKind,
    entries: &[ListEntry],
    may_change: bool,
    refused: Option<&Refused>,
) -> Markup {
    let form = form_of(tier, kind);
    let frame = &lists.frame;
    let path = |verb: &str| frame.to_domain(lists.domain.name.as_str(), &format!("/lists/{verb}"));
    let hidden = html! {
        input type="hidden" name="tier" value=(tier.as_str());
        input type="hidden" name="list" value=(kind.as_str());
        @if let Some(recipient) = &lists.recipient { input type="hidden" name="recipient" value=(recipient); }
        @if let Some(from) = &lists.from { input type="hidden" name=(FROM) value=(from.text()); }
    };
    let at = |from: Option<Start>| {
        frame.to_domain(lists.domain.name.as_str(), &place(lists.recipient.as_ref(), from.as_ref(), form))
    };
    let is_first = Start::of(lists.from.as_ref(), tier, kind).is_none();
    let has_more = entries.len() > MOST_SHOWN as usize;
    let shown = entries.get(..MOST_SHOWN as usize).unwrap_or(entries);
    let next = shown.last().filter(|_| has_more).map(|last| Start { list: form.to_owned(), after: last.id });
    let fields = Fields::of(form, &["items"], refused);
    let word = match kind {
        ListKind::Safelist => "Safelist",
        ListKind::Blocklist => "Blocklist",
    };
    html! {
        h3 id=(form) { (word) }
        @if entries.is_empty() { p.soft { @if is_first { "Empty." } @else { (NOTHING_HERE) } } }
        // One form for all of them: what stands in it would stand beside each entry otherwise.
        @if may_change && !shown.is_empty() { (frame.form(&path("remove"), &html! { (hidden) (items_of(shown, true)) })) }
        @else { (items_of(shown, false)) }
        (pager((!is_first).then(|| at(None)), next.map(|next| at(Some(next)))))
        @if may_change {
            (frame.form(&path("add"), &html! {
                (fields.top())
                (hidden)
                (fields.lines("items", "Add, one a line", "", "Addresses, domains (.example.org for all below it too), IP addresses and networks."))
                button { "Add to the " (word.to_lowercase()) }
            }))
        }
    }
}

/// Entries of a list, each with a button to remove it where that may be done.
fn items_of(entries: &[ListEntry], may_change: bool) -> Markup {
    html! {
        ul.reasons {
            @for entry in entries {
                li {
                    code { (entry.item.given()) }
                    @if may_change { button.slight name="item" value=(entry.item.given()) { "Remove" span.visually-hidden { " " (entry.item.given()) } } }
                }
            }
        }
    }
}

/// The page with the lists of this recipient, where one of the lists begins at `from`; the browser goes to the list that is called so.
fn place(recipient: Option<&EmailAddress>, from: Option<&Start>, list: &str) -> String {
    let recipient = recipient.map(|address| format!("recipient={}", encoded(&address.to_string())));
    let query: Vec<String> =
        recipient.into_iter().chain(from.map(|from| format!("{FROM}={}", encoded(&from.text())))).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    format!("/lists{query}#{list}")
}

/// What a form is about.
struct Wish {
    tier: Tier,
    kind: ListKind,
    recipient: Option<EmailAddress>,
}

impl Wish {
    fn of(form: &Form, by: &SignedIn) -> Result<Wish, Fault> {
        let tier = [Tier::Account, Tier::Domain, Tier::Recipient]
            .into_iter()
            .find(|tier| form.get("tier") == Some(tier.as_str()))
            .ok_or(Fault::NoRoute)?;
        if tier == Tier::Account && by.session.role < Role::Account {
            return Err(Fault::Denied(
                "The lists of the account are for its own administrators to change.".into(),
            ));
        }
        let kind = form.get("list").and_then(|word| word.parse().ok()).ok_or(Fault::NoRoute)?;
        let recipient = match tier {
            Tier::Recipient => {
                Some(form.get("recipient").and_then(|text| text.parse().ok()).ok_or(Fault::NoRoute)?)
            }
            _ => None,
        };
        Ok(Wish { tier, kind, recipient })
    }
}

pub(in crate::console) fn add(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    change(call, true)
}

pub(in crate::console) fn remove(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    change(call, false)
}

/// Adds items to a list, or takes them off; all of them or none.
fn change(call: &Call<'_, SignedIn>, is_added: bool) -> Result<Response, Fault> {
    let (name, entered) = (name(call)?, Form::read(call.request)?);
    let wish = Wish::of(&entered, &call.caller)?;
    let form = form_of(wish.tier, wish.kind);
    let acts = &call.caller.acts;
    submit(call, answer, (form, "items"), |given| {
        let items = items(given)?;
        call.write(|tx| {
            let domain = find(tx, acts, &name)?;
            let recipient: Option<Recipient> = match &wish.recipient {
                Some(address) if *address.domain() == domain.name => {
                    Some(recipient::ensure(tx, acts, &domain, address)?)
                }
                Some(_) => return Err(Error::NotFound(Entity::Recipient)),
                None => None,
            };
            let scope = match (&recipient, wish.tier) {
                (Some(recipient), _) => Scope::Recipient(&domain, recipient),
                (None, Tier::Account) => Scope::Account(acts),
                (None, _) => Scope::Domain(&domain),
            };
            for item in &items {
                if is_added {
                    list::add(tx, acts, &scope, wish.kind, item)?;
                } else {
                    list::remove(tx, acts, &scope, wish.kind, item)?;
                }
            }
            Ok(())
        })?;
        let from = Start::read(given.get(FROM).unwrap_or_default());
        Ok(see_domain(call, &name, &place(wish.recipient.as_ref(), from.as_ref(), form)))
    })
}

/// The items of a form: one, or one a line.
fn items(form: &Form) -> Result<Vec<Item>, Error> {
    let text = form.get("item").or_else(|| form.get("items")).unwrap_or_default();
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return Err(Error::invalid("items", "there is nothing to add"));
    }
    if lines.len() > MOST_AT_ONCE {
        return Err(Error::invalid(
            "items",
            format_args!("there are more than {MOST_AT_ONCE} lines; add them in parts"),
        ));
    }
    let item = |line: &&str| {
        line.parse().map_err(|e: InvalidItem| Error::invalid("items", format_args!("“{line}”: {e}")))
    };
    lines.iter().map(item).collect()
}
