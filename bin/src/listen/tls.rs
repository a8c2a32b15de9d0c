//! TLS from two PEM files: 1.2 and 1.3, by rustls with ring.
//!
//! The files are read when the listener is made, so that an error is reported before anything listens, and again on SIGHUP,
//! for certificates that are renewed. If the new files cannot be used, the old ones stay in use. An open connection keeps its
//! own certificate in any case.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{Error, ServerConfig};

use super::ListenError;

/// The two PEM files of TLS.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate and after it those between it and the root.
    pub cert: PathBuf,
    /// The private key of the first certificate: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// What the files said when they were last good.
#[derive(Debug)]
pub(super) struct Tls {
    files: TlsFiles,
    current: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    pub(super) fn read(files: TlsFiles) -> Result<Tls, ListenError> {
        let current = RwLock::new(Arc::new(configure(&files)?));
        Ok(Tls { files, current })
    }

    /// Reads the files again, for the connections from now on.
    pub(super) fn reread(&self) -> Result<(), ListenError> {
        let read = Arc::new(configure(&self.files)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&current))
    }
}

fn configure(files: &TlsFiles) -> Result<ServerConfig, ListenError> {
    let TlsFiles { cert, key } = files;
    let chain = CertificateDer::pem_slice_iter(&octets(cert)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| malformed(cert, error))?;
    if chain.is_empty() {
        return Err(ListenError::NoCertificate { file: cert.clone() });
    }
    let private = PrivateKeyDer::from_pem_slice(&octets(key)?).map_err(|error| match error {
        pem::Error::NoItemsFound => ListenError::NoPrivateKey { file: key.clone() },
        error => malformed(key, error),
    })?;

    // The provider is named here, because rustls panics if a process has no default provider, or two.
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| ListenError::Tls { file: cert.clone(), source: error })?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| match error {
            Error::InconsistentKeys(_) => {
                ListenError::KeyOfAnotherCertificate { cert: cert.clone(), key: key.clone() }
            }
            Error::InvalidCertificate(_) => ListenError::Tls { file: cert.clone(), source: error },
            error => ListenError::Tls { file: key.clone(), source: error },
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn octets(file: &Path) -> Result<Vec<u8>, ListenError> {
    fs::read(file).map_err(|source| ListenError::Unreadable { file: file.to_owned(), source })
}

fn malformed(file: &Path, source: pem::Error) -> ListenError {
    ListenError::NotPem { file: file.to_owned(), source }
}
