//! `Idempotency-Key`: a request that a client repeats under the same key is done once, and gets the answer of the first time
//! (draft-ietf-httpapi-idempotency-key-header).

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use postroom::account::Caller;
use postroom::db::{Held, Postroom, Session};
use postroom::error::Error;
use postroom::id::ApiKeyId;
use postroom::idempotency::{self, Asked, IdempotencyKey, InvalidIdempotencyKey, Known};

use crate::wire::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use crate::wire::{Fault, Route};

const FIELD: &str = "Idempotency-Key";
/// How many expired answers one transaction deletes: few, so that other writers need not wait for long.
const FORGOTTEN_AT_ONCE: u32 = 500;

/// The request with its idempotency key. `None` if it carries no key, or if its method is safe to repeat anyway.
pub(super) fn asked(caller: &Caller, route: &Route, request: &Request) -> Result<Option<Asked>, Fault> {
    let Some(by) = caller.key().filter(|_| route.method == Method::POST) else { return Ok(None) };
    let mut fields = request.headers.get_all(FIELD).iter();
    let Some(field) = fields.next() else { return Ok(None) };
    if fields.next().is_some() {
        return Err(Fault::Idempotency("must stand there once".to_owned()));
    }
    let key: Result<IdempotencyKey, _> =
        field.to_str().map_err(|_| InvalidIdempotencyKey).and_then(str::parse);
    let key = key.map_err(|reason| Fault::Idempotency(reason.to_string()))?;
    let path = request.path.strip_suffix('/').unwrap_or(&request.path);
    let content_type = request.headers.get("content-type").map_or(&[][..], HeaderValue::as_bytes);
    let query = request.query.as_deref().unwrap_or_default();
    let body = request.body.as_deref().unwrap_or_default();
    let route = [request.method.as_str().as_bytes(), path.as_bytes()];
    Ok(Some(Asked::new(by, &key, route, [content_type, query.as_bytes(), body])))
}

