//! Work that one of several servers of a database does at a time.

use super::Postroom;
use super::engine::Engine;
use crate::error::Error;

/// The right to do a duty, while this is there. It ends with its process, even by a kill.
pub struct OnDuty<'a> {
    #[cfg(feature = "postgres")]
    _lent: Option<super::postgres::Duty<'a>>,
    _postroom: std::marker::PhantomData<&'a Postroom>,
}

impl Postroom {
    /// Takes this duty for a piece of its work; none if another server has it just now. A file has one server, which has
    /// every duty.
    pub fn take_duty(&self, name: &str) -> Result<Option<OnDuty<'_>>, Error> {
        match &self.engine {
            Engine::Sqlite { .. } => {
                let _ = name;
                Ok(Some(OnDuty {
                    #[cfg(feature = "postgres")]
                    _lent: None,
                    _postroom: std::marker::PhantomData,
                }))
            }
            #[cfg(feature = "postgres")]
            Engine::Postgres(server) => {
                let lent = server.duty(name)?;
                Ok(lent.map(|lent| OnDuty { _lent: Some(lent), _postroom: std::marker::PhantomData }))
            }
        }
    }

    /// How often this process has waited for an answer of the database's server, since it was opened; none where there is no
    /// server. For tests, and for figures.
    pub fn round_trips(&self) -> Option<u64> {
        match &self.engine {
            Engine::Sqlite { .. } => None,
            #[cfg(feature = "postgres")]
            Engine::Postgres(server) => Some(server.round_trips()),
        }
    }
}
