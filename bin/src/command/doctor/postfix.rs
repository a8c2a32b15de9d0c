//! Whether the mail server is configured for the bridge, as its own `postconf` shows it.

use std::collections::BTreeMap;
use std::process::Command;

use super::{Check, State, check};
use crate::mta::conf;

/// Where the mail server's programs lie that are for its operator.
const PROGRAMS: [&str; 2] = ["postconf", "/usr/sbin/postconf"];

/// What a service may set otherwise than main.cf without harm to the bridge.
const EACH_ITS_OWN: [&str; 2] = ["smtpd_relay_restrictions", "smtpd_discard_ehlo_keywords"];

/// Compares the configuration with what `bridge conf postfix` prints. Nothing where there is no Postfix.
pub(super) fn checks() -> Vec<Check> {
    // With `$name` in it written out.
    let Some(main) = ask(&["-n", "-x"]) else { return Vec::new() };
    let found = settings(&main);
    let mut checks: Vec<Check> = settings(conf::MAIN)
        .iter()
        .filter_map(|(name, wanted)| problem(name, wanted, found.get(name).map(String::as_str)))
        .map(|text| check("postfix", State::Warn, text))
        .collect();
    checks.extend(hindrances(&found).into_iter().map(|text| check("postfix", State::Warn, text)));
    let services = ask(&["-P", "-x"]).unwrap_or_default();
    checks.extend(overrides(&services).into_iter().map(|text| check("postfix", State::Warn, text)));
    if checks.is_empty() {
        checks.push(check("postfix", State::Ok, "main.cf has what the bridge needs"));
    }
    checks
}

fn ask(arguments: &[&str]) -> Option<String> {
    let asked = PROGRAMS.iter().find_map(|program| Command::new(program).args(arguments).output().ok())?;
    asked.status.success().then(|| String::from_utf8_lossy(&asked.stdout).into_owned())
}

/// The settings of main.cf, by their names.
fn settings(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}

/// What is wrong with a setting; none if it will do. Others may stand beside ours where the mail server takes several.
fn problem(name: &str, wanted: &str, found: Option<&str>) -> Option<String> {
    let said = match found {
        None => format!("main.cf does not set {name}"),
        Some(found) if will_do(name, wanted, found) => return None,
        Some(found) => format!("main.cf sets {name} to \"{found}\""),
    };
    Some(format!("{said}; the bridge needs: postconf -e '{name} = {wanted}'"))
}

fn will_do(name: &str, wanted: &str, found: &str) -> bool {
    let mut parts = found.split([',', ' ']).map(str::trim).filter(|part| !part.is_empty());
    match name {
        "transport_maps" | "virtual_mailbox_domains" | "virtual_mailbox_maps" => {
            parts.any(|part| part == wanted)
        }
        "smtpd_discard_ehlo_keywords" => parts.any(|part| part.eq_ignore_ascii_case("dsn")),
        // Ours comes last, so that nothing changes a message that is signed.
        "smtpd_milters" => parts.next_back() == Some(wanted),
        // Any that refuses other people's mail in the end will do.
        "smtpd_relay_restrictions" => {
            parts.any(|part| matches!(part, "reject_unauth_destination" | "reject"))
        }
        _ => found == wanted,
    }
}

/// Settings of main.cf by which mail would pass the bridge unasked.
fn hindrances(found: &BTreeMap<String, String>) -> Vec<String> {
    let mut told = Vec::new();
    let action = found.get("milter_default_action").map(String::as_str);
    if let Some(action @ ("accept" | "quarantine")) = action {
        told.push(format!(
            "main.cf sets milter_default_action to \"{action}\": while the bridge is down, mail goes out unsigned and \
             unchecked; postconf -X milter_default_action"
        ));
    }
    if found.get("receive_override_options").is_some_and(|options| skips_milters(options)) {
        told.push("main.cf has no_milters in receive_override_options; the bridge is not asked".to_owned());
    }
    told
}

fn skips_milters(options: &str) -> bool {
    options.split([',', ' ']).any(|option| option == "no_milters")
}

/// Services of master.cf that set something else than main.cf says: `submission/inet/smtpd_milters = …`.
fn overrides(services: &str) -> Vec<String> {
    let lines = services.lines().filter_map(|line| line.split_once('='));
    let named = lines.filter_map(|(place, value)| Some((place.trim().rsplit_once('/')?, value.trim())));
    let ours = settings(conf::MAIN);
    let others = named.filter(|((_, name), value)| {
        (*name == "receive_override_options" && skips_milters(value))
            || (*name == "milter_default_action" && matches!(*value, "accept" | "quarantine"))
            || ours
                .get(*name)
                .is_some_and(|wanted| !EACH_ITS_OWN.contains(name) && !will_do(name, wanted, value))
    });
    let told = others.map(|((service, name), value)| {
        format!("master.cf overrides {name} for {service} with \"{value}\"; there the bridge is not asked")
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_overridden_is_said_with_what_to_do() {
        let wanted = settings(conf::MAIN);
        assert_eq!(wanted.len(), 12);
        assert!(wanted.iter().all(|(name, value)| problem(name, value, Some(value)).is_none()));
        let milter = &wanted["smtpd_milters"];
        for (found, is_well) in [
            (Some("inet:localhost:11332, unix:postroom/milter"), true),
            (Some("unix:postroom/milter, inet:localhost:11332"), false),
            (Some("inet:localhost:11332"), false),
            (None, false),
        ] {
            let said = problem("smtpd_milters", milter, found);
            assert_eq!(said.is_none(), is_well, "{said:?}");
            assert!(
                said.is_none_or(|text| text.contains("postconf -e 'smtpd_milters = unix:postroom/milter'"))
            );
        }
        let keywords = "smtpd_discard_ehlo_keywords";
        assert_eq!(problem(keywords, &wanted[keywords], Some("chunking, dsn")), None);
        assert!(problem(keywords, &wanted[keywords], Some("chunking")).is_some());
        for (service, is_well) in [
            ("submission/inet/smtpd_milters = inet:localhost:11332", false),
            ("submission/inet/smtpd_milters =", false),
            ("submission/inet/receive_override_options = no_header_body_checks,no_milters", false),
            ("submission/inet/milter_default_action = accept", false),
            ("submission/inet/syslog_name = postfix/submission", true),
            ("submission/inet/receive_override_options = no_address_mappings", true),
            ("submission/inet/smtpd_discard_ehlo_keywords =", true),
            ("smtps/inet/smtpd_sasl_path = postroom/auth", true),
        ] {
            let said = overrides(service);
            assert_eq!(said.is_empty(), is_well, "{service}: {said:?}");
            let names =
                |text: &String| service.starts_with("submission/inet/") && text.contains("submission/inet");
            assert!(said.iter().all(names), "{said:?}");
        }
        for (setting, is_well) in [
            ("milter_default_action = accept", false),
            ("milter_default_action = tempfail", true),
            ("receive_override_options = no_milters", false),
            ("myhostname = mail.example.net", true),
        ] {
            assert_eq!(hindrances(&settings(setting)).is_empty(), is_well, "{setting}");
        }
    }
}
