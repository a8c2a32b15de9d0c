//! The recipients at a domain that are known: whether their mail is filtered, and who administers the domain's mail.

use maud::{Markup, html};
use postroom::address::{EmailAddress, InvalidAddress};
use postroom::domain::Details;
use postroom::error::{Entity, Error};
use postroom::name::DomainName;
use postroom::page::Page;
use postroom::recipient::{self, FilterMode, FilterRequest, Recipient};

use super::tabs::{self, Tab};
use super::{find, name, see_domain};
use crate::console::form::{Fields, Refused, check_sure, submit, sure};
use crate::console::frame::Frame;
use crate::console::listed::{Listed, PAGE};
use crate::console::part::{NOTHING_HERE, Tone, encoded, pager, pill, time};
use crate::wire::form::Form;
use crate::wire::http::{Response, StatusCode};
use crate::wire::{Call, Fault, SignedIn};

const ON_A_PAGE: u32 = 100;

struct Known {
    frame: Frame,
    domain: Details,
    recipients: Vec<Recipient>,
    listed: Listed,
    has_more: bool,
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
    let listed = Listed::of(call, refused, &[PAGE]);
    let known = call.read(|tx| {
        let domain = find(tx, &call.caller.acts, &name)?;
        let wanted = Page { limit: ON_A_PAGE + 1, offset: (listed.page() - 1) * u64::from(ON_A_PAGE) };
        let mut recipients = recipient::list(tx, &domain, wanted)?;
        let has_more = recipients.len() > ON_A_PAGE as usize;
        recipients.truncate(ON_A_PAGE as usize);
        Ok::<_, Error>(Known {
            frame: Frame::of(tx, call)?,
            domain: domain.into_details(),
            recipients,
            listed,
            has_more,
        })
    })?;
    let content = html! { (table(&known, refused)) (form(&known, refused)) };
    Ok(tabs::page_with(status, &known.frame, &known.domain, Tab::Recipients, &content))
}

fn table(known: &Known, refused: Option<&Refused>) -> Markup {
    let (frame, name) = (&known.frame, known.domain.name.as_str());
    let page = known.listed.page();
    let at =
        |page: u64| frame.to_domain(name, &format!("/recipients{}", known.listed.with(PAGE, page).query()));
    html! {
        section.card {
            h2 { "Known recipients" }
            (Fields::of("remove", &[], refused).top())
            @if known.recipients.is_empty() { p { @if page > 1 { (NOTHING_HERE) } @else { "None is known yet." } } } @else {
                table.table {
                    caption.visually-hidden { "Known recipients" }
                    thead { tr { th scope="col" { "Address" } th scope="col" { "Mail" } th scope="col" { "Added" } th scope="col" { "Lists" } th scope="col" { span.visually-hidden { "Remove" } } } }
                    tbody {
                        @for recipient in &known.recipients {
                            tr {
                                td { span.name { (recipient.address) } " " @if recipient.is_admin { (pill(Tone::Plain, "Administrator")) } }
                                td data-label="Mail" { @if recipient.filter == FilterMode::Filtered { "filtered" } @else { "not filtered" } }
                                td data-label="Added" { (time(recipient.created_at, frame.now)) }
                                td { a href=(frame.to_domain(name, &format!("/lists?recipient={}", encoded(&recipient.address.to_string())))) { "Lists" span.visually-hidden { " of " (recipient.address) } } }
                                td {
                                    details {
                                        summary { "Remove" span.visually-hidden { " " (recipient.address) } }
                                        (frame.form(&frame.to_domain(name, "/recipients/remove"), &html! {
                                            input type="hidden" name="recipient" value=(recipient.address);
                                            (known.listed.field())
                                            (sure("Its safelist and blocklist go with it", "Remove it"))
                                        }))
                                    }
                                }
                            }
                        }
                    }
                }
            }
            (pager((page > 1).then(|| at(page - 1)), known.has_more.then(|| at(page + 1))))
        }
    }
}

fn form(known: &Known, refused: Option<&Refused>) -> Markup {
    let fields = Fields::of("recipient", &["address", "filter", "admin"], refused);
    let filters = [
        ("", "Do not change (new: as the plan says)"),
        ("on", "Filter the mail"),
        ("off", "Do not filter it"),
        ("compute", "As the plan says"),
    ];
    let roles = [("", "Do not change (new: no)"), ("yes", "Yes"), ("no", "No")];
    html! {
        section.card {
            h2 { "Add or change a recipient" }
            (known.frame.form(&known.frame.to_domain(known.domain.name.as_str(), "/recipients"), &html! {
                (fields.top())
                (known.listed.field())
                div.row {
                    (fields.input("email", "address", "Address", "", "", true))
                    (fields.choice("filter", "Filtering", "", "", &filters))
                    (fields.choice("admin", "Administrator of the domain's mail", "", "Kept for clients of the inbound API; nobody signs in by it.", &roles))
                }
                button.primary { "Save the recipient" }
            }))
        }
    }
}

pub(in crate::console) fn save(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    submit(call, answer, ("recipient", "address"), |form| {
        let acts = &call.caller.acts;
        let address = form.get("address").unwrap_or_default().trim();
        let address: EmailAddress =
            address.parse().map_err(|e: InvalidAddress| Error::invalid("address", e))?;
        let filter = match form.get("filter") {
            Some("on") => Some(FilterRequest::On),
            Some("off") => Some(FilterRequest::Off),
            Some("compute") => Some(FilterRequest::Compute),
            _ => None,
        };
        let is_admin = match form.get("admin") {
            Some("yes") => Some(true),
            Some("no") => Some(false),
            _ => None,
        };
        call.write(|tx| {
            let domain = find(tx, acts, &name)?;
            if *address.domain() != domain.name {
                return Err(Error::invalid(
                    "address",
                    format_args!("it must be an address at {}", domain.name),
                ));
            }
            let recipient = recipient::ensure(tx, acts, &domain, &address)?;
            recipient::update(tx, acts, &domain, &recipient, is_admin, filter).map(drop)
        })?;
        Ok(back(call, form, &name))
    })
}

/// The part of the list from which the form was sent.
fn back(call: &Call<'_, SignedIn>, form: &Form, name: &DomainName) -> Response {
    see_domain(call, name, &format!("/recipients{}", Listed::of_form(form, &[PAGE]).query()))
}

pub(in crate::console) fn remove(call: &Call<'_, SignedIn>) -> Result<Response, Fault> {
    let name = name(call)?;
    submit(call, answer, ("remove", "recipient"), |form| {
        let acts = &call.caller.acts;
        check_sure(form)?;
        let address = form.get("recipient").unwrap_or_default();
        let address: EmailAddress =
            address.parse().map_err(|e: InvalidAddress| Error::invalid("recipient", e))?;
        let removed =
            call.write(|tx| recipient::delete(tx, acts, &find(tx, acts, &name)?, &address).map(drop));
        match removed {
            // Somebody was faster.
            Ok(()) | Err(Error::NotFound(Entity::Recipient)) => Ok(back(call, form, &name)),
            Err(error) => Err(error.into()),
        }
    })
}
