//! The table of all surfaces, and the search for the route that a request is for.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::{health, openapi};
use crate::console;
use crate::dialect::{lifecycle, mailchannels, mailgun, mailpace, native};
use crate::wire::http::Method;
use crate::wire::{Fault, Route, Surface};

/// Everything that answers over HTTP: the dialects, the console, the answer to load balancers, and the description of it all.
pub const SURFACES: &[&Surface] = &[
    &mailpace::DIALECT,
    &lifecycle::DIALECT,
    &mailgun::DIALECT,
    &mailchannels::DIALECT,
    &native::DIALECT,
    &console::SURFACE,
    &health::SURFACE,
    &openapi::SURFACE,
];

/// Finds the route for a path and a method.
pub(super) struct Router(matchit::Router<Vec<(&'static Surface, &'static Route)>>);

/// What a request is for.
pub(super) struct Target {
    pub(super) surface: &'static Surface,
    pub(super) route: &'static Route,
    /// The parameters that stand in the path, percent-decoded.
    pub(super) params: Vec<(String, String)>,
}

impl Router {
    /// The routes of all [`SURFACES`].
    pub(super) fn new() -> Router {
        let mut by_path: BTreeMap<&'static str, Vec<(&'static Surface, &'static Route)>> = BTreeMap::new();
        for surface in SURFACES {
            for route in surface.routes {
                by_path.entry(route.path).or_default().push((surface, route));
            }
        }
        let mut router = matchit::Router::new();
        for (path, routes) in by_path {
            // The tables are constants, and a test finds every route in the router, so no path clashes with another.
            if let Err(clash) = router.insert(path, routes) {
                tracing::error!(path, %clash, "a route was left out");
            }
        }
        Router(router)
    }

    /// The surface that answers this request, and its route, or the reason why there is none. A HEAD request gets the route
    /// of GET; a slash at the end of the path changes nothing.
    pub(super) fn find(&self, method: &Method, path: &str) -> (&'static Surface, Result<Target, Fault>) {
        let path = without_last_slash(path);
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        let Ok(found) = self.0.at(path) else { return (surface_of(path), Err(Fault::NoRoute)) };
        match found.value.iter().find(|(_, route)| route.method == *method) {
            Some((surface, route)) => {
                // No parameter that is not UTF-8 names anything, and neither does it with replacement characters in it.
                let decode = |value| percent_decode_str(value).decode_utf8_lossy().into_owned();
                let params = found.params.iter().map(|(name, value)| (name.to_owned(), decode(value)));
                (surface, Ok(Target { surface, route, params: params.collect() }))
            }
            None => {
                (surface_of(path), Err(Fault::Method(allowed(found.value.iter().map(|(_, route)| *route)))))
            }
        }
    }
}

/// The surface with a prefix that the path is below. A path below no prefix belongs to the health surface, which answers in
/// plain JSON. Below the prefix `/` is nothing but the root itself.
fn surface_of(path: &str) -> &'static Surface {
    let is_below = |prefix: &&str| {
        let rest = path.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.is_empty() || (*prefix != "/" && rest.starts_with('/')))
    };
    let found = SURFACES.iter().find(|surface| surface.prefixes.iter().any(is_below));
    found.copied().unwrap_or(&health::SURFACE)
}

/// The methods of these routes, as `Allow` lists them (RFC 9110 section 10.2.1).
fn allowed(routes: impl Iterator<Item = &'static Route>) -> String {
    let mut methods: Vec<&str> = routes.map(|route| route.method.as_str()).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.join(", ")
}

fn without_last_slash(path: &str) -> &str {
    path.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::DIALECTS;

    #[test]
    fn every_dialect_is_a_surface_and_every_surface_has_a_name_and_prefixes_of_its_own() {
        let named = |name: &str| SURFACES.iter().filter(|surface| surface.name == name).count();
        assert!(DIALECTS.iter().all(|dialect| named(dialect.name) == 1));
        assert!(SURFACES.iter().all(|surface| named(surface.name) == 1));
        for surface in SURFACES {
            for prefix in surface.prefixes {
                assert_eq!(surface_of(prefix).name, surface.name, "{prefix}");
                let below = if *prefix == "/" { "health" } else { surface.name };
                assert_eq!(surface_of(&format!("{prefix}/no/such")).name, below, "{prefix}");
            }
        }
    }

    #[test]
    fn every_route_is_found_again_below_a_prefix_of_its_surface() {
        let router = Router::new();
        for surface in SURFACES {
            for route in surface.routes {
                assert_eq!(surface_of(route.path).name, surface.name, "{}", route.path);
                for path in [route.path.to_owned(), format!("{}/", route.path)] {
                    let (found, matched) = router.find(&route.method, &path);
                    let matched = matched.ok().unwrap().route;
                    assert_eq!((found.name, matched.path), (surface.name, route.path));
                    assert_eq!(matched.method, route.method);
                }
            }
        }
    }

    #[test]
    fn head_is_allowed_where_get_is() {
        let allowed_at = |path: &str| match Router::new().find(&Method::TRACE, path).1 {
            Err(Fault::Method(allowed)) => allowed,
            other => panic!("{:?}", other.map(|target| target.route.path)),
        };
        assert_eq!(allowed_at("/console/login"), "GET, POST, HEAD");
        assert_eq!(allowed_at("/api/v1/domains/7/verify"), "POST");
    }
}
