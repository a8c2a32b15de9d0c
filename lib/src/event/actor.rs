//! Who makes a change.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use crate::id::{AdministratorId, ApiKeyId, LoginLinkId};

/// Who made a change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Actor {
    /// Whoever holds an API key.
    Key(ApiKeyId),
    /// The operator, on the command line or as an embedder.
    Operator,
    /// The schedule of checks.
    Schedule,
    /// The bridge to the mail server, which counts.
    Bridge,
    /// Whoever opened a login link.
    LoginLink(LoginLinkId),
    /// Somebody who signed in with a password.
    Administrator(AdministratorId),
    /// Somebody that this version does not know, as the log names them.
    Other(String),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::Key(id) => write!(f, "key:{id}"),
            Actor::Operator => f.write_str("operator"),
            Actor::Schedule => f.write_str("schedule"),
            Actor::Bridge => f.write_str("bridge"),
            Actor::LoginLink(id) => write!(f, "login_link:{id}"),
            Actor::Administrator(id) => write!(f, "administrator:{id}"),
            Actor::Other(text) => f.write_str(text),
        }
    }
}

impl FromStr for Actor {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Actor, Infallible> {
        let number = |digits: &str| digits.parse::<i64>().ok();
        let known = match text.split_once(':') {
            None if text == "operator" => Some(Actor::Operator),
            None if text == "schedule" => Some(Actor::Schedule),
            None if text == "bridge" => Some(Actor::Bridge),
            Some(("key", id)) => number(id).map(|id| Actor::Key(ApiKeyId::new(id))),
            Some(("administrator", id)) => {
                number(id).map(|id| Actor::Administrator(AdministratorId::new(id)))
            }
            Some(("login_link", id)) => number(id).map(|id| Actor::LoginLink(LoginLinkId::new(id))),
            _ => None,
        };
        Ok(known.filter(|actor| actor.to_string() == text).unwrap_or_else(|| Actor::Other(text.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_is_read_back_as_it_was_written() {
        for actor in [
            Actor::Key(ApiKeyId::new(7)),
            Actor::Operator,
            Actor::Schedule,
            Actor::LoginLink(LoginLinkId::new(1)),
            Actor::Administrator(AdministratorId::new(2)),
        ] {
            assert_eq!(actor.to_string().parse(), Ok(actor));
        }
        for unknown in ["", "key:", "key:+7", "staff:3", "operator:"] {
            assert_eq!(unknown.parse(), Ok(Actor::Other(unknown.to_owned())));
        }
    }
}
