//! The App behind the listener: a request is let in by its head, before any of its body is read.

use std::sync::Arc;

use postroom::db::Session;

use super::surface::Target;
use super::visit::Visit;
use super::{Admitted, App, Entry, Passage, health};
use crate::listen::{self, Admission, Answer, Lane};
use crate::wire::http::{Method, Request};
use crate::wire::{Fault, Pace};

impl Answer for App {
    fn enter(self: Arc<Self>, request: Request) -> listen::Entry {
        let (visit, found) = self.find(&request);
        let entered = found.and_then(|target| Ok((App::enter(&self, &target, &request)?, target)));
        match entered {
            Ok((entry @ (Entry::Key(..) | Entry::Session(..)), target)) => {
                let lane = if self.postroom.is_at_hand() { Lane::Here } else { Lane::Authentication };
                listen::Entry::Asked(lane, Box::new(move || self.let_in(target, entry, request, visit)))
            }
            Ok((entry @ Entry::Anybody(_), target)) => self.let_in(target, entry, request, visit),
            Err(fault) => refused(visit, fault),
        }
    }
}

impl App {
    fn let_in(
        self: Arc<Self>,
        target: Target,
        entry: Entry,
        mut request: Request,
        mut visit: Visit,
    ) -> listen::Entry {
        let render = visit.render();
        let (target, admitted) = match self.admit(target, entry, &request, &mut visit) {
            Ok(Passage::Admitted(target, admitted)) => (target, admitted),
            Ok(Passage::Answered(account, answered)) => {
                return listen::Entry::Admitted(Admission {
                    lane: Lane::Here,
                    account: Some(account),
                    body_limit: 0,
                    render,
                    answer: Box::new(move |_| visit.end(answered)),
                });
            }
            Err(fault) => return refused(visit, fault),
        };
        let account = match &admitted {
            Admitted::Caller(caller, _) => Some(caller.account()),
            Admitted::SignedIn(guest) => guest.visitor.session.account,
            Admitted::Anybody(_) => None,
        };
        // A request without a key or a session gets memory for its head alone, unless it sends a form.
        let is_known = !matches!(admitted, Admitted::Anybody(_));
        let has_body = is_known || target.route.method != Method::GET;
        listen::Entry::Admitted(Admission {
            lane: lane(&target),
            account,
            body_limit: if has_body { target.route.body.octets(self.postroom.settings()) } else { 0 },
            render,
            answer: Box::new(move |body| {
                request.body = body;
                let session = Session::new(&self.postroom);
                let answered = self.run(session, target, admitted, &request);
                visit.end(answered)
            }),
        })
    }
}

fn refused(visit: Visit, fault: Fault) -> listen::Entry {
    listen::Entry::Answered(visit.end(Err(fault)))
}

/// The lane that a request waits in. Its route says whether the work takes long; its method says whether it writes.
fn lane(target: &Target) -> Lane {
    if target.surface.name == health::SURFACE.name {
        Lane::Health
    } else if target.route.pace == Pace::Slow {
        Lane::Looks
    } else if target.route.pace == Pace::Calling {
        Lane::Calls
    } else if target.route.is_batch() {
        Lane::Batches
    } else if target.route.method == Method::GET {
        Lane::Reads
    } else {
        Lane::Writes
    }
}
