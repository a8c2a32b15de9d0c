//! The App behind the listener: a request is let in by its head, before any of its body is read.

use std::sync::Arc;

use super::surface::Target;
use super::visit::Visit;
use super::{Admitted, App, Entry, health};
use crate::listen::{self, Admission, Answer, Lane};
use crate::wire::Fault;
use crate::wire::http::{Method, Request};

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
        let admitted = match self.admit(entry, request.peer, &mut visit) {
            Ok(admitted) => admitted,
            Err(fault) => return refused(visit, fault),
        };
        let (account, is_free) = match &admitted {
            Admitted::Caller(caller, _) => {
                (Some(caller.account()), !caller.has_scopes() && !caller.is_of_domains())
            }
            Admitted::SignedIn(visitor, _) => (visitor.session.account, false),
            Admitted::Anybody(_) => (None, false),
        };
        // A key with limits may be refused, which is written down, and so is not over at once.
        let is_short = target.route.is_short && is_free && self.postroom.is_at_hand();
        // A request without a key or a session gets memory for its head alone, unless it sends a form.
        let is_known = !matches!(admitted, Admitted::Anybody(_));
        let has_body = is_known || target.route.method != Method::GET;
        listen::Entry::Admitted(Admission {
            lane: if is_short { Lane::Here } else { lane(&target) },
            account,
            body_limit: if has_body { target.route.body.octets(self.postroom.settings()) } else { 0 },
            render: target.surface.render,
            answer: Box::new(move |body| {
                request.body = body;
                let answered = self.run(target, admitted, &request);
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
    } else if target.route.slow {
        Lane::Looks
    } else if target.route.is_batch() {
        Lane::Batches
    } else if target.route.method == Method::GET {
        Lane::Reads
    } else {
        Lane::Writes
    }
}
