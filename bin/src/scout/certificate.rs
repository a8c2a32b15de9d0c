//! The certificates that a host presents, whatever they are: a connection takes any of them, and they are judged afterwards.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use postroom::advisory::{Certificate, Presented, Vouching};
use postroom::clock::Timestamp;
use postroom::name::DnsName;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::verify_server_cert_signed_by_trust_anchor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// So many certificates above the host's own are looked at.
const MOST_ABOVE: usize = 8;
/// So many names of a certificate are looked at.
const MOST_NAMES: usize = 200;

/// What the host at the other end presents in a handshake, and whether `roots` vouch for it. Why there is no handshake is said in
/// words.
pub(super) fn presented(
    host: &DnsName,
    stream: &mut (impl Read + Write),
    roots: &RootCertStore,
) -> Result<Presented, String> {
    let provider = Arc::new(ring::default_provider());
    let name = ServerName::try_from(host.to_string()).map_err(|_| "it has no name for TLS".to_owned())?;
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| in_words(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Any(provider.clone())))
        .with_no_client_auth();
    let mut connection = ClientConnection::new(Arc::new(config), name).map_err(|error| in_words(&error))?;
    while connection.is_handshaking() {
        connection.complete_io(stream).map_err(|error| broken(&error))?;
    }
    let chain: Vec<CertificateDer<'static>> = connection.peer_certificates().unwrap_or_default().to_vec();
    // A proper end, whether the host hears of it or not.
    connection.send_close_notify();
    let _ = connection.complete_io(stream);
    let (own, above) = chain.split_first().ok_or("it shows no certificate")?;
    read(own, above.get(..MOST_ABOVE).unwrap_or(above), roots, &provider)
        .ok_or_else(|| "its certificate cannot be read".to_owned())
}

fn read(
    own: &CertificateDer<'_>,
    above: &[CertificateDer<'_>],
    roots: &RootCertStore,
    provider: &CryptoProvider,
) -> Option<Presented> {
    let (_, parsed) = X509Certificate::from_der(own).ok()?;
    let moment = |at: i64| Timestamp::from_millis(at.saturating_mul(1000));
    let validity = parsed.validity();
    let (from, until) = (moment(validity.not_before.timestamp()), moment(validity.not_after.timestamp()));
    // The library judges the time.
    let now = Timestamp::from_millis(now()).clamp(from.min(until), until);
    let at = UnixTime::since_unix_epoch(Duration::from_secs(now.seconds().try_into().ok()?));
    let is_signed_by = |roots: &RootCertStore| {
        let algorithms = provider.signature_verification_algorithms.all;
        ParsedCertificate::try_from(own).is_ok_and(|end| {
            verify_server_cert_signed_by_trust_anchor(&end, roots, above, at, algorithms).is_ok()
        })
    };
    let vouches = |certificate: &CertificateDer<'_>| {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone().into_owned()).is_ok() && is_signed_by(&roots)
    };
    let is_above = |certificate: &CertificateDer<'_>| {
        X509Certificate::from_der(certificate)
            .is_ok_and(|(_, above)| above.subject().as_raw() == parsed.issuer().as_raw())
    };
    let trust = if is_signed_by(roots) {
        Vouching::Public
    } else if parsed.issuer().as_raw() == parsed.subject().as_raw() {
        Vouching::SelfSigned
    } else if above.iter().any(is_above) {
        Vouching::Unknown
    } else {
        Vouching::Incomplete
    };
    let above = above
        .iter()
        .filter_map(|certificate| {
            Some(Certificate { vouches: vouches(certificate), ..certificate_of(certificate)? })
        })
        .collect();
    Some(Presented { own: certificate_of(own)?, above, names: names(&parsed), from, until, trust })
}

fn certificate_of(der: &CertificateDer<'_>) -> Option<Certificate> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    Some(Certificate { whole: der.to_vec(), key: parsed.public_key().raw.to_vec(), vouches: false })
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let names = certificate.subject_alternative_name().ok().flatten();
    let all = names.iter().flat_map(|names| &names.value.general_names);
    all.filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    })
    .take(MOST_NAMES)
    .collect()
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// What went wrong in a handshake, as whoever runs the mail host can use it.
fn broken(error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(error) => in_words(error),
        None => format!("it breaks off, {}", error.kind()),
    }
}

fn in_words(error: &Error) -> String {
    match error {
        Error::PeerIncompatible(_) => "it has no TLS 1.2 or newer with us in common".to_owned(),
        Error::AlertReceived(alert) => format!("it refuses with the alert {alert:?}"),
        Error::InvalidMessage(_) => "what it sends is not TLS".to_owned(),
        error => error.to_string(),
    }
}

/// Takes any certificate, if the host proves that it has the key.
#[derive(Debug)]
struct Any(Arc<CryptoProvider>);

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
