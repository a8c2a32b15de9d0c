//! Why the server cannot listen, each in a sentence for the operator.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::pem;

/// What keeps [`Listener::bind`](super::Listener::bind) or [`run`](super::Listener::run) from listening.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Something listens there.
    #[error("{address} is in use by another process; choose another with --listen")]
    InUse {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The port is below 1024 or otherwise reserved.
    #[error("there is no permission to listen on {address}; choose a port from 1024 on with --listen")]
    NotPermitted {
        /// The address asked for.
        address: SocketAddr,
    },
    /// No interface has the address.
    #[error("{address} is not an address of this machine; choose another with --listen")]
    NotHere {
        /// The address asked for.
        address: SocketAddr,
    },
    /// Another reason of the system's not to listen there.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A TLS file cannot be read.
    #[error("cannot read {}: {source}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A TLS file has a PEM section that does not hold together.
    #[error("{} is not sound PEM: {source}", .file.display())]
    NotPem {
        /// The file.
        file: PathBuf,
        /// What its reader said.
        source: pem::Error,
    },
    /// The certificate file has no `CERTIFICATE` section.
    #[error("{} has no certificate", .file.display())]
    NoCertificate {
        /// The file.
        file: PathBuf,
    },
    /// The key file has no private key, or only an encrypted one.
    #[error("{} has no private key, or only an encrypted one", .file.display())]
    NoPrivateKey {
        /// The file.
        file: PathBuf,
    },
    /// Key and certificate are not of a pair.
    #[error("the private key in {} is not that of the first certificate in {}", .key.display(), .cert.display())]
    KeyOfAnotherCertificate {
        /// The certificate file.
        cert: PathBuf,
        /// The key file.
        key: PathBuf,
    },
    /// The certificate or the key is of a kind that TLS cannot use here.
    #[error("{} cannot be used for TLS: {source}", .file.display())]
    Tls {
        /// The file.
        file: PathBuf,
        /// What rustls said.
        source: rustls::Error,
    },
    /// The system refused the threads, the timers or the signals that a server needs.
    #[error("cannot start the server: {0}")]
    System(#[source] io::Error),
}

impl ListenError {
    pub(super) fn bind(address: SocketAddr, source: io::Error) -> ListenError {
        match source.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse { address },
            io::ErrorKind::PermissionDenied => ListenError::NotPermitted { address },
            io::ErrorKind::AddrNotAvailable => ListenError::NotHere { address },
            _ => ListenError::Bind { address, source },
        }
    }
}
