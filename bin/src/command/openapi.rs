//! `postroom openapi`: the description of an interface, as the server gives it at `/openapi`.

use std::process::ExitCode;

use clap::builder::PossibleValuesParser;

use super::output::write;
use super::{Context, Failure, reachable};
use crate::app::document;
use crate::dialect::DIALECTS;

/// Print the description of an interface, an OpenAPI document, as the server gives it at /openapi
#[derive(clap::Args)]
pub(super) struct Args {
    /// The interface
    #[arg(value_parser = PossibleValuesParser::new(DIALECTS.iter().map(|dialect| dialect.name)))]
    name: String,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<ExitCode, Failure> {
    let url = if let Some(url) = context.config.public_url()? {
        url.as_str().to_owned()
    } else {
        let scheme = if context.config.tls()?.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", reachable(context.config.listen()?))
    };
    let document = document(&args.name, &url);
    let document = document.ok_or_else(|| Failure::input(format!("there is no interface {}", args.name)))?;
    write(format!("{document}\n").as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
