//! Where a database is: a file, or a URL, which may have a password in it.

use std::ffi::OsStr;

/// Whether this names a database on a server, and no file.
pub fn is_on_a_server(name: impl AsRef<OsStr>) -> bool {
    let name = name.as_ref().to_string_lossy();
    ["postgres://", "postgresql://"].iter().any(|scheme| name.starts_with(scheme))
}

/// A URL without its password; of anything else all of it.
pub fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://").filter(|_| is_on_a_server(url)) else {
        return url.to_owned();
    };
    let (hosts, query) = rest.split_once('?').map_or((rest, None), |(hosts, query)| (hosts, Some(query)));
    let hosts = match hosts.rsplit_once('@') {
        Some((user, hosts)) => {
            let user = user.split_once(':').map_or(user, |(user, _)| user);
            format!("{user}@{hosts}")
        }
        None => hosts.to_owned(),
    };
    let is_shown = |option: &&str| !option.starts_with("password=");
    let query: Vec<&str> = query.into_iter().flat_map(|query| query.split('&')).filter(is_shown).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    format!("{scheme}://{hosts}{query}")
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
            ("/a:b@c.db?password=x", "/a:b@c.db?password=x"),
            ("postgres://u:p@ss@h/d", "postgres://u@h/d"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }
}
