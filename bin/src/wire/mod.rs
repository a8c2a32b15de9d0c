//! What stands between the network and the library: requests and responses, faults, forms, limits, and what a surface is.
//! Nothing here knows a dialect or a page.

mod body;
mod fault;
pub mod form;
pub mod http;
pub mod json;
pub mod limit;
mod pieces;
mod surface;

pub use body::{BodySize, json_body, takes_json};
pub use fault::{CLAIM_IT, Fault, store_sentence, store_status, unproved_limit};
pub use pieces::{Pieces, by_ids};
pub use surface::{
    Anybody, Auth, Call, Handler, Looking, LookingCall, OpenToAll, Route, Stored, Surface, Switches, batch,
    looking, making, open, reporting, route,
};
