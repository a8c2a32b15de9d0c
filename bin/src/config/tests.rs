//! Where a value comes from, and what is said of one that is not usable.

use std::time::Duration;

use super::*;

fn config(toml: &str) -> Result<Config, ConfigError> {
    let mut config = Config::default();
    let table: toml::Table = toml.parse().unwrap();
    config.read_table(Path::new("postroom.toml"), "", &table);
    if config.misread.is_empty() { Ok(config) } else { Err(config.misread.remove(0)) }
}

#[test]
fn a_file_sets_what_it_names_in_its_type() {
    let config = config(
        "[mx]\nhost = \"mx.example.net\"\npriority = 5\n[dns]\nresolvers = [\"127.0.0.1:5353\", \"::1\"]\n\
         authoritative = false\n[return_path]\nhost = \"rp.example.net\"",
    )
    .unwrap();
    let settings = config.settings().unwrap();
    assert_eq!((settings.mx_host.as_str(), settings.mx_priority), ("mx.example.net", 5));
    let dns = config.dns().unwrap();
    assert_eq!(dns.resolvers, ["127.0.0.1:5353".parse().unwrap(), "[::1]:53".parse().unwrap()]);
    assert!(!dns.authoritative);
    assert_eq!(config.unusable_hosts(&settings).unwrap(), []);
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
    let set =
        config("[reports]\nkeep_days = 7\nmax_mib = 2\naccount_mib = 0\n[login]\nlink_minutes = 5").unwrap();
    let settings = set.settings().unwrap();
    assert_eq!(settings.keep_reports_for, Duration::from_hours(7 * 24));
    assert_eq!((settings.max_report_octets, settings.caps.report_octets), (2 * 1024 * 1024, 0));
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
fn every_key_has_values_that_are_refused_and_the_fault_names_the_key() {
    for key in KEYS {
        let bad = ["", "\u{1} nonsense"].into_iter().find(|text| (key.check)(text).is_err());
        let bad = bad.unwrap_or_else(|| panic!("{} takes whatever it is given", key.path));
        let mut config = Config::default();
        config.set(key.path, key.path, bad);
        let faults = config.faults();
        assert!(faults.iter().any(|fault| fault.starts_with(key.path)), "{}: {faults:?}", key.path);
        assert_eq!(config.bad_values().len(), 1, "{}", key.path);
    }
}

#[test]
fn what_no_server_can_work_with_is_refused() {
    for path in [
        "limits.connections",
        "limits.per_address",
        "limits.write_queue",
        "limits.keys",
        "limits.deliveries",
        "dkim.most_keys",
        "dns.authoritative_port",
        "loss.failures",
        "claims.expire_after_days",
    ] {
        let mut config = Config::default();
        config.set(path, path, 0);
        let told = config.faults().concat();
        assert!(told.contains("from 1 to"), "{path}: {told}");
    }
}

#[test]
fn everything_that_is_wrong_with_a_file_is_a_fault() {
    let toml = "listn = \"127.0.0.1:1\"\ndb = 1.5\n[mx]\nhots = \"x\"\npriority = 70000\n[mx.host]\n[dns]\nresolvers = 5.5";
    let config = Config::of_text(toml).unwrap();
    let faults = config.faults();
    for words in ["\"listn\"", "db: ", "\"mx.hots\"", "mx.priority", "mx.host: ", "dns.resolvers"] {
        assert!(faults.iter().any(|fault| fault.contains(words)), "{words}: {faults:#?}");
    }
    assert_eq!(faults.len(), 6, "{faults:#?}");
}

#[test]
fn settings_that_do_not_go_together_are_a_fault() {
    for (toml, words) in [
        ("[tls]\ncert = \"a.pem\"", "tls.key"),
        ("[bridge]\nhttp = \"127.0.0.1:8026\"", "bridge.vault_token_file"),
    ] {
        let told = config(toml).unwrap().faults().concat();
        assert!(told.contains(words), "{toml}: {told}");
    }
}

#[test]
fn a_key_stands_once_and_its_variable_too() {
    for (index, key) in KEYS.iter().enumerate() {
        let rest = &KEYS[index + 1..];
        assert!(rest.iter().all(|other| other.path != key.path && other.variable != key.variable));
    }
}

#[test]
fn what_is_unknown_is_an_error_that_names_what_may_have_been_meant() {
    for (toml, words) in [
        ("[mx]\nhots = \"mx.example.net\"", &["mx.hots", "did you mean mx.host?"][..]),
        ("[dsn]\nresolvers = [\"127.0.0.1\"]", &["dsn.resolvers", "did you mean dns.resolvers?"]),
        ("pubic_url = \"https://desk.example.net\"", &["did you mean public_url?"]),
        ("[reprots]", &["\"reprots\""]),
        ("[mx.host]", &["mx.host", "text"]),
        ("listen = [\"127.0.0.1:1\", \"127.0.0.1:2\"]", &["listen", "one value"]),
        ("db = 1.5", &["db", "text"]),
    ] {
        let told = config(toml).unwrap_err().to_string();
        assert!(words.iter().all(|word| told.contains(word)), "{toml}: {told}");
    }
    let far = config("zzz = 1").unwrap_err().to_string();
    assert!(!far.contains("did you mean"), "{far}");
}

#[test]
fn a_value_of_the_wrong_kind_is_an_error_that_says_what_to_give() {
    let told = |toml: &str| {
        let config = config(toml).unwrap();
        let errors = [
            config.settings().err(),
            config.dns().err(),
            config.public_url().err(),
            config.switches().err(),
            config.listen().err(),
        ];
        errors.into_iter().flatten().map(|error| error.to_string()).collect::<String>()
    };
    for (toml, words) in [
        ("[mx]\npriority = -1", "whole number from 0 to 65535"),
        ("[dns]\nauthoritative = \"ture\"", "give true or false"),
        ("[dmarc]\npolicy = \"quarantin\"", "none, quarantine or reject"),
        ("listen = \"8025\"", "127.0.0.1:8025"),
        ("[login]\nlink_minutes = 0", "from 1 to 65535"),
        ("public_url = \"desk.example.net\"", "https://desk.example.net"),
        ("public_url = \"//desk.example.net\"", "http:// or https://"),
        ("public_url = \"ftp://desk.example.net\"", "http:// or https://"),
        ("public_url = \"https://\"", "a host"),
        ("public_url = \"https://jo:secret@desk.example.net\"", "without a user name"),
        ("public_url = \"https://desk.example.net/?a=b\"", "without a query"),
    ] {
        let told = told(toml);
        assert!(told.contains(words), "{toml}: {told}");
    }
    let url =
        config("public_url = \"https://desk.example.net/mail/\"").unwrap().public_url().unwrap().unwrap();
    assert_eq!(url.as_str(), "https://desk.example.net/mail");
}

#[test]
fn a_variable_with_a_comma_in_it_is_one_value_unless_its_key_takes_several() {
    let mut config = Config::default();
    let variables = [
        ("POSTROOM_DB", "a,b.db"),
        ("POSTROOM_RESOLVERS", "127.0.0.1:5353, ::1"),
        ("POSTROOM_MX_HOTS", "mx.example.net"),
        ("POSTROOM_JSN", "true"),
        ("POSTROOM_LOG", "info"),
        ("PATH", "/bin"),
    ];
    config.read_variables(variables.into_iter().map(|(name, value)| (name.into(), value.into())));
    assert_eq!(config.db().unwrap(), Path::new("a,b.db"));
    assert_eq!(config.dns().unwrap().resolvers.len(), 2);
    assert_eq!(config.unknown_variables.len(), 2, "{:?}", config.unknown_variables);
    for (told, meant) in config.unknown_variables.iter().zip(["POSTROOM_MX_HOST?", "POSTROOM_JSON?"]) {
        assert!(told.ends_with(meant), "{told}");
    }
}

#[test]
fn a_host_that_nobody_can_look_up_is_doubtful_on_loopback_and_an_error_in_public() {
    let bare = "[mx]\nhost = \"mx\"\n[return_path]\nhost = \"return-path.example.net\"";
    let unusable = |above: &str| {
        let config = config(&format!("{above}{bare}")).unwrap();
        config.unusable_hosts(&config.settings().unwrap())
    };
    for loopback in ["", "listen = \"127.0.0.2:0\"\n", "listen = \"[::1]:8025\"\n"] {
        let hosts = unusable(loopback).unwrap();
        assert_eq!(hosts.len(), 1, "{hosts:?}");
        assert!(hosts[0].to_string().contains("mx.host is mx,"), "{}", hosts[0]);
    }
    for public in [
        "public_url = \"https://desk.example.net\"\n",
        "listen = \"0.0.0.0:8025\"\n",
        "listen = \"192.0.2.1:25\"\n",
    ] {
        let told = unusable(public).unwrap_err().to_string();
        assert!(told.contains("mx.host") && told.contains("POSTROOM_MX_HOST"), "{told}");
    }
}

#[test]
fn backups_of_a_database_on_a_server_are_refused() {
    let config =
        |db: &str| Config::of_text(&format!("db = \"{db}\"\n[backup]\ndir = \"/srv/backups\"")).unwrap();
    let faults = config("postgres://desk@h/desk").faults();
    assert!(
        matches!(&faults[..], [one] if one.contains("backup.dir") && one.contains("pg_dump")),
        "{faults:?}"
    );
    assert!(config("postgres://desk@h/desk").backup().is_err(), "and so does a start");
    assert_eq!(config("/srv/desk.db").faults(), Vec::<String>::new());
}
