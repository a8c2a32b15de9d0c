//! Answers that may be long: they are made piece by piece, as fast as the client takes them.

use std::fmt;
use std::sync::Arc;

use postroom::db::ReadTx;
use postroom::error::Error;
use serde::Serialize;

use super::http::{Body, Response, StatusCode};
use super::{Call, Fault};

/// How many octets a piece has, about.
const PIECE_OCTETS: usize = 32 * 1024;
/// An answer of up to so many octets is made at once.
const SHORT_OCTETS: usize = 2 * PIECE_OCTETS;
/// How many items are read at first; afterwards as many as fit into a piece, judging by those before.
const FIRST_ITEMS: usize = 8;
/// The most items that are read at once.
const MOST_ITEMS: usize = 256;

/// The rest of a body that is made while it is sent. Each piece is read from the database when it is asked for, in a
/// transaction of its own, so that a slow client keeps no transaction open.
pub struct Pieces(Box<dyn FnMut() -> Result<Option<Vec<u8>>, Fault> + Send>);

impl Pieces {
    /// A body that `next` makes, until it returns `None`.
    pub fn new(next: impl FnMut() -> Result<Option<Vec<u8>>, Fault> + Send + 'static) -> Pieces {
        Pieces(Box::new(next))
    }

    /// Makes the next piece; `None` after the last one. It reads the database, so it may block.
    pub fn make(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        (self.0)()
    }
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pieces").finish_non_exhaustive()
    }
}

impl<By> Call<'_, By> {
    /// An answer whose body is read piece by piece: `next` makes the piece that follows, each in a transaction of its own, and
    /// `None` after the last one. What goes wrong with the first piece is the request's fault; later it ends the connection.
    pub fn in_pieces(
        &self,
        head: Response,
        mut next: impl FnMut(&ReadTx<'_>) -> Result<Option<Vec<u8>>, Fault> + Send + 'static,
    ) -> Result<Response, Fault> {
        let postroom = Arc::clone(self.postroom);
        let mut make = move || postroom.read(|tx| next(tx));
        let mut first = make()?;
        let pieces = Pieces::new(move || match first.take() {
            Some(first) => Ok(Some(first)),
            None => make(),
        });
        Ok(Response { body: Body::Pieces(pieces), ..head })
    }

    /// An answer in JSON with a list that may be long: what stands `before` its items, the items, what stands `after` them.
    ///
    /// `next` reads the items that follow those that it gave before, at most as many as it is asked for; `None` ends the list.
    /// What goes wrong before the first piece is there is the request's fault; later it ends the connection. A short list is
    /// read at once.
    pub fn listed<T: Serialize>(
        &self,
        before: impl Into<Vec<u8>>,
        after: impl Into<Vec<u8>>,
        next: impl FnMut(&ReadTx<'_>, usize) -> Result<Option<Vec<T>>, Fault> + Send + 'static,
    ) -> Result<Response, Fault> {
        let postroom = Arc::clone(self.postroom);
        let mut list = List {
            next,
            octets: before.into(),
            after: after.into(),
            items: 0,
            at_once: FIRST_ITEMS,
            ended: false,
        };
        let mut make = move |room: usize| -> Result<Option<Vec<u8>>, Fault> {
            while list.octets.len() < room && !list.ended {
                // Each page in a transaction of its own: none is open while the answer waits for its client.
                postroom.read(|tx| list.read(tx))?;
            }
            Ok(Some(std::mem::take(&mut list.octets)).filter(|octets| !octets.is_empty()))
        };
        let first = make(SHORT_OCTETS)?.unwrap_or_default();
        if first.len() < SHORT_OCTETS {
            return Ok(Response::of_json(StatusCode::OK, first));
        }
        let mut first = Some(first);
        let pieces = Pieces::new(move || match first.take() {
            Some(first) => Ok(Some(first)),
            None => make(PIECE_OCTETS),
        });
        Ok(Response { body: Body::Pieces(pieces), ..Response::of_json(StatusCode::OK, Vec::new()) })
    }
}

/// Shows a long list of things by their ids, some at a time: what `show` shows of those that are still there. What is damaged
/// is left out, and the log says so.
pub fn by_ids<I: Copy + fmt::Display + Send + 'static, T>(
    ids: Vec<I>,
    mut show: impl FnMut(&ReadTx<'_>, &[I]) -> Result<Vec<T>, Fault> + Send + 'static,
) -> impl FnMut(&ReadTx<'_>, usize) -> Result<Option<Vec<T>>, Fault> + Send + 'static {
    let mut left = ids.into_iter();
    move |tx, most| {
        let some: Vec<I> = left.by_ref().take(most).collect();
        if some.is_empty() {
            return Ok(None);
        }
        match show(tx, &some) {
            Err(fault) if is_damage(&fault) => {}
            shown => return shown.map(Some),
        }
        let mut sound = Vec::new();
        for id in some {
            match show(tx, &[id]) {
                Err(fault) if is_damage(&fault) => {
                    tracing::error!(%id, error = %fault, "left out of a list, because it is damaged");
                }
                shown => sound.extend(shown?),
            }
        }
        Ok(Some(sound))
    }
}

/// The sound ones of a list; the log says what is wrong with the others.
pub fn sound<T>(damaged: &[Error], sound: Vec<T>) -> Vec<T> {
    for error in damaged {
        tracing::error!(%error, "left out of a list, because it is damaged");
    }
    sound
}

fn is_damage(fault: &Fault) -> bool {
    matches!(fault, Fault::Library(error) if error.is_damage())
}

/// A list on its way into an answer.
struct List<N> {
    next: N,
    /// Made, and not yet given away.
    octets: Vec<u8>,
    after: Vec<u8>,
    items: usize,
    at_once: usize,
    ended: bool,
}

impl<T: Serialize, N: FnMut(&ReadTx<'_>, usize) -> Result<Option<Vec<T>>, Fault>> List<N> {
    /// Reads some more items.
    fn read(&mut self, tx: &ReadTx<'_>) -> Result<(), Fault> {
        let Some(items) = (self.next)(tx, self.at_once)? else {
            self.octets.append(&mut self.after);
            self.ended = true;
            return Ok(());
        };
        let begun = self.octets.len();
        for item in &items {
            if self.items > 0 {
                self.octets.push(b',');
            }
            self.items += 1;
            // Writing to memory does not fail, and no item has a key that is not a text.
            let _ = serde_json::to_writer(&mut self.octets, item);
        }
        let of_each = (self.octets.len() - begun).div_ceil(items.len().max(1)).max(1);
        self.at_once = (PIECE_OCTETS / of_each).clamp(1, MOST_ITEMS.min(2 * self.at_once));
        Ok(())
    }
}
