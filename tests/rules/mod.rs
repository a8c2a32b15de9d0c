//! The library's rules, through its public face.

mod agreeing;
mod answers;
mod explaining;
mod judging;
mod keys_and_tokens;
mod names;
mod store;
mod visibility;
mod zone;
