//! Records for `DNSControl`: more of a domain that `dnsconfig.js` declares with its registrar and its provider.

use std::fmt::Write;

use super::{Entry, TTL, ZoneRecords, quoted};

pub(super) fn write(zone: &ZoneRecords) -> String {
    let mut lines = Vec::new();
    for ((name, _), entries) in &zone.sets {
        let label = match zone.relative(name) {
            "" => quoted("@"),
            label => quoted(label),
        };
        lines.extend(entries.iter().map(|entry| match entry {
            Entry::Mx { preference, host } => {
                format!("  MX({label}, {preference}, {}, TTL({TTL}))", quoted(&format!("{host}.")))
            }
            Entry::Cname(target) => {
                format!("  CNAME({label}, {}, TTL({TTL}))", quoted(&format!("{target}.")))
            }
            Entry::Txt(text) => format!("  TXT({label}, {}, TTL({TTL}))", quoted(text)),
        }));
    }
    let mut text = format!(
        "// Mail records of {0}, for DNSControl: put `require(\"./{0}.js\");` below the D() of {0} in dnsconfig.js.\n",
        zone.zone
    );
    // Writing to a String cannot fail.
    let _ = write!(text, "D_EXTEND({},\n{}\n);\n", quoted(zone.zone.as_str()), lines.join(",\n"));
    text
}
