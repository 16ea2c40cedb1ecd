//! Opens connections: resolves a name once, vets every address, connects to exactly these, and speaks TLS for the name.

use super::HttpGrantError;
use super::grant::{HttpDestination, HttpGrant, HttpScheme};
use super::limits::HttpLimits;
use super::pool::{Connection, Key, Pool};
use super::problem::Problem;
use forewarm_egress::{Host, Refusal, Resolver, vetted};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

/// Addresses that are tried one after the other.
const MAX_ATTEMPTS: usize = 3;

/// See the module's description.
#[derive(Debug)]
pub(super) struct Connector {
    resolver: Arc<dyn Resolver>,
    /// One per destination of the grant.
    tls: Vec<Arc<ClientConfig>>,
}

impl Connector {
    /// # Errors
    /// [`HttpGrantError`] when a destination's certificates can't be read.
    pub(super) fn new(grant: &HttpGrant, resolver: Arc<dyn Resolver>) -> Result<Self, HttpGrantError> {
        let tls = grant.destinations.iter().map(|destination| tls_config(destination.ca_pem.as_deref()));
        Ok(Self { resolver, tls: tls.collect::<Result<_, _>>()? })
    }

    /// A new connection to `key`'s host that takes one of the pool's places.
    pub(super) async fn open(
        &self,
        key: Key,
        destination: &HttpDestination,
        limits: &HttpLimits,
        pool: &Pool,
    ) -> Result<Connection, Problem> {
        let place = pool.place()?;
        let addresses = self.addresses(&key.host, destination).await?;
        let stream = reach(&addresses, destination.port).await?;
        match destination.scheme {
            HttpScheme::Http => speak(stream, key, place, limits).await,
            HttpScheme::Https => {
                let config = self.tls.get(key.destination).ok_or(Problem::Tls)?;
                let connected = TlsConnector::from(Arc::clone(config)).connect(server_name(&key.host)?, stream).await;
                speak(connected.map_err(|error| tls_problem(&error))?, key, place, limits).await
            }
        }
    }

    /// The host's addresses, all of them vetted.
    async fn addresses(&self, host: &Host, destination: &HttpDestination) -> Result<Vec<IpAddr>, Problem> {
        let found = vetted(host, self.resolver.as_ref(), &destination.allow_addresses).await;
        found.map_err(|refusal| match refusal {
            Refusal::Unresolved => Problem::Dns,
            Refusal::NoAddress => Problem::NoAddress,
            Refusal::Forbidden => Problem::Address,
        })
    }
}

async fn reach(addresses: &[IpAddr], port: u16) -> Result<TcpStream, Problem> {
    let mut problem = Problem::Unreachable;
    for address in addresses.iter().take(MAX_ATTEMPTS) {
        match TcpStream::connect(SocketAddr::new(*address, port)).await {
            Ok(stream) => {
                // Requests are written whole: waiting for more would only delay them.
                stream.set_nodelay(true).map_err(|_| Problem::Unreachable)?;
                return Ok(stream);
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => problem = Problem::Refused,
            Err(_) => {}
        }
    }
    Err(problem)
}

async fn speak<S>(stream: S, key: Key, place: OwnedSemaphorePermit, limits: &HttpLimits) -> Result<Connection, Problem>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_headers(limits.headers).max_header_size(limits.header_bytes);
    let opened = builder.handshake(TokioIo::new(stream)).await;
    let (sender, connection) = opened.map_err(|error| Problem::of_hyper(&error))?;
    // Its error reaches whoever waits for a response.
    let driver = AbortOnDropHandle::new(tokio::spawn(async move { drop(connection.await) }));
    Ok(Connection { key, sender, driver, _place: place })
}

fn server_name(host: &Host) -> Result<ServerName<'static>, Problem> {
    match host {
        Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| Problem::Uri),
        Host::Address(address) => Ok(ServerName::from(*address)),
    }
}

fn tls_problem(error: &std::io::Error) -> Problem {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => Problem::Certificate,
        Some(rustls::Error::AlertReceived(alert)) => Problem::TlsAlert(u8::from(*alert)),
        _ => Problem::Tls,
    }
}

/// Trusts the certificates in `pem`, or else the public authorities. HTTP/1.1 alone is offered.
fn tls_config(pem: Option<&[u8]>) -> Result<Arc<ClientConfig>, HttpGrantError> {
    let roots = match pem {
        Some(pem) => roots(pem)?,
        None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| HttpGrantError(format!("TLS can't be set up: {error}")))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn roots(pem: &[u8]) -> Result<RootCertStore, HttpGrantError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let wrong = |error: &dyn std::fmt::Display| HttpGrantError(format!("a certificate can't be read: {error}"));
        let certificate = certificate.map_err(|error| wrong(&error))?;
        roots.add(certificate).map_err(|error| wrong(&error))?;
    }
    if roots.is_empty() {
        return Err(HttpGrantError("there is no certificate: it has to be in PEM".to_owned()));
    }
    Ok(roots)
}
