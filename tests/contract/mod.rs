//! The dialects, route by route.

mod isolation;
mod lifecycle;
mod mailpace;
mod native;
