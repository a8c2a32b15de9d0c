//! The dialects, route by route.

mod isolation;
mod lifecycle;
mod mailgun;
mod mailpace;
mod native;
