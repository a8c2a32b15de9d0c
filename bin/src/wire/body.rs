//! Bodies: how large one may be, and in which formats one comes and is answered.

use postroom::settings::Settings;

use super::Fault;
use super::http::{BodyFault, Request};

/// The most octets of a route's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodySize {
    /// A form of a few short fields, from whoever sends it: 4 KiB.
    Form,
    /// 1 MiB.
    Usual,
    /// A thousand items: 8 MiB.
    Batch,
    /// A report with the largest message that is taken, in JSON: twice its octets, for line ends and quotation marks are
    /// escaped, and what is not ASCII can be.
    Report,
}

impl BodySize {
    /// The number of octets.
    pub fn octets(self, settings: &Settings) -> usize {
        match self {
            BodySize::Form => 4 * 1024,
            BodySize::Usual => 1024 * 1024,
            BodySize::Batch => 8 * 1024 * 1024,
            BodySize::Report => {
                let message = usize::try_from(settings.max_report_octets).unwrap_or(usize::MAX);
                message.saturating_mul(2).saturating_add(64 * 1024)
            }
        }
    }
}

/// A JSON body: of the right content type, well-formed, and `None` where it is empty.
///
/// A body without a content type is taken for JSON.
pub fn json_body(request: &Request) -> Result<Option<serde_json::Value>, Fault> {
    let octets = match &request.body {
        Ok(octets) => octets,
        Err(BodyFault::TooLarge) => return Err(Fault::TooLarge),
        Err(BodyFault::Incomplete) => return Err(Fault::Incomplete),
    };
    if octets.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let content_type = request.header("content-type").map_or("application/json", media_type);
    if !content_type.eq_ignore_ascii_case("application/json") {
        return Err(Fault::Format("Invalid request format or content type".into()));
    }
    serde_json::from_slice(octets).map(Some).map_err(|e| Fault::Json(e.to_string()))
}

/// Whether JSON will do for an answer (RFC 9110 section 12.5.1); without an Accept field anything will.
pub fn takes_json(request: &Request) -> bool {
    let mut ranges =
        request.headers.get_all("accept").iter().filter_map(|value| value.to_str().ok()).peekable();
    ranges.peek().is_none()
        || ranges.flat_map(|value| value.split(',')).map(media_type).any(|range| {
            ["*/*", "application/*", "application/json"].iter().any(|known| range.eq_ignore_ascii_case(known))
        })
}

/// A media type without its parameters.
fn media_type(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::http::Method;

    #[test]
    fn a_route_that_is_sent_a_message_takes_twice_its_octets_and_the_others_a_mebibyte() {
        let mut settings = Settings::for_server(&"mail.example.net".parse().unwrap());
        settings.max_report_octets = 1024;
        assert_eq!(BodySize::Usual.octets(&settings), 1 << 20);
        assert_eq!(BodySize::Report.octets(&settings), 2 * 1024 + 64 * 1024);
        settings.max_report_octets = u64::MAX;
        assert_eq!(BodySize::Report.octets(&settings), usize::MAX);
        let route = crate::wire::reporting(Method::POST, "/", |_| Err(Fault::NoRoute));
        assert_eq!(route.body, BodySize::Report);
    }
}
