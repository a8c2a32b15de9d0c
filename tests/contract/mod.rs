//! The dialects, route by route.

mod isolation;
mod mailpace;
