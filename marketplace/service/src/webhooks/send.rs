//! One delivery: one request to exactly the vetted addresses, no redirect followed, and nothing read of the answer but its
//! status.

use super::config::WebhookConfig;
use super::sign::SigningSecret;
use super::target::{Gate, InvalidTarget, Target};
use forewarm_egress::Host;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, StatusCode, redirect};
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// What is sent.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The event's id: the same at every attempt.
    pub id: Uuid,
    /// When this attempt is made, in seconds since 1970.
    pub timestamp_s: i64,
    /// The JSON document.
    pub body: Vec<u8>,
}

/// Why a delivery failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The receiver wants no more.
    #[error("the receiver answered 410: the webhook is switched off")]
    Gone,
    /// Another status than a good one; redirects are not followed.
    #[error("the receiver answered {0}, not 2xx")]
    Status(u16),
    /// It leads to where webhooks must not lead.
    #[error("{0}")]
    Target(InvalidTarget),
    /// It did not answer in time.
    #[error("the receiver did not answer in time")]
    Timeout,
    /// There was no connection, or none to speak over.
    #[error("the receiver can't be reached")]
    Unreachable,
}

/// Sends deliveries.
#[derive(Debug, Clone)]
pub struct Sender {
    gate: Gate,
    encrypted: Client,
    plain: Client,
}

/// Why there is no sender.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A range of addresses.
    #[error("market.webhooks.allow_addresses: {0}")]
    Range(#[from] forewarm_egress::InvalidRange),
    /// TLS, usually.
    #[error("webhooks can't be sent: {0}")]
    Client(#[from] reqwest::Error),
}

impl Sender {
    /// As the operator configures it.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(config: &WebhookConfig, gate: Gate) -> Result<Self, SetupError> {
        let client = |plain: bool| {
            Client::builder()
                .dns_resolver(Vetting { gate: gate.clone(), plain })
                .redirect(redirect::Policy::none())
                .no_proxy()
                .http1_only()
                // Each delivery resolves and is vetted anew.
                .pool_max_idle_per_host(0)
                .timeout(Duration::from_secs(config.timeout_s.into()))
                .user_agent(concat!("forewarm/", env!("CARGO_PKG_VERSION")))
                .build()
        };
        Ok(Self { encrypted: client(false)?, plain: client(true)?, gate })
    }

    /// Says where webhooks may lead.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Sends one delivery.
    ///
    /// # Errors
    /// [`SendError`]; whether the receiver took it is unknown then.
    pub async fn send(&self, target: &Target, secret: &SigningSecret, delivery: Delivery) -> Result<(), SendError> {
        // A resolver is not asked about addresses.
        if let Host::Address(_) = target.host() {
            self.gate.addresses(target.host(), target.is_plain()).await.map_err(SendError::Target)?;
        }
        let Delivery { id, timestamp_s, body } = delivery;
        let id = id.to_string();
        let client = if target.is_plain() { &self.plain } else { &self.encrypted };
        let request = client
            .post(target.as_str())
            .header("content-type", "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", timestamp_s)
            .header("webhook-signature", secret.sign(&id, timestamp_s, &body))
            .body(body);
        // The body of the answer is never read: dropping the response closes the connection.
        match request.send().await.map(|response| response.status()) {
            Ok(status) if status.is_success() => Ok(()),
            Ok(StatusCode::GONE) => Err(SendError::Gone),
            Ok(status) => Err(SendError::Status(status.as_u16())),
            Err(error) => Err(of_request(&error)),
        }
    }
}

/// Resolves names for the client: only vetted addresses come out.
struct Vetting {
    gate: Gate,
    plain: bool,
}

impl Resolve for Vetting {
    fn resolve(&self, name: Name) -> Resolving {
        let (gate, plain) = (self.gate.clone(), self.plain);
        Box::pin(async move {
            let host = Host::parse(name.as_str()).ok_or(InvalidTarget::Form)?;
            let addresses = gate.addresses(&host, plain).await?;
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

fn of_request(error: &reqwest::Error) -> SendError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<InvalidTarget>() {
            return SendError::Target(refused.clone());
        }
        cause = inner.source();
    }
    if error.is_timeout() { SendError::Timeout } else { SendError::Unreachable }
}

/// A sender that asks `resolver`.
///
/// # Errors
/// [`SetupError`].
pub fn sender(config: &WebhookConfig, resolver: Arc<dyn forewarm_egress::Resolver>) -> Result<Sender, SetupError> {
    Sender::new(config, Gate::new(config, resolver)?)
}
