//! A request on its way to a handler: who calls, what was asked, and how the handler reads and writes.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use postroom::account::Caller;
use postroom::db::{Postroom, ReadTx, Session, WriteTx};
use postroom::dns::Resolver;
use postroom::error::Error;
use postroom::session::ConsoleSession;
use postroom::settings::Settings;

use super::http::Request;
use super::{Checks, Mailroom};
use crate::scout::Scouts;

/// How long one piece of a batch may keep others from writing.
const PIECE: Duration = Duration::from_millis(2);
/// How long one piece of a batch may keep others from writing where each item waits for a server, so that a piece has some items there, too.
const FAR_PIECE: Duration = Duration::from_millis(50);
/// How many rows a batch writes before it looks how long its piece is: few enough to keep to that length.
const RUN: usize = 64;
/// How many rows it writes where each round trip to a server counts.
const FAR_RUN: usize = 2_000;
/// Held by the batch that writes a piece: everybody else waits for one piece at most, however many batches there are.
static PIECES: Mutex<()> = Mutex::new(());

/// What the operator can switch on and off, for all dialects.
#[derive(Clone, Copy, Debug, Default)]
pub struct Switches {
    /// Whether accounts can mark records manually: all of them, or none. If it is not set, trusted accounts can.
    pub dns_mark: Option<bool>,
    /// Whether a webhook may use http to a loopback address.
    pub loopback_webhooks: bool,
}

/// The field of a session's form that carries the session's token.
pub const FORM_TOKEN: &str = "form_token";

/// The field of a form that names whose password is tried.
pub const NAME_FIELD: &str = "name";

/// The caller of a route that is open to everybody: nothing is known about them.
#[derive(Clone, Copy, Debug)]
pub struct Anybody;

/// Somebody who is signed in: by which session, and as which caller. Without an account there is no caller.
#[derive(Clone, Debug)]
pub struct SignedIn<Caller = self::Caller> {
    /// The session.
    pub session: ConsoleSession,
    /// What the session's forms carry, so that no other site can send them, and none acts in another account than its page showed.
    pub form_token: String,
    /// As whom its requests act.
    pub acts: Caller,
}

/// A request on its way to a handler: of a caller who is known by an API key, of somebody [`SignedIn`], or of [`Anybody`].
///
/// It reads and writes by its [`Session`] and does not lead to the [`Postroom`]: the writes of a POST may be held until it is
/// answered, and a second write transaction would wait for the held one for ever.
pub struct Call<'a, By = Caller> {
    pub(crate) session: &'a Session<'a>,
    /// For answers that go on being read when the call is over.
    pub(super) postroom: &'a Arc<Postroom>,
    /// The checks that are under way.
    pub(crate) checks: &'a Arc<Checks>,
    /// The mail that the server keeps, if it keeps any.
    pub(crate) mailroom: Option<&'a dyn Mailroom>,
    /// What the operator has switched on and off.
    pub switches: Switches,
    /// The base URL that clients use, without a last slash.
    pub base_url: &'a str,
    /// Who calls.
    pub caller: By,
    /// What was asked.
    pub request: &'a Request,
    /// The parameters in the path, percent-decoded.
    pub params: Vec<(String, String)>,
}

