//! What stands between the network and the library: requests and responses, faults, forms, limits, and what a surface is.
//! Nothing here knows a dialect or a page.

mod body;
mod call;
mod contract;
mod fault;
pub mod form;
mod guess;
pub mod http;
pub mod json;
pub mod limit;
mod rate;
mod live;
mod mailroom;
mod pieces;
mod place;
mod progress;
pub mod shape;
mod surface;

pub use body::{BodySize, PLAIN, json_body, refuse_encoded, takes_json};
pub use call::{Anybody, Call, FORM_TOKEN, LookingCall, NAME_FIELD, SignedIn, Switches};
pub use contract::{Content, Contract, Takes};
pub use fault::{CLAIM_IT, Fault, OF_SOME_DOMAINS, PageFault, store_sentence, store_status, unproved_limit};
pub use guess::Guessing;
pub use live::{Events, Following, Seen};
pub use mailroom::{HeldMessage, HeldPage, HeldText, MailTrouble, Mailroom, PostedAgain, Whose};
pub use pieces::{Pieces, by_ids, sound};
pub use place::RequestPlace;
pub use progress::{Checks, CountingResolver, Progress};
pub use surface::{
    Auth, Desk, Handler, Looking, LookingPage, OpenLooking, OpenToAll, Pace, Page, Route, Stored, Surface,
    Tries, desk, looking, looking_page, open, open_looking, page, route,
};
