//! Servers that speak TLS, with certificates that fit and such that do not.

use crate::server::{Answer, Server, ok};
use crate::support::{destination, grant, load, local, try_load};
use forewarm_runtime::{HttpDestination, HttpGrant, HttpScheme, Limits, LoadError};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::json;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// An authority of this test's own.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signs"))
    }

    fn pem(&self) -> Vec<u8> {
        self.0.pem().into_bytes()
    }

    /// A server with a certificate for `name`.
    async fn server(&self, name: &str) -> Server {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        let certificate = params.signed_by(&key, &self.0).expect("signs");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let config = config.expect("versions").with_no_client_auth();
        let config = config.with_single_cert(vec![certificate.der().clone()], key).expect("a configuration");
        Server::with(Answer::Text(ok("over TLS")), Some(TlsAcceptor::from(Arc::new(config)))).await
    }
}

fn secure(server: &Server, ca_pem: Option<Vec<u8>>) -> HttpGrant {
    let scheme = HttpScheme::Https;
    grant(vec![HttpDestination { scheme, ca_pem, ..destination("api.test", server.port()) }])
}

#[tokio::test]
async fn the_operators_authority_is_trusted() {
    let authority = Authority::new();
    let server = authority.server("api.test").await;
    let courier = load(secure(&server, Some(authority.pem())), local()).await;
    let url = format!("https://api.test:{}/", server.port());
    let outcomes = courier.run(json!([{ "url": url, "times": 2 }])).await;
    assert!(outcomes.iter().all(|outcome| outcome["body"] == "over TLS"), "{outcomes:?}");
    assert_eq!((server.connections(), server.requests().len()), (1, 2));
}

#[tokio::test]
async fn another_certificate_is_refused() {
    let (authority, other) = (Authority::new(), Authority::new());
    for (server, ca_pem) in [
        (authority.server("other.test").await, Some(authority.pem())),
        (authority.server("127.0.0.1").await, Some(authority.pem())),
        (authority.server("api.test").await, Some(other.pem())),
        (authority.server("api.test").await, None),
    ] {
        let courier = load(secure(&server, ca_pem), local()).await;
        let step = json!({ "url": format!("https://api.test:{}/", server.port()) });
        courier.refuses(step, "TlsCertificateError", "tls").await;
        assert_eq!(server.requests(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_server_without_tls_is_told() {
    let server = Server::start(Answer::Text(ok(""))).await;
    let courier = load(secure(&server, None), local()).await;
    let url = format!("https://api.test:{}/", server.port());
    let outcome = courier.run(json!([{ "url": url, "timeout_ms": 500 }])).await.remove(0);
    assert!(outcome["error"].is_string(), "{outcome}");
    assert_eq!(courier.failed("tls") + courier.failed("timeout"), 1);
}

#[tokio::test]
async fn certificates_that_cant_be_read_are_found_when_it_is_loaded() {
    let server = Server::start(Answer::Text(ok(""))).await;
    for pem in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let loaded = try_load(secure(&server, Some(pem.into())), Limits::default(), local()).await;
        assert!(matches!(loaded, Err(LoadError::Http(_))), "{pem:?}");
    }
}
