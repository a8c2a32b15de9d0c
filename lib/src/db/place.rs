//! Where a database is: a file, or a URL, which may have a password in it.

use std::ffi::OsStr;

/// Whether this names a database on a server, and no file: a URL. What is no right one is refused as such, and not shown as the name of
/// a file, for a password may stand in it.
pub fn is_on_a_server(name: impl AsRef<OsStr>) -> bool {
    let name = name.as_ref().to_string_lossy().to_ascii_lowercase();
    name.contains("://") || name.starts_with("postgres:") || name.contains("password=")
}

/// A URL without its password; of the name of a file all of it.
pub fn shown(url: &str) -> String {
    if !is_on_a_server(url) {
        return url.to_owned();
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        return "(a text that is neither a file nor a URL)".to_owned();
    };
    // A password may have any character in it that people forget to write as %xx. The last @ ends it.
    let (user, rest) = match rest.rsplit_once('@') {
        Some((user, rest)) => (user.split([':', '/', '?']).next().map(|user| format!("{user}@")), rest),
        None => (None, rest),
    };
    let (hosts, query) = rest.split_once('?').map_or((rest, None), |(hosts, query)| (hosts, Some(query)));
    let is_shown = |option: &&str| {
        let name =
            url::form_urlencoded::parse(option.as_bytes()).next().map(|(name, _)| name.to_ascii_lowercase());
        name.is_none_or(|name| !name.contains("password"))
    };
    let query: Vec<&str> = query.into_iter().flat_map(|query| query.split('&')).filter(is_shown).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    format!("{scheme}://{}{hosts}{query}", user.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for (url, expected) in [
            ("postgres://u:p%40ss@h:5432/d", "postgres://u@h:5432/d"),
            (
                "postgresql://u:p@a,b:2/d?target_session_attrs=read-write",
                "postgresql://u@a,b:2/d?target_session_attrs=read-write",
            ),
            ("postgres://u@h/d?password=p&sslmode=require", "postgres://u@h/d?sslmode=require"),
            ("postgres://h/d", "postgres://h/d"),
            ("/a:b@c.db?x=y", "/a:b@c.db?x=y"),
            ("postgres://u:p@ss@h/d", "postgres://u@h/d"),
            ("postgres://u:Se?cret@h:1/d?sslmode=disable", "postgres://u@h:1/d?sslmode=disable"),
            ("postgres://u:Se/cr?et@h/d", "postgres://u@h/d"),
            ("postgres://h/d?pass%77ord=p&Password=p&sslpassword=p", "postgres://h/d"),
            ("postgres://h:1/d?password=p&application_name=a@b", "postgres://h@b"),
            ("POSTGRES://u:p@h/d", "POSTGRES://u@h/d"),
            ("postgresql+ssl://u:p@h/d", "postgresql+ssl://u@h/d"),
            ("postgres:/u:p@h/d", "(a text that is neither a file nor a URL)"),
            ("host=h password=p", "(a text that is neither a file nor a URL)"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }
}
