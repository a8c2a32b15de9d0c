//! `postroom export`: everything that leaves Postroom in one file or folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use postroom::record::{self, Format, ZoneRecords};
use serde_json::json;
use tracing::warn;

use super::{Context, Failure, fleet, whole};

/// Write the database as JSON, or what every domain must publish in the form of another tool
///
/// The JSON has the hashes of API keys and tokens, and private keys only under a passphrase. `postroom import postroom` takes it into an
/// empty database. Stored mail and the settings file are not in it.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The records to publish, in this form: bind, octodns, dnscontrol or terraform [default: everything, as JSON]
    #[arg(long)]
    format: Option<Format>,
    /// The new file for everything; with --format a folder for a file of each zone [default: stdout]
    #[arg(long, value_name = "FILE|DIR")]
    to: Option<PathBuf>,
    /// A file with a passphrase in its first line: everything with private keys, encrypted with age
    #[arg(long, value_name = "FILE", conflicts_with = "format")]
    passphrase_file: Option<PathBuf>,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<ExitCode, Failure> {
    let postroom = context.open()?;
    let Some(format) = args.format else {
        return whole::export(context, &postroom, args.to.as_deref(), args.passphrase_file.as_deref());
    };
    context.unusable_hosts.iter().for_each(|host| warn!("{host}"));
    let zones = record::by_zone(&fleet::every_domain(&postroom)?);
    match &args.to {
        Some(folder) => to_folder(context, format, &zones, folder),
        None => to_stdout(context, format, &zones),
    }
}

fn to_stdout(context: &Context, format: Format, zones: &[ZoneRecords]) -> Result<ExitCode, Failure> {
    let shown = |zone: &ZoneRecords| json!({ "zone": zone.zone().as_str(), "file": format.file_name(zone.zone()), "text": format.write(zone) });
    context.output.print_list(zones.iter().map(shown), || {
        let texts: Vec<String> = zones.iter().map(|zone| format.write(zone)).collect();
        texts.join("\n")
    })?;
    Ok(ExitCode::SUCCESS)
}

fn to_folder(
    context: &Context,
    format: Format,
    zones: &[ZoneRecords],
    folder: &Path,
) -> Result<ExitCode, Failure> {
    let failed = |path: &Path, error: &std::io::Error| {
        Failure::wrong(format!("{} cannot be written: {error}", path.display()))
    };
    fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    let mut files = Vec::new();
    for zone in zones {
        let file = folder.join(format.file_name(zone.zone()));
        fs::write(&file, format.write(zone)).map_err(|error| failed(&file, &error))?;
        files.push(file.display().to_string());
    }
    context.output.print(&json!({ "files": files }), || {
        files.join(
            "
",
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
