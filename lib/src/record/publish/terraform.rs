//! Resources for Terraform's provider `dns`, which sends RFC 2136 updates to the zone's own server.

use std::fmt::Write;

use super::{Entry, TTL, ZoneRecords, quoted};
use crate::dns::RecordType;
use crate::name::DnsName;

pub(super) fn write(zone: &ZoneRecords) -> String {
    let mut text =
        format!("# Mail records of {}, for Terraform: resources of the provider hashicorp/dns.\n", zone.zone);
    for ((name, kind), entries) in &zone.sets {
        let resource = match kind {
            RecordType::Mx => "dns_mx_record_set",
            RecordType::Cname => "dns_cname_record",
            _ => "dns_txt_record_set",
        };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\nresource \"{resource}\" \"{}\" {{\n  zone = {}\n",
            identifier(name, *kind),
            quoted(&format!("{}.", zone.zone))
        );
        match zone.relative(name) {
            "" => {}
            relative => _ = writeln!(text, "  name = {}", quoted(relative)),
        }
        let _ = writeln!(text, "  ttl  = {TTL}");
        data(&mut text, entries);
        text.push_str("}\n");
    }
    text
}

fn data(text: &mut String, entries: &[Entry]) {
    let mut texts = Vec::new();
    for entry in entries {
        let _ = match entry {
            Entry::Mx { preference, host } => write!(
                text,
                "\n  mx {{\n    preference = {preference}\n    exchange   = {}\n  }}\n",
                quoted(&format!("{host}."))
            ),
            Entry::Cname(target) => writeln!(text, "  cname = {}", quoted(&format!("{target}."))),
            Entry::Txt(value) => {
                texts.push(literal(value));
                Ok(())
            }
        };
    }
    if !texts.is_empty() {
        let _ = writeln!(text, "  txt = [{}]", texts.join(", "));
    }
}

/// A text in quotes in which nothing is a template: `${` and `%{` begin one, such as an SPF macro would.
fn literal(text: &str) -> String {
    quoted(text).replace("${", "$${").replace("%{", "%%{")
}

/// The name of a resource: the record's name and type, with an underscore for each dot.
fn identifier(name: &DnsName, kind: RecordType) -> String {
    let name = name.as_str().replace('.', "_");
    // An identifier begins with a letter or an underscore.
    let begin = if name.starts_with(|c: char| c.is_ascii_digit()) { "_" } else { "" };
    format!("{begin}{name}_{}", kind.to_string().to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_macro_of_spf_is_no_template() {
        assert_eq!(literal("exists:%{i}.example.com"), "\"exists:%%{i}.example.com\"");
    }

    #[test]
    fn a_resource_has_a_name_that_is_an_identifier() {
        let name = |text: &str| identifier(&text.parse().unwrap(), RecordType::Txt);
        assert_eq!(name("4u.example.com"), "_4u_example_com_txt");
    }
}
