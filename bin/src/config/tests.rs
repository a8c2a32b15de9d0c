//! Where a value comes from, and what is said of one that will not do.

use super::*;

fn config(toml: &str) -> Result<Config, ConfigError> {
    let mut config = Config::default();
    let table: toml::Table = toml.parse().unwrap();
    config.read_table(Path::new("postroom.toml"), "", &table)?;
    Ok(config)
}

#[test]
fn a_file_sets_what_it_names_in_its_type() {
    let mut config = config(
        "[mx]\nhost = \"mx.example.net\"\npriority = 5\n[dns]\nresolvers = [\"127.0.0.1:5353\", \"::1\"]\n\
         authoritative = false\n[return_path]\nhost = \"rp.example.net\"",
    )
    .unwrap();
    let settings = config.settings().unwrap();
    assert_eq!((settings.mx_host.as_str(), settings.mx_priority), ("mx.example.net", 5));
    let dns = config.dns().unwrap();
    assert_eq!(dns.resolvers, ["127.0.0.1:5353".parse().unwrap(), "[::1]:53".parse().unwrap()]);
    assert!(!dns.authoritative);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn each_mistake_names_its_source() {
    let unknown = config("[mx]\nhots = \"x\"").unwrap_err().to_string();
    assert!(unknown.contains("postroom.toml") && unknown.contains("mx.hots"), "{unknown}");
    let wrong = config("[mx]\npriority = 70000").unwrap().settings().unwrap_err().to_string();
    assert!(wrong.contains("mx.priority") && wrong.contains("70000"), "{wrong}");
    let half = config("[tls]\ncert = \"a.pem\"").unwrap().tls().unwrap_err();
    assert!(matches!(half, ConfigError::HalfTls));
}

#[test]
fn reports_and_login_links_have_their_settings() {
    let mut set =
        config("[reports]\nkeep_days = 7\nmax_mib = 2\naccount_mib = 0\n[login]\nlink_minutes = 5").unwrap();
    let settings = set.settings().unwrap();
    assert_eq!(settings.keep_reports_for, Duration::from_hours(7 * 24));
    assert_eq!((settings.max_report_octets, settings.most_report_octets), (2 * 1024 * 1024, 0));
    assert_eq!(settings.login_link_life, Duration::from_mins(5));
    for bad in [
        "[reports]\nmax_mib = 0",
        "[reports]\nmax_mib = 101",
        "[reports]\nkeep_days = 0",
        "[login]\nlink_minutes = 0",
    ] {
        assert!(config(bad).unwrap().settings().is_err(), "{bad}");
    }
}

#[test]
fn a_key_stands_once_and_its_variable_too() {
    for (index, key) in KEYS.iter().enumerate() {
        let rest = &KEYS[index + 1..];
        assert!(rest.iter().all(|other| other.path != key.path && other.variable != key.variable));
    }
}
