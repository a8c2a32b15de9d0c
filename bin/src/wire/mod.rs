//! What stands between the network and the library: requests and responses, faults, forms, limits, and what a surface is.
//! Nothing here knows a dialect or a page.

mod body;
mod contract;
mod fault;
pub mod form;
mod guess;
pub mod http;
pub mod json;
pub mod limit;
mod pieces;
pub mod shape;
mod surface;

pub use body::{BodySize, json_body, takes_json};
pub use contract::{Content, Contract, Takes};
pub use fault::{CLAIM_IT, Fault, PageFault, store_sentence, store_status, unproved_limit};
pub use guess::Guessing;
pub use pieces::{Pieces, by_ids};
pub use surface::{
    Anybody, Auth, Call, Desk, FORM_TOKEN, Handler, Looking, LookingCall, LookingPage, NAME_FIELD,
    OpenLooking, OpenToAll, Page, Route, SignedIn, Stored, Surface, Switches, Tries, batch, desk, looking,
    looking_batch, looking_page, making, making_page, open, open_looking, page, reporting, route,
};
