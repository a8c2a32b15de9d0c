//! `postroom setup`: the settings file of a new server, and the configuration of the proxy before it.

mod file;
mod proxy;

use std::fmt::Write;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use postroom::name::{DnsName, DomainName};
use serde_json::{Map, Value, json};

use super::ask::Answers;
use super::output::write;
use super::{Context, DB_FLAG, Exit, Failure, doctor};
use crate::config::{Config, Setting};
use file::SettingsFile;
use proxy::Proxy;

/// Write the settings of a new server, and print the configuration of the proxy before it
///
/// The settings go into the file of --to; its comments and its other settings stay. The proxy's configuration goes to stdout,
/// so that it can be sent into a file; everything else that people read goes to stderr.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The name under which the world reaches this server, such as desk.example.net; asked for on a terminal
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// The mail host that every domain's MX record names [default: mx. and the domain of --host]
    #[arg(long, value_name = "NAME")]
    mx_host: Option<String>,
    /// The target of every domain's return path [default: return-path. and the domain of --host]
    #[arg(long, value_name = "NAME")]
    return_path_host: Option<String>,
    /// A recursive resolver to ask; may be given several times [default: those of the machine]
    #[arg(long = "resolver", value_name = "ADDRESS")]
    resolvers: Vec<String>,
    /// Whose configuration to print: a proxy on this machine, which brings TLS
    #[arg(long, value_enum)]
    proxy: Option<Proxy>,
    /// The settings file [default: the one that is in use, else ./postroom.toml]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Replace settings that the file has with another value
    #[arg(long)]
    replace: bool,
}

pub(super) fn run(context: &mut Context, args: Args) -> Result<ExitCode, Failure> {
    let answers = Answers::at_the_terminal();
    let host = match args
        .host
        .or_else(|| answers.ask("The name of this server, such as desk.example.net", ""))
    {
        Some(host) => read::<DnsName>("--host", &host)?,
        None => return Err(Failure::input("name this server with --host, such as --host desk.example.net")),
    };
    if host.as_str().parse::<IpAddr>().is_ok() {
        let text =
            format!("--host: {host} is an address; give the name that leads to it, such as desk.example.net");
        return Err(Failure::input(text));
    }
    if !host.as_str().contains('.') {
        let text = format!(
            "--host: nobody else can look up \"{host}\"; give a whole name, such as desk.example.net"
        );
        return Err(Failure::input(text));
    }
    let domain = domain_of(&host);
    let chosen = |flag, given: Option<String>, question, label| {
        let usual = format!("{label}.{domain}");
        read::<DnsName>(flag, &given.or_else(|| answers.ask(question, &usual)).unwrap_or(usual))
    };
    let mx_host =
        chosen("--mx-host", args.mx_host, "The mail host in the MX records of your customers", "mx")?;
    let return_path_host = chosen(
        "--return-path-host",
        args.return_path_host,
        "The target of their return paths",
        "return-path",
    )?;
    let proxy = match args.proxy {
        Some(proxy) => Some(proxy),
        None => match answers.ask("The proxy before it: nginx, caddy or none", "none") {
            Some(answer) if !answer.eq_ignore_ascii_case("none") => Some(Proxy::of(&answer)?),
            _ => None,
        },
    };

    let mut settings: Vec<(&str, Vec<String>)> = vec![
        ("public_url", vec![format!("https://{host}")]),
        ("mx.host", vec![mx_host.to_string()]),
        ("return_path.host", vec![return_path_host.to_string()]),
    ];
    if !args.resolvers.is_empty() {
        settings.push(("dns.resolvers", args.resolvers));
    }
    if proxy.is_some() {
        settings.push(("limits.trusted_proxies", vec!["127.0.0.1".to_owned(), "::1".to_owned()]));
    }
    // A database that the command line names is the one that the server shall have.
    if let Some((DB_FLAG, values)) = context.config.value_of("db") {
        settings.push(("db", values.to_vec()));
    }
    let to = args.to.or_else(|| context.config.file.clone()).unwrap_or_else(|| "postroom.toml".into());
    let mut file = SettingsFile::read(&to)?;
    for (path, values) in &settings {
        file.set(path, values, args.replace)?;
    }
    // What would not be taken is refused before it is written.
    let config = Config::of_file_text(&to, &file.text())?;
    if let Some(fault) = config.faults().into_iter().next() {
        return Err(Failure::input(fault));
    }
    file.write()?;

    context.config = Config::load(Some(&to))?;
    let listen = context.config.listen()?;
    let block = proxy.map(|proxy| proxy.configuration(&host, super::reachable(listen)));
    let checks = doctor::look(context)?;
    if context.output.json {
        let set: Map<String, Value> =
            settings.iter().map(|(path, values)| ((*path).to_owned(), json!(values))).collect();
        let json = json!({
            "file": to.display().to_string(), "set": set, "proxy": block, "checks": doctor::json(&checks),
        });
        context.output.print(&json, String::new)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut said = format!("{} is written. What `postroom doctor` says of it:\n\n", to.display());
    said += &doctor::lines(&checks);
    if let Some(proxy) = proxy {
        let _ = write!(said, "\nThe configuration of {} follows. {}\n", proxy.name(), proxy.place());
    }
    let _ = write!(said, "\nStart the server with it: postroom serve --config {}\n", to.display());
    // Where stderr is closed, the file is written all the same.
    let _ = io::Write::write_all(&mut io::stderr(), said.as_bytes());
    if let Some(block) = block {
        write(block.as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn read<T: Setting>(flag: &str, text: &str) -> Result<T, Failure> {
    T::read(text.trim())
        .map_err(|reason| Failure::new(Exit::Input, format!("{flag}: \"{text}\" is not usable: {reason}")))
}

/// The domain under which the other hosts of `host` stand: what is above it, unless that is a public suffix.
fn domain_of(host: &DnsName) -> String {
    let above = host.as_str().split_once('.').map(|(_, above)| above);
    above.filter(|above| above.parse::<DomainName>().is_ok()).unwrap_or(host.as_str()).to_owned()
}
