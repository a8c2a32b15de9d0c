//! What a route takes and what it answers, for its description and for the tests.

use super::shape::{Member, Shape};

/// What a route takes and what it answers, beside its path, its credential and its faults.
#[derive(Debug)]
pub struct Contract {
    /// What it does, in a sentence without a full stop.
    pub summary: &'static str,
    /// The parameters of its query.
    pub query: &'static [Member],
    /// Its body, if it has one.
    pub takes: Takes,
    /// Its answers where all is well.
    pub answers: [Option<(u16, Content)>; 2],
}

/// What a body is.
#[derive(Clone, Copy, Debug)]
pub enum Takes {
    /// Nothing is read.
    Nothing,
    /// JSON, which must be there.
    Json(&'static Shape),
    /// JSON, or nothing.
    MaybeJson(&'static Shape),
    /// Parameters, in a form.
    Form(&'static [Member]),
}

/// What an answer has in its body.
#[derive(Clone, Copy, Debug)]
pub enum Content {
    /// Nothing.
    Nothing,
    /// JSON.
    Json(&'static Shape),
    /// Text of this media type.
    Text(&'static str),
}

impl Contract {
    /// A route that takes nothing.
    pub const fn new(summary: &'static str) -> Contract {
        Contract { summary, query: &[], takes: Takes::Nothing, answers: [None, None] }
    }

    /// Says which parameters the query has.
    #[must_use]
    pub const fn query(mut self, query: &'static [Member]) -> Contract {
        self.query = query;
        self
    }

    /// Says that there must be a body.
    #[must_use]
    pub const fn takes(mut self, shape: &'static Shape) -> Contract {
        self.takes = Takes::Json(shape);
        self
    }

    /// Says that there may be a body.
    #[must_use]
    pub const fn may_take(mut self, shape: &'static Shape) -> Contract {
        self.takes = Takes::MaybeJson(shape);
        self
    }

    /// Says which parameters a form has.
    #[must_use]
    pub const fn form(mut self, fields: &'static [Member]) -> Contract {
        self.takes = Takes::Form(fields);
        self
    }

    /// Says that this is an answer.
    #[must_use]
    pub const fn answers(self, status: u16, shape: &'static Shape) -> Contract {
        self.with(status, Content::Json(shape))
    }

    /// Says that there is an answer without a body.
    #[must_use]
    pub const fn nothing(self, status: u16) -> Contract {
        self.with(status, Content::Nothing)
    }

    /// Says that there is an answer that is a text of this media type.
    #[must_use]
    pub const fn text(self, status: u16, media_type: &'static str) -> Contract {
        self.with(status, Content::Text(media_type))
    }

    const fn with(mut self, status: u16, content: Content) -> Contract {
        let [first, second] = &mut self.answers;
        if first.is_none() {
            *first = Some((status, content));
        } else {
            *second = Some((status, content));
        }
        self
    }
}
