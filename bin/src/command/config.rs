//! `postroom config`: what is set, by what, and whether it can be used. It needs no database.

use std::process::ExitCode;

use clap::Subcommand;
use postroom::db;
use postroom::settings::Settings;
use serde_json::{Value, json};

use super::failure::complain;
use super::output::{table, write};
use super::{Context, Exit, Failure};
use crate::config::{KEYS, Key};

/// The commented sample, which is also what the package installs.
const SAMPLE: &str = include_str!("../../postroom.toml");

#[derive(Subcommand)]
pub(super) enum Command {
    /// Say what is wrong with the settings, in the file, the environment and the flags; exits 2 if something is
    Check,
    /// Print every setting with its value and where that comes from
    Show,
    /// Print a settings file with every setting, its default and what it decides
    Sample,
}

pub(super) fn run(context: &Context, command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Check => check(context),
        Command::Show => show(context),
        Command::Sample => {
            context.output.print(&json!({ "toml": SAMPLE }), || SAMPLE.to_owned())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Every setting is read in its type, and everything that is wrong is said, not only the first.
fn check(context: &Context) -> Result<ExitCode, Failure> {
    let config = &context.config;
    let mut wrong = config.faults();
    wrong.dedup();
    let warnings = match config.settings().and_then(|settings| config.unusable_hosts(&settings)) {
        Ok(hosts) => hosts.iter().map(ToString::to_string).collect(),
        Err(error) => {
            if !wrong.contains(&error.to_string()) {
                wrong.push(error.to_string());
            }
            Vec::new()
        }
    };
    let warnings: Vec<String> = config.unknown_variables.iter().cloned().chain(warnings).collect();
    if !wrong.is_empty() {
        for text in &wrong {
            complain(Exit::Input, text, context.output.json);
        }
        return Ok(Exit::Input.into());
    }
    context.output.print(&json!({ "right": true, "warnings": warnings }), || {
        let lines = warnings.iter().map(|text| format!("Warning: {text}.\n"));
        lines.collect::<String>() + "The settings can be used.\n"
    })?;
    Ok(ExitCode::SUCCESS)
}

fn show(context: &Context) -> Result<ExitCode, Failure> {
    let config = &context.config;
    let set = || KEYS.iter().map(|key| (key, config.value_of(key.path)));
    if context.output.json {
        let settings = set().map(|(key, value)| setting_json(key, value)).collect::<Vec<_>>();
        write(format!("{}\n", Value::from(settings)).as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    // What is wrong with the settings is for `config check` to say.
    let settings = config.settings().ok();
    let rows: Vec<Vec<String>> = set().map(|(key, value)| row(key, value, settings.as_ref())).collect();
    write(table(&["SETTING", "VALUE", "FROM"], &rows).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn setting_json(key: &Key, value: Option<(&str, &[String])>) -> Value {
    let shown = value.map(|(_, items)| match items {
        // The URL of a database on a server has its password in it.
        [item] if !key.is_list => Value::from(db::shown(item)),
        items => items.to_vec().into(),
    });
    json!({
        "setting": key.path, "variable": key.variable, "value": shown,
        "from": value.map(|(source, _)| source), "help": key.help,
    })
}

fn row(key: &Key, value: Option<(&str, &[String])>, settings: Option<&Settings>) -> Vec<String> {
    let (shown, source) = match value {
        Some((source, items)) => {
            (items.iter().map(|item| db::shown(item)).collect::<Vec<_>>().join(", "), source.to_owned())
        }
        None => (usual(key, settings), "default".to_owned()),
    };
    vec![key.path.to_owned(), shown, source]
}

/// The default: the host that is made of this machine's name, else what stands in the last parentheses of the setting's help.
fn usual(key: &Key, settings: Option<&Settings>) -> String {
    let host = settings.and_then(|settings| match key.path {
        "mx.host" => Some(&settings.mx_host),
        "return_path.host" => Some(&settings.return_path_host),
        _ => None,
    });
    let inside =
        || key.help.rsplit_once('(').map_or("none", |(_, rest)| rest.trim_end_matches(')')).to_owned();
    host.map_or_else(inside, ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// The sample with every line that sets something turned on.
    fn turned_on() -> String {
        let lines = SAMPLE
            .lines()
            .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_sample_has_every_setting_and_no_other() {
        let config = Config::of_text(&turned_on()).unwrap();
        for key in KEYS {
            assert!(
                config.has(key.path),
                "postroom.toml lacks {}: add `#{} = …` with a comment",
                key.path,
                key.path
            );
        }
        assert_eq!(config.faults(), Vec::<String>::new());
    }

    #[test]
    fn the_sample_sets_nothing_as_it_stands() {
        let config = Config::of_text(SAMPLE).unwrap();
        assert!(KEYS.iter().all(|key| !config.has(key.path)));
    }
}
