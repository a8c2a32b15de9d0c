//! The dialects: the published REST interfaces, and our own beside them. All are views of one domain model.

pub mod lifecycle;
pub mod mailchannels;
pub mod mailgun;
pub mod mailpace;
pub mod native;

use crate::wire::Surface;

/// Every dialect that is served.
pub const DIALECTS: &[&Surface] =
    &[&mailpace::DIALECT, &lifecycle::DIALECT, &mailgun::DIALECT, &mailchannels::DIALECT, &native::DIALECT];
