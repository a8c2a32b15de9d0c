//! What an API key may do, and from where: scopes and networks, parsed once.

mod network;
mod scope;

pub use network::{InvalidNetwork, Network};
pub use scope::{InvalidKeyScope, KeyScope, KeyScopes, Need};
