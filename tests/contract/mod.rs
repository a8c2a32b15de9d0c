//! The dialects, route by route.

mod isolation;
mod lifecycle;
mod mailchannels;
mod mailgun;
mod mailpace;
mod native;