/// Answers a request that carries a key: with the kept answer if there is one; else `run` answers, and the answer is kept.
///
/// What `run` writes and the answer are put on disk together, so that after a crash either both are there or neither. A route
/// that asks the DNS, or that does many things, cannot hold its writes for so long, so its answer is kept in a transaction of
/// its own. After a crash between the transactions a repeat runs again, which does what is not done yet and nothing twice.
pub(super) fn answer(
    postroom: &Postroom,
    running: &Running,
    asked: &Asked,
    route: &Route,
    render: impl Fn(&Fault) -> Response,
    run: impl FnOnce(&Session<'_>) -> Result<Response, Fault>,
) -> Result<Response, Fault> {
    let _place = running.begin(asked)?;
    if let Some(known) = postroom.read(|tx| idempotency::find(tx, asked))? {
        return again(known);
    }
    let held = Held::new(postroom);
    let is_held = !(route.looks() || route.is_batch());
    let result = if is_held { run(&held.session()) } else { run(&Session::new(postroom)) };
    let response = match result {
        Ok(response) => response,
        Err(fault) => {
            let response = render(&fault);
            if !is_final(response.status) {
                return Err(fault);
            }
            response
        }
    };
    let (octets, response) = encode(response)?;
    if is_final(response.status) {
        let known = held.session().write(|tx| idempotency::keep(tx, asked, &octets))?;
        // Another server of the database has answered it meanwhile. What was done here is rolled back with `held`.
        if let Some(known) = known.filter(|_| is_held) {
            return again(known);
        }
    }
    held.commit()?;
    Ok(response)
}

/// What a request gets whose key was used before.
fn again(known: Known) -> Result<Response, Fault> {
    let reason = match known {
        Known::Answered(octets) => match decode(&octets) {
            Some(response) => return Ok(response),
            // This program sealed the kept answer, so it can be unreadable only if another version wrote it.
            None => "was used before this server was changed",
        },
        Known::Otherwise => "was used for a request with another content",
        Known::Outlived => {
            "was answered with a secret that was revoked or has expired since; send another key"
        }
    };
    Err(Fault::Idempotency(reason.to_owned()))
}

/// Deletes the answers that are older than a day.
pub(super) fn forget_expired(postroom: &Postroom) -> Result<(), Error> {
    let most = FORGOTTEN_AT_ONCE;
    while postroom.write(|tx| idempotency::forget_expired(tx, most))? == most as usize {}
    Ok(())
}

/// Whether a repeat of the request would get this answer again, and not a different one a little later.
fn is_final(status: StatusCode) -> bool {
    let passing = [StatusCode::UNAUTHORIZED, StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
    !status.is_server_error() && !passing.contains(&status)
}

/// An answer as octets, in the order of HTTP/1.1: the status, a line for each header field, an empty line, the body.
///
/// Beside them it returns the answer with its whole body.
fn encode(response: Response) -> Result<(Vec<u8>, Response), Fault> {
    let body = response.body.into_whole()?;
    let mut octets = format!("{}\n", response.status.as_u16()).into_bytes();
    for (name, value) in &response.headers {
        octets.extend([name.as_str().as_bytes(), b":", value.as_bytes(), b"\n"].concat());
    }
    octets.push(b'\n');
    octets.extend(&body);
    Ok((octets, Response { body: body.into(), ..response }))
}

fn decode(octets: &[u8]) -> Option<Response> {
    let line = |octets: &'_ [u8]| octets.iter().position(|octet| *octet == b'\n');
    let (status, mut rest) = octets.split_at_checked(line(octets)?)?;
    let mut headers = HeaderMap::new();
    loop {
        rest = rest.strip_prefix(b"\n")?;
        let (field, after) = rest.split_at_checked(line(rest)?)?;
        rest = after;
        if field.is_empty() {
            break;
        }
        let (name, value) = field.split_at_checked(field.iter().position(|octet| *octet == b':')?)?;
        let value = HeaderValue::from_bytes(value.strip_prefix(b":")?).ok()?;
        headers.append(HeaderName::from_bytes(name).ok()?, value);
    }
    let body = rest.strip_prefix(b"\n")?.to_vec();
    Some(Response { status: StatusCode::from_bytes(status).ok()?, headers, body: body.into() })
}

/// The requests with keys that are being answered now.
#[derive(Default)]
pub(super) struct Running(Mutex<HashSet<Name>>);

type Name = (ApiKeyId, [u8; 32]);

impl Running {
    fn begin(&self, asked: &Asked) -> Result<Place<'_>, Fault> {
        let name = asked.name();
        if self.names().insert(name) { Ok(Place { running: self, name }) } else { Err(Fault::StillRunning) }
    }

    fn names(&self) -> std::sync::MutexGuard<'_, HashSet<Name>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Held while a request with this name is being answered.
struct Place<'a> {
    running: &'a Running,
    name: Name,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.running.names().remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_reads_back_and_a_cut_one_does_not() {
        let response = Response::json(StatusCode::CREATED, &serde_json::json!({ "a": "x\n\ny" }))
            .with(HeaderName::from_static("location"), "/a:b");
        let (octets, response) = encode(response).unwrap();
        let read = decode(&octets).unwrap();
        assert_eq!((read.status, &read.headers), (response.status, &response.headers));
        let body = read.body.into_whole().unwrap();
        assert_eq!(body, response.body.into_whole().unwrap());
        let head = octets.len() - body.len();
        assert!((0..head).all(|end| decode(&octets[..end]).is_none()));
    }

    #[test]
    fn what_passes_is_not_final() {
        for (status, is) in
            [(200, true), (204, true), (404, true), (409, true), (422, true), (401, false), (408, false)]
        {
            assert_eq!(is_final(StatusCode::from_u16(status).unwrap()), is, "{status}");
        }
        assert!([429, 500, 503, 507].iter().all(|status| !is_final(StatusCode::from_u16(*status).unwrap())));
    }
}
