//! Bodies: how large a body may be, and which formats requests and answers have.

use postroom::settings::Settings;

use super::Fault;
use super::http::Request;
use super::json::Json;

/// How large the body of a request to a route may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodySize {
    /// A form of a few short fields, which anybody can send: 4 KiB.
    Form,
    /// A body without special needs: 1 MiB.
    Usual,
    /// A thousand items: 8 MiB.
    Batch,
    /// A report with the largest message allowed, in JSON: twice its octets, because JSON escapes line ends and quotation
    /// marks, and may escape characters that are not ASCII.
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

/// The one coding that a body can have, which is none, for `Accept-Encoding` (RFC 9110 section 15.5.16).
pub const PLAIN: &str = "identity";

/// The JSON body of a request, or `None` if the body is empty. It must be well-formed and have the right content type.
///
/// A body without a content type is read as JSON.
pub fn json_body(request: &Request) -> Result<Option<Json<'_>>, Fault> {
    let octets = request.body.as_ref().map_err(|fault| Fault::from(*fault))?;
    if octets.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let content_type = request.header("content-type").map_or("application/json", media_type);
    if !content_type.eq_ignore_ascii_case("application/json") {
        return Err(Fault::Format("Invalid request format or content type".into()));
    }
    Json::parse(octets).map(Some).map_err(Fault::Json)
}

/// Whether the client accepts an answer in JSON (RFC 9110 section 12.5.1). Without an Accept field, or with one that names
/// nothing, it accepts anything.
pub fn takes_json(request: &Request) -> bool {
    let values = request.headers.get_all("accept").iter().filter_map(|value| value.to_str().ok());
    let ranges = values.flat_map(|value| value.split(',')).map(media_type);
    let mut ranges = ranges.filter(|range| !range.is_empty()).peekable();
    ranges.peek().is_none()
        || ranges.any(|range| {
            ["*/*", "application/*", "application/json"].iter().any(|known| range.eq_ignore_ascii_case(known))
        })
}

/// Refuses a body that its client has encoded: no route decodes one (RFC 9110 section 8.4).
pub fn refuse_encoded(request: &Request) -> Result<(), Fault> {
    let has_body = request.body.as_ref().is_ok_and(|octets| !octets.is_empty());
    let is_plain = request.header("content-encoding").is_none_or(|coding| {
        let coding = coding.trim();
        coding.is_empty() || coding.eq_ignore_ascii_case(PLAIN)
    });
    if is_plain || !has_body { Ok(()) } else { Err(Fault::Encoded) }
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
        let route = crate::wire::route(Method::POST, "/", |_| Err(Fault::NoRoute)).takes(BodySize::Report);
        assert_eq!(route.body, BodySize::Report);
    }
}