impl<'a, By> Call<'a, By> {
    /// A call that reads and writes by `session`, for a request that was let in.
    pub(crate) fn new(
        (session, postroom): (&'a Session<'a>, &'a Arc<Postroom>),
        (checks, mailroom): (&'a Arc<Checks>, Option<&'a dyn Mailroom>),
        (switches, base_url): (Switches, &'a str),
        caller: By,
        request: &'a Request,
        params: Vec<(String, String)>,
    ) -> Call<'a, By> {
        Call { session, postroom, checks, mailroom, switches, base_url, caller, request, params }
    }

    /// Runs `work` in one transaction that changes nothing.
    pub fn read<T, E: From<Error>>(&self, work: impl FnOnce(&ReadTx<'_>) -> Result<T, E>) -> Result<T, E> {
        self.session.read(work)
    }

    /// Runs `work` in one transaction, which is rolled back if `work` fails.
    pub fn write<T, E: From<Error>>(&self, work: impl Fn(&WriteTx<'_>) -> Result<T, E>) -> Result<T, E> {
        self.session.write(work)
    }

    /// Runs `work` for each item, in pieces: as many in one transaction as take no longer than 2 ms, or 50 where the database is on a
    /// server, so that others write in between. If `work` fails, the items of its piece are undone, and those of the earlier ones stay.
    pub fn write_each<I, T, E: From<Error>>(
        &self,
        items: &[I],
        work: impl Fn(&WriteTx<'_>, &I) -> Result<T, E>,
    ) -> Result<Vec<T>, E> {
        let one = |tx: &WriteTx<'_>, run: &[I]| run.iter().map(|item| work(tx, item)).collect();
        self.write_runs(items, |_| 1, one)
    }

    /// Runs `work` for all items, some at once, in pieces like those of [`write_each`](Call::write_each). `rows` says about how many rows an
    /// item writes. `work` gets items of 64 rows together, or of 2,000 where the database is on a server, whose answers they wait for together,
    /// and one item at least; it returns what came of each, in their order.
    pub fn write_some<I, T, E: From<Error>>(
        &self,
        items: &[I],
        rows: impl Fn(&I) -> usize,
        work: impl Fn(&WriteTx<'_>, &[I]) -> Result<Vec<T>, E>,
    ) -> Result<Vec<T>, E> {
        let most = if self.postroom.is_at_hand() { RUN } else { FAR_RUN };
        self.write_runs(items, |rest| fitting(rest, most, &rows), work)
    }

    /// Runs `work` in pieces, for as many items at once as `at_once` says of those that are left.
    fn write_runs<I, T, E: From<Error>>(
        &self,
        items: &[I],
        at_once: impl Fn(&[I]) -> usize,
        work: impl Fn(&WriteTx<'_>, &[I]) -> Result<Vec<T>, E>,
    ) -> Result<Vec<T>, E> {
        let longest = if self.postroom.is_at_hand() { PIECE } else { FAR_PIECE };
        let mut done = Vec::with_capacity(items.len());
        while let Some(rest) = items.get(done.len()..).filter(|rest| !rest.is_empty()) {
            let _turn = PIECES.lock().unwrap_or_else(PoisonError::into_inner);
            done.extend(self.session.write(|tx| {
                let (begun, mut rest, mut piece) = (Instant::now(), rest, Vec::new());
                while !rest.is_empty() && begun.elapsed() < longest {
                    let (run, after) = rest.split_at(at_once(rest));
                    piece.append(&mut work(tx, run)?);
                    rest = after;
                }
                Ok::<_, E>(piece)
            })?);
        }
        Ok(done)
    }

    /// The operator's decisions.
    pub fn settings(&self) -> &Settings {
        self.session.settings()
    }

    /// A parameter of the path; the empty text if the route has none of that name.
    pub fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Every value of a parameter of the query.
    pub fn queries(&self, name: &str) -> Vec<String> {
        let query = self.request.query.as_deref().unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes());
        pairs.filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect()
    }

    /// The last value of a parameter of the query. An empty one is as one that is left out.
    pub fn query(&self, name: &str) -> Option<String> {
        self.queries(name).pop().filter(|value| !value.is_empty())
    }
}

/// How many of the first items write no more than so many rows together; one, where that alone writes more.
fn fitting<I>(items: &[I], most: usize, rows: impl Fn(&I) -> usize) -> usize {
    let mut written = 0;
    let fits = |item: &&I| {
        written += rows(item);
        written <= most
    };
    items.iter().take_while(fits).count().max(1)
}

/// A call of a route that asks the DNS. Its writes are never held, so it has the [`Postroom`] as a whole.
pub struct LookingCall<'a, By = Caller> {
    pub(crate) call: Call<'a, By>,
    /// The library.
    pub postroom: &'a Postroom,
    /// The DNS.
    pub resolver: &'a dyn Resolver,
    /// What looks at other hosts.
    pub scouts: &'a Scouts,
}

impl<'a, By> Deref for LookingCall<'a, By> {
    type Target = Call<'a, By>;

    fn deref(&self) -> &Call<'a, By> {
        &self.call
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_of_many_rows_are_written_fewer_at_once() {
        let rows = |rows: &usize| *rows;
        assert_eq!(fitting(&[8; 1_000], FAR_RUN, rows), 250);
        assert_eq!(fitting(&[108; 1_000], FAR_RUN, rows), 18);
        assert_eq!(fitting(&[8, 8, 108, 8], RUN, rows), 2);
        assert_eq!(fitting(&[108, 8], RUN, rows), 1);
    }
}
