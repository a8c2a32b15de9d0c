//! Tags: the caller's own names for its end users and their groups, opaque to us.
//!
//! ```
//! # use postroom::{Caller, account, domain, domain::NewDomain};
//! # let postroom = postroom::Postroom::open_temporary()?;
//! # let (caller, id) = postroom.write(|tx| {
//! #     let caller = Caller::operator(account::create_trusted(tx, "acme")?.id);
//! #     let domain = domain::create(tx, &caller, &NewDomain::named(&"example.com".parse()?))?;
//! #     Ok::<_, postroom::Error>((caller, domain.id))
//! # })?;
//! use postroom::tag::Tag;
//!
//! // One of the account's own end users, by the account's own name for it, sees only what is tagged with it.
//! let user = caller.for_user("user_123".parse::<Tag>()?);
//! assert!(postroom.read(|tx| domain::find(tx, &user, id).map(drop)).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::str::FromStr;

/// The most characters of a tag.
const MAX_CHARS: usize = 255;

/// A name that a caller gives to one of its end users, or to a group of them: 1 to 255 printable characters,
/// compared to the letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

impl Tag {
    /// The tag as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A tag that was parsed before it was stored.
    pub(crate) fn stored(text: String) -> Tag {
        Tag(text)
    }
}

impl FromStr for Tag {
    type Err = InvalidTag;

    fn from_str(text: &str) -> Result<Tag, InvalidTag> {
        if text.is_empty() {
            return Err(InvalidTag::Empty);
        }
        if text.chars().count() > MAX_CHARS {
            return Err(InvalidTag::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidTag::Control);
        }
        Ok(Tag(text.to_owned()))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTag {
    /// Nothing at all.
    #[error("it is empty")]
    Empty,
    /// More than 255 characters.
    #[error("it is longer than 255 characters")]
    TooLong,
    /// A control character in it.
    #[error("it has a control character, such as a line break")]
    Control,
}

crate::error::invalid_input!(InvalidTag, "tag");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_1_to_255_printable_characters_and_stays_as_it_is() {
        assert_eq!(" Jörg/1 ".parse::<Tag>().map(|tag| tag.to_string()), Ok(" Jörg/1 ".into()));
        assert!("ü".repeat(255).parse::<Tag>().is_ok());
        assert_eq!("".parse::<Tag>(), Err(InvalidTag::Empty));
        assert_eq!("x".repeat(256).parse::<Tag>(), Err(InvalidTag::TooLong));
        assert_eq!("a\u{7f}".parse::<Tag>(), Err(InvalidTag::Control));
    }
}
