//! Where a server is and how it is reached: the URL, and what of it may be shown.

use std::error::Error as _;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Within which time a connection stands, or the server is out of reach: all hosts of the URL together.
pub(super) const REACHED_WITHIN: Duration = Duration::from_millis(1800);
/// For how long the network may leave unanswered what was sent.
const ANSWERED_WITHIN: Duration = Duration::from_millis(1800);
/// After which silence the network is asked whether the server's machine is still there.
const SILENT_FOR: Duration = Duration::from_secs(10);

/// A server, and how to reach it.
pub(in crate::db) struct Target {
    pub(super) config: tokio_postgres::Config,
    pub(super) tls: MakeRustlsConnect,
    pub(super) shown: String,
}

impl Target {
    /// Reads a URL as libpq does, with `sslrootcert`, and with all values of `sslmode` but `allow`.
    pub(super) fn read(url: &str) -> Result<Target, String> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err("a URL begins with postgres:// or postgresql://".to_owned());
        }
        let (hosts, query) = url.split_once('?').map_or((url, ""), |(hosts, query)| (hosts, query));
        let (mut mode, mut roots, mut others) = ("prefer".to_owned(), None, Vec::new());
        for option in query.split('&').filter(|option| !option.is_empty()) {
            let decoded = |value: &str| {
                url::form_urlencoded::parse(format!("v={value}").as_bytes())
                    .next()
                    .map(|(_, v)| v.into_owned())
            };
            match option.split_once('=') {
                Some(("sslmode", value)) => value.clone_into(&mut mode),
                Some(("sslrootcert", value)) => roots = decoded(value),
                _ => others.push(option),
            }
        }
        let plain = format!("{hosts}?{}", others.join("&"));
        let mut config = tokio_postgres::Config::from_str(&plain).map_err(|e| sentence(&e))?;
        let check = match (mode.as_str(), &roots) {
            ("disable" | "prefer", _) | ("require", None) => Check::Nothing,
            // As libpq has it: a root that is given is used.
            ("require", Some(_)) | ("verify-ca", _) => Check::Chain,
            ("verify-full", _) => Check::Whole,
            (other, _) => {
                return Err(format!(
                    "sslmode={other} is none of disable, prefer, require, verify-ca, verify-full"
                ));
            }
        };
        config.ssl_mode(match mode.as_str() {
            "disable" => SslMode::Disable,
            "prefer" => SslMode::Prefer,
            _ => SslMode::Require,
        });
        let hosts = u32::try_from(config.get_hosts().len().max(1)).unwrap_or(1);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(REACHED_WITHIN / hosts);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(ANSWERED_WITHIN);
        }
        config.keepalives_idle(SILENT_FOR).keepalives_interval(Duration::from_secs(2)).keepalives_retries(3);
        if config.get_application_name().is_none() {
            config.application_name("postroom");
        }
        Ok(Target {
            config,
            tls: MakeRustlsConnect::new(client(check, roots)?),
            shown: crate::db::shown(url),
        })
    }
}

/// What of a certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    Nothing,
    /// That an authority of the operator's has signed it.
    Chain,
    /// And that it is for the host.
    Whole,
}

fn client(check: Check, roots: Option<String>) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?;
    let verifier: Arc<dyn ServerCertVerifier> = if check == Check::Nothing {
        Arc::new(Unchecked(provider))
    } else {
        let whole = WebPkiServerVerifier::builder_with_provider(Arc::new(authorities(roots)?), provider);
        let whole = whole.build().map_err(|e| e.to_string())?;
        if check == Check::Whole { whole } else { Arc::new(ChainAlone(whole)) }
    };
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// The authorities of this file, or those that the machine trusts.
fn authorities(file: Option<String>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    match file.filter(|file| file != "system").map(PathBuf::from) {
        Some(file) => {
            let failed = |e: &dyn std::fmt::Display| format!("sslrootcert {}: {e}", file.display());
            let pem = fs::read(&file).map_err(|e| failed(&e))?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                roots.add(certificate.map_err(|e| failed(&e))?).map_err(|e| failed(&e))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        Err("no certificate of an authority was found; name a file with sslrootcert".to_owned())
    } else {
        Ok(roots)
    }
}

/// Takes any certificate: `sslmode=prefer` and `require` keep others from reading along, and no more.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Takes a certificate of another host, if an authority has signed it: `sslmode=verify-ca`.
#[derive(Debug)]
struct ChainAlone(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for ChainAlone {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.0.verify_server_cert(certificate, others, name, ocsp, now) {
            // The name is compared last, when the chain was found to be right.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// What the driver says, in one line. The server's details, which may have values in them, are left out.
pub(super) fn sentence(error: &tokio_postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        return format!("PostgreSQL says: {} ({})", said.message(), said.code().code());
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_as_libpq_reads_it() {
        for (url, mode) in [
            ("postgres://u@h/d", SslMode::Prefer),
            ("postgres://u@h/d?sslmode=disable", SslMode::Disable),
            ("postgres://u@a,b/d?sslmode=require&target_session_attrs=read-write", SslMode::Require),
        ] {
            assert_eq!(Target::read(url).unwrap().config.get_ssl_mode(), mode);
        }
        let two = Target::read("postgres://u@a,b/d").unwrap();
        assert_eq!(two.config.get_connect_timeout(), Some(&(REACHED_WITHIN / 2)));
        assert!(Target::read("postgres://u@h/d?sslmode=allow").is_err());
        assert!(Target::read("postgres://u@h/d?sslmode=verify-full&sslrootcert=/no/such/file").is_err());
        assert!(Target::read("postgres://u:secret@h/d?nonsense=1").is_err_and(|e| !e.contains("secret")));
    }
}
