//! The App behind the listener: a request is let in by its head, before any of its body is read.

use std::sync::Arc;

use super::visit::Visit;
use super::{App, Found, Target, refuse};
use crate::console;
use crate::listen::{Admission, Answer, Entry, Lane};
use crate::wire::http::{BodyFault, Method, Request, Response, StatusCode};
use crate::wire::{Fault, Route};

impl Answer for App {
    fn enter(self: Arc<Self>, request: Request) -> Entry {
        let mut visit = Visit::begin(&request);
        match self.find(&request, &mut visit.trace) {
            Found::Answer(response) => Entry::Answered(visit.end(response)),
            Found::Health => Entry::Admitted(open_to_all(move |fault| {
                visit.end(fault.map_or_else(|| self.health(&request.method), |_| no_room()))
            })),
            Found::Open(dialect) => Entry::Admitted(open_to_all(move |fault| {
                visit.end(fault.map_or_else(|| self.open(dialect), |fault| (dialect.render)(&fault.into())))
            })),
            Found::Console => Entry::Admitted(self.to_console(request, visit)),
            Found::Target(target) => match self.credential(&target, &request) {
                Ok(secret) => Entry::Asked(Box::new(move || {
                    match self.authenticate(&secret, request.peer, &mut visit.trace) {
                        Ok(caller) => Entry::Admitted(self.to_route(target, caller, request, visit)),
                        Err(fault) => refused(&target, &fault, visit),
                    }
                })),
                Err(fault) => refused(&target, &fault, visit),
            },
        }
    }
}

impl App {
    fn to_route(
        self: Arc<Self>,
        target: Target,
        caller: postroom::account::Caller,
        mut request: Request,
        visit: Visit,
    ) -> Admission {
        Admission {
            lane: lane(target.route),
            account: Some(caller.account()),
            body_limit: target.route.body.octets(self.postroom.settings()),
            render: target.dialect.render,
            answer: Box::new(move |body| {
                request.body = body;
                let response = self.call(&target, Ok(caller), &request, &visit);
                visit.end(response)
            }),
        }
    }

    fn to_console(self: Arc<Self>, mut request: Request, visit: Visit) -> Admission {
        let is_form = request.method == Method::POST;
        Admission {
            lane: if is_form { Lane::Writes } else { Lane::Reads },
            account: None,
            body_limit: if is_form { console::MAX_BODY_OCTETS } else { 0 },
            render: |_| no_room(),
            answer: Box::new(move |body| {
                request.body = body;
                let unread = request.body.as_ref().err().map(|fault| console::unread(*fault));
                let response = unread.unwrap_or_else(|| self.console(&request, &visit));
                visit.end(response)
            }),
        }
    }
}

fn refused(target: &Target, fault: &Fault, visit: Visit) -> Entry {
    let response = refuse(target, fault, &visit);
    Entry::Answered(visit.end(response))
}

/// What anybody may ask, and what has no body.
fn open_to_all(answer: impl FnOnce(Option<BodyFault>) -> Response + Send + 'static) -> Admission {
    Admission {
        lane: Lane::Health,
        account: None,
        body_limit: 0,
        render: |_| no_room(),
        answer: Box::new(move |body| answer(body.err())),
    }
}

/// What a route's kind of work is: its table says whether it takes long, and its method whether it writes.
fn lane(route: &Route) -> Lane {
    if route.slow {
        Lane::Looks
    } else if route.method == Method::GET {
        Lane::Reads
    } else {
        Lane::Writes
    }
}

fn no_room() -> Response {
    let fault = Fault::from(BodyFault::NoRoom);
    Response::json(StatusCode::SERVICE_UNAVAILABLE, &serde_json::json!({ "error": fault.to_string() }))
        .with(crate::wire::http::header::RETRY_AFTER, "1")
}
