//! What stands between the network and the library: requests and responses, faults, forms, limits, and what a dialect is.
//! Nothing here knows a dialect or a page.

mod body;
mod fault;
pub mod form;
pub mod http;
pub mod limit;
mod surface;

pub use body::{BodySize, json_body, takes_json};
pub use fault::{Fault, store_status};
pub use surface::{
    Auth, Call, Dialect, Handler, Looking, LookingCall, Route, Stored, Switches, batch, looking, making,
    open, reporting, route,
};
