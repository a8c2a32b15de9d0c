//! Answers that go on while something happens: server-sent events (the HTML standard, section 9.2), by which a page learns that
//! what it shows has changed.

use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use postroom::db::ReadTx;
use postroom::id::{AccountId, DomainId, SetupLinkId};

use super::http::{Body, HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use super::{Call, Fault};

/// Has proxies of nginx's kind pass each event on at once.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

/// As whose a stream counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Following {
    /// The account's.
    pub account: AccountId,
    /// The set-up link by which somebody without an account follows, if it is one.
    pub link: Option<SetupLinkId>,
}

/// The body of such an answer. Whoever sends it asks again and again whether there is something new, and waits in between
/// without a thread and without a transaction.
pub struct Events {
    follower: Following,
    next: Box<dyn FnMut() -> Option<Vec<u8>> + Send>,
}

impl Events {
    /// A stream that counts as this one's: `next` says what is new, which may be nothing, until it returns `None`.
    pub fn new(follower: Following, next: impl FnMut() -> Option<Vec<u8>> + Send + 'static) -> Events {
        Events { follower, next: Box::new(next) }
    }

    /// As whose it counts.
    pub fn follower(&self) -> Following {
        self.follower
    }

    /// The account whose stream it is.
    pub fn account(&self) -> AccountId {
        self.follower.account
    }

    /// What is new since the last look; `None` ends the stream. It reads the database, so it may block.
    pub fn look(&mut self) -> Option<Vec<u8>> {
        (self.next)()
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("follower", &self.follower).finish_non_exhaustive()
    }
}

/// What a look finds.
pub struct Seen {
    /// The domain that the page is about.
    pub domain: DomainId,
    /// A word without a line break that differs where the domain has changed.
    pub state: String,
}

impl<By> Call<'_, By> {
    /// An answer of events, which counts as this one's: a `state` where the domain has changed, and `looking` while a check of the domain is
    /// under way, with how many look-ups are answered and how many were asked.
    ///
    /// `look` asks anew whether whoever follows may see the domain. What goes wrong with the first look is the request's fault;
    /// later it ends the stream.
    pub fn live(
        &self,
        follower: Following,
        mut look: impl FnMut(&ReadTx<'_>) -> Result<Seen, Fault> + Send + 'static,
    ) -> Result<Response, Fault> {
        let (postroom, checks) = (Arc::clone(self.postroom), Arc::clone(self.checks));
        let (mut state, mut progress) = (String::new(), None);
        let mut make = move || -> Result<Vec<u8>, Fault> {
            let seen = postroom.read(|tx| look(tx))?;
            let mut events = String::new();
            let now = checks.of(seen.domain);
            if now != progress {
                // Writing to a text does not fail.
                let _ = match now {
                    Some(now) => write!(events, "event: looking\ndata: {} {}\n\n", now.answered, now.asked),
                    None => write!(events, "event: looking\ndata:\n\n"),
                };
                progress = now;
            }
            if seen.state != state {
                let _ = write!(events, "event: state\ndata: {}\n\n", seen.state);
                state = seen.state;
            }
            Ok(events.into_bytes())
        };
        let mut first = Some(make()?);
        let events = Events::new(follower, move || first.take().or_else(|| make().ok()));
        let headers = HeaderMap::from_iter([
            (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
            (UNBUFFERED, HeaderValue::from_static("no")),
        ]);
        Ok(Response { status: StatusCode::OK, headers, body: Body::Events(events) })
    }
}
