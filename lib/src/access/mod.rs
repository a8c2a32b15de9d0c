//! What an API key may do, and from where: scopes and networks, parsed once.

mod scope;

pub use crate::network::{InvalidNetwork, Network};
pub use scope::{InvalidKeyScope, KeyScope, KeyScopes, Need};
