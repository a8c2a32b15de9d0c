//! `postroom export`: everything that leaves Postroom in one file or folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use postroom::record::{self, Format, ZoneRecords};
use serde_json::json;
use tracing::warn;

use super::{Context, Failure, fleet};

/// Write what every domain must publish in the form of another tool
#[derive(clap::Args)]
pub(super) struct Args {
    /// The form of the records to publish: bind, octodns, dnscontrol or terraform
    #[arg(long)]
    format: Format,
    /// A file for each zone in this folder, which is made if it is not there [default: all to stdout]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<ExitCode, Failure> {
    let postroom = context.open()?;
    context.unusable_hosts.iter().for_each(|host| warn!("{host}"));
    let zones = record::by_zone(&fleet::every_domain(&postroom)?);
    match &args.to {
        Some(folder) => to_folder(context, args.format, &zones, folder),
        None => to_stdout(context, args.format, &zones),
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
