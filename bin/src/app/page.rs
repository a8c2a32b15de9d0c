//! Requests of people who are signed in: whose session it is, what its role allows, and whether a form is its own.

use std::net::IpAddr;

use postroom::db::Session;
use postroom::secret::PlainSecret;
use postroom::session;

use super::surface::Target;
use super::visit::Visit;
use super::{Admitted, App, origin};
use crate::console;
use crate::wire::form::Form;
use crate::wire::http::{Method, Request, Response};
use crate::wire::limit::Guessed;
use crate::wire::{
    Desk, FORM_TOKEN, Fault, LookingCall, LookingPage, Pace, Page, PageFault, SignedIn, Tries,
};

/// The function that answers somebody who is signed in.
#[derive(Clone, Copy)]
pub(super) enum PageHandler {
    Page(Page),
    Looking(LookingPage),
    Desk(Desk),
}

/// Somebody who is signed in, and what answers them.
pub(super) struct Guest {
    pub(super) visitor: SignedIn<()>,
    secret: PlainSecret,
    answer: PageHandler,
}

impl App {
    /// Looks up whose session this is, and counts the request.
    pub(super) fn admit_session(
        &self,
        secret: &PlainSecret,
        answer: PageHandler,
        peer: IpAddr,
        visit: &mut Visit,
    ) -> Result<Admitted, Fault> {
        let Some(session) = self.postroom.read(|tx| session::find(tx, secret))? else {
            self.limits.note_dead(secret.hashed());
            return Err(self.limits.count_failure(peer, Fault::CredentialInvalid));
        };
        visit.is_of_session(&session);
        self.visits().insert(session.id, self.postroom.now());
        if let Some(account) = session.account {
            self.limits.count(account)?;
        }
        let form_token = secret.form_token(session.account);
        let visitor = SignedIn { session, form_token, acts: () };
        Ok(Admitted::SignedIn(Box::new(Guest { visitor, secret: secret.clone(), answer })))
    }

    /// Answers a request of somebody who is signed in. What the role does not allow is not there.
    pub(super) fn run_page(
        &self,
        session: &Session<'_>,
        target: Target,
        guest: Guest,
        request: &Request,
    ) -> Result<Response, Fault> {
        let Target { route, params, .. } = target;
        let Guest { visitor, secret, answer } = guest;
        if visitor.session.role < route.role {
            return Err(Fault::NoRoute);
        }
        if ![Method::GET, Method::HEAD].contains(&request.method) {
            let form = Form::read(request)?;
            let given = form.get(FORM_TOKEN).unwrap_or_default();
            // What a desk does, it does in no account.
            let is_of_open = matches!(answer, PageHandler::Desk(_)) || given == visitor.form_token;
            if !(secret.is_form_token(given) && is_of_open) {
                // Another site's page could have it sent again by whoever believes that page.
                if !origin::is_surely_ours(&self.base_url, request) {
                    return Err(Fault::Page(PageFault::StaleForm));
                }
                return console::give_back(&self.prepare(session, visitor, request, params), &form);
            }
        }
        let _guess = if route.tries == Tries::Password {
            let session = Guessed::Session(visitor.session.id);
            let guessed = visitor.session.administrator.map_or(session, Guessed::Administrator);
            self.limits.guess(request.peer, guessed)?
        } else {
            None
        };
        if let PageHandler::Desk(answer) = answer {
            return answer(&self.prepare(session, visitor, request, params));
        }
        // The operator is in no account before opening one.
        let acts = visitor.session.caller().ok_or(Fault::Page(PageFault::NoAccount))?;
        let _looking = if route.pace == Pace::Slow { Some(self.looks.begin(acts.account())?) } else { None };
        let SignedIn { session: signed_in, form_token, .. } = visitor;
        let visitor = SignedIn { session: signed_in, form_token, acts };
        let call = self.prepare(session, visitor, request, params);
        let (postroom, resolver) = (&*self.postroom, &*self.resolver);
        let call = LookingCall { call, postroom, resolver, scouts: &self.scouts };
        let answered = match answer {
            PageHandler::Page(answer) => answer(&call),
            PageHandler::Looking(answer) => answer(&call),
            PageHandler::Desk(_) => Err(Fault::NoRoute),
        };
        answered.or_else(|fault| console::elsewhere(&call, fault))
    }
}
