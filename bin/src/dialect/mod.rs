//! The dialects: the published REST interfaces, and our own beside them. All are views of one domain model.

pub mod lifecycle;
pub mod mailchannels;
pub mod mailgun;
pub mod mailpace;
pub mod native;

use crate::wire::Surface;
use crate::wire::shape::Shape;

/// Every dialect that is served.
pub const DIALECTS: &[&Surface] =
    &[&mailpace::DIALECT, &lifecycle::DIALECT, &mailgun::DIALECT, &mailchannels::DIALECT, &native::DIALECT];

/// What a dialect's faults look like.
pub fn fault_of(dialect: &Surface) -> &'static Shape {
    match dialect.name {
        "mailpace" => &mailpace::FAULT,
        "lifecycle" => &lifecycle::FAULT,
        "mailgun" => &mailgun::FAULT,
        "mailchannels" => &mailchannels::FAULT,
        "native" => &native::FAULT,
        _ => &Shape::Any,
    }
}
