//! Clients that know nothing of the server: one by `ureq` for well-formed requests, one by hand for the others.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use ureq::http::Request;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::process::PATIENCE;

/// A client with an API key. Statuses are values to it, and it follows nobody elsewhere.
#[derive(Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
    url: String,
    key: String,
    idempotency_key: Option<String>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    /// Its status.
    pub(crate) status: u16,
    /// Its JSON; null where it has none.
    pub(crate) json: Value,
}

impl Client {
    /// A client of the server at `url`.
    pub(crate) fn new(url: &str, key: &str) -> Client {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(PATIENCE))
            .build()
            .new_agent();
        Client { agent, url: url.to_owned(), key: key.to_owned(), idempotency_key: None }
    }

    /// A client that trusts this certificate (DER) and no other.
    pub(crate) fn trusting(url: &str, certificate: &[u8]) -> Client {
        let trusted = Certificate::from_der(certificate).to_owned();
        let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&[trusted])).build();
        // A connection that is kept would go on with the certificate that it was made with.
        let config = ureq::Agent::config_builder().tls_config(tls).max_idle_connections(0);
        let agent = config.timeout_global(Some(PATIENCE)).build().new_agent();
        Client { agent, url: url.to_owned(), key: String::new(), idempotency_key: None }
    }

    /// The same client with another key.
    pub(crate) fn with_key(&self, key: &str) -> Client {
        Client { key: key.to_owned(), ..self.clone() }
    }

    /// The same client with an idempotency key.
    pub(crate) fn under(&self, idempotency_key: &str) -> Client {
        Client { idempotency_key: Some(idempotency_key.to_owned()), ..self.clone() }
    }

    /// Asks with a body, or without one.
    pub(crate) fn send(&self, method: &str, path: &str, body: Option<&str>) -> Result<Reply, ureq::Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("MailPace-Organization-Token", &self.key)
            .header("x-api-key", &self.key);
        if let Some(key) = &self.idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        let mut response = match body {
            None => self.agent.run(request.body(())?)?,
            Some(body) => {
                let request = request.header("Content-Type", "application/json");
                self.agent.run(request.body(body.to_owned())?)?
            }
        };
        let text = response.body_mut().read_to_string()?;
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Reply { status: response.status().as_u16(), json })
    }

    /// GET.
    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send("GET", path, None).unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// POST.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        let body = body.to_string();
        self.send("POST", path, Some(&body)).unwrap_or_else(|error| panic!("POST {path}: {error}"))
    }

    /// POST of a domain, which must succeed.
    pub(crate) fn create_domain(&self, name: &str) -> Value {
        let reply = self.post("/api/v1/domains", &serde_json::json!({ "domain": { "url": name } }));
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.json
    }
}

/// A connection to a server, with the deadline on it that every test has.
pub(crate) fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("to connect");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket");
    stream
}

/// Sends octets as they are, and reads what comes until the server closes.
pub(crate) fn exchange(address: &str, octets: &[u8]) -> String {
    let mut stream = connect(address);
    stream.write_all(octets).expect("to send");
    let mut answer = Vec::new();
    // A reset after the answer is an end, too.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}
