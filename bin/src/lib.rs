//! Postroom as one binary, from the ground up: what a request is, what a dialect is, how parameters are read, how often one
//! may ask, the dialects, the console, the App that carries them, the listener that carries the App, and the command line.

pub mod http;

pub mod dialect;
pub mod form;
pub mod limit;

pub mod config;
pub mod findings;
pub mod keys;
pub mod lists;

pub mod console;

pub mod lifecycle;
pub mod mailchannels;
pub mod mailgun;
pub mod mailpace;
pub mod native;

pub mod app;

pub mod listen;

pub mod command;
