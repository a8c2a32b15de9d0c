//! What an API key may do, and from where: scopes and networks, parsed once.
//!
//! ```
//! use postroom::access::{KeyScope, KeyScopes, Need};
//!
//! let scopes = KeyScopes::new([KeyScope::DomainsWrite]).ok_or("there is one")?;
//! assert!(scopes.allow(Need::Write(KeyScope::DomainsWrite)));
//! assert!(!scopes.allow(Need::Write(KeyScope::KeysWrite)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod scope;

pub use crate::network::{InvalidNetwork, Network};
pub use scope::{InvalidKeyScope, KeyScope, KeyScopes, Need};
