//! The surfaces, route by route.

mod caps;
mod console;
mod health;
mod idempotency;
mod isolation;
mod lifecycle;
mod limits;
mod losing;
mod mailchannels;
mod mailgun;
mod mailpace;
mod native;
mod openapi;
mod scopes;
mod surfaces;
