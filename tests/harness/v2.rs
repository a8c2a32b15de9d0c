//! The lifecycle dialect in process: calls of `/v2`, and a DNS in which everything is as it was asked for.

use std::collections::BTreeMap;

use postroom::dns::RecordData;
use postroom::name::DnsName;
use serde_json::{Value, json};

use super::app::{Key, Reply, TestApp, txt};

/// The header field of a key in this dialect.
pub(crate) const V2_FIELD: &str = "x-api-key";
/// The end user of most tests, as the seed calls it.
pub(crate) const USER: &str = "user_123";

impl TestApp {
    /// A request of `/v2` without a body.
    pub(crate) fn v2(&self, key: &Key, line: &str) -> Reply {
        self.send(line, &[(V2_FIELD, &key.secret)], b"")
    }

    /// A request of `/v2` with a JSON body.
    pub(crate) fn v2_with(&self, key: &Key, line: &str, body: &Value) -> Reply {
        self.v2_text(key, line, &body.to_string())
    }

    /// A request of `/v2` with any text for a JSON body.
    pub(crate) fn v2_text(&self, key: &Key, line: &str, body: &str) -> Reply {
        let headers = [(V2_FIELD, key.secret.as_str()), ("Content-Type", "application/json")];
        self.send(line, &headers, body.as_bytes())
    }

    /// Makes a domain for a user, and returns its details: `{"domain","dns","route","mx"}`.
    pub(crate) fn v2_domain(&self, key: &Key, name: &str, user: &str) -> Value {
        let made = self.v2_with(key, "POST /v2/domain", &json!({"domain": name, "user_id": user}));
        assert_eq!(made.status, 201, "{made:?}");
        made.json()["domain"].clone()
    }

    /// From now on, the DNS has everything that is asked of this domain, and nothing else at those names.
    pub(crate) fn publish_all(&self, domain: &str) {
        let sql = self.sql();
        let rows = sql.rows(
            "SELECT r.purpose, coalesce(r.host, k.selector || '._domainkey') AS host, coalesce(r.value, '') AS value,
                 coalesce(r.priority, 0) AS priority
             FROM record r LEFT JOIN dkim_key k ON k.id = r.dkim_key_id JOIN domain d ON d.id = r.domain_id
             WHERE d.name = ?1",
            [domain.to_owned()],
        );
        let mut zone: BTreeMap<String, Vec<RecordData>> = BTreeMap::new();
        for row in rows.unwrap() {
            let text = |column: usize| row.get::<String>(column).unwrap();
            let (purpose, host, value, priority) = (text(0), text(1), text(2), row.get::<u16>(3).unwrap());
            let name = if host == "@" { domain.to_owned() } else { format!("{host}.{domain}") };
            let data = match purpose.as_str() {
                "mx" => RecordData::Mx { preference: priority, exchange: DnsName::from_answer(&value) },
                "return_path" => RecordData::Cname(DnsName::from_answer(&value)),
                "dkim" => txt(&self.key_record(domain)),
                _ => txt(&value),
            };
            zone.entry(name).or_default().push(data);
        }
        assert_eq!(zone.len(), 4, "five records at four names: {zone:?}");
        for (name, records) in zone {
            self.dns.set(&name, records);
        }
    }

    /// What the DKIM record of a domain with one key must say.
    pub(crate) fn key_record(&self, domain: &str) -> String {
        let found = self.postroom.read(|tx| {
            let name = domain.parse().unwrap();
            let caller = postroom::domain::operator_of(tx, &name)?;
            let domain = postroom::domain::find_named(tx, &caller, &name)?;
            postroom::dkim::list(tx, &domain)
        });
        found.unwrap()[0].public.record_value()
    }
}
