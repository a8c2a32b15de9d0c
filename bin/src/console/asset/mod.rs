//! The stylesheet, the script and the icon. Their addresses have a version in them, so that browsers may keep them for good.

use crate::wire::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use crate::wire::{Anybody, Call, Fault};

const STYLESHEET: &str = include_str!("console.css");
const SCRIPT: &str = include_str!("console.js");
const ICON: &str = include_str!("icon.svg");

/// The version of the three: it differs where one of them does.
const VERSION: u32 = checksum(ICON, checksum(SCRIPT, checksum(STYLESHEET, 0x811c_9dc5)));

/// FNV-1a. It only has to differ from one build to another.
const fn checksum(text: &str, mut hash: u32) -> u32 {
    let mut rest = text.as_bytes();
    while let [octet, after @ ..] = rest {
        hash = (hash ^ *octet as u32).wrapping_mul(0x0100_0193);
        rest = after;
    }
    hash
}

/// The path of one of the three: `console.css`, `console.js` or `icon.svg`.
pub fn path(file: &str) -> String {
    format!("/console/assets/{VERSION:08x}/{file}")
}

pub(super) fn show(call: &Call<'_, Anybody>) -> Result<Response, Fault> {
    let (kind, text) = match call.param("file") {
        "console.css" => ("text/css; charset=utf-8", STYLESHEET),
        "console.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "icon.svg" => ("image/svg+xml", ICON),
        _ => return Err(Fault::NoRoute),
    };
    if call.param("version") != format!("{VERSION:08x}") {
        return Err(Fault::NoRoute);
    }
    let headers = HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ]);
    Ok(Response { status: StatusCode::OK, headers, body: text.as_bytes().to_vec().into() })
}
