//! What all handlers share.

use super::config::HttpConfig;
use crate::auth::{LimitsConfig, Logins, Shares, TokenBook};
use crate::market::Market;
use crate::webhooks::{Gate, WebhookBook, WebhookConfig};
use forewarm_domain::time::Clock;
use forewarm_web::ApiState;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// What the API is made from.
pub struct ApiParts {
    /// The market.
    pub market: Market,
    /// Who may call.
    pub tokens: TokenBook,
    /// Tokens of somebody else's that are good here as well.
    pub logins: Option<Arc<dyn Logins>>,
    /// The tenants' webhooks.
    pub webhooks: Arc<WebhookBook>,
    /// Where webhooks may lead.
    pub gate: Gate,
    /// How many webhooks, and how they are delivered.
    pub webhook_config: WebhookConfig,
    /// What one tenant may take up.
    pub limits: LimitsConfig,
    /// What all callers together may take up.
    pub http: HttpConfig,
    /// Tells the date.
    pub clock: Arc<dyn Clock>,
}

/// What all handlers share; clones are the same.
#[derive(Clone)]
pub struct MarketState(Arc<Shared>);

/// See [`MarketState`].
pub struct Shared {
    pub(crate) market: Market,
    pub(crate) tokens: TokenBook,
    pub(crate) logins: Option<Arc<dyn Logins>>,
    pub(crate) webhooks: Arc<WebhookBook>,
    pub(crate) gate: Gate,
    pub(crate) webhook_config: WebhookConfig,
    pub(crate) shares: Shares,
    pub(crate) http: HttpConfig,
    pub(crate) clock: Arc<dyn Clock>,
    requests: Semaphore,
    paths: BTreeMap<String, String>,
}

impl MarketState {
    /// Puts the shared state together.
    #[must_use]
    pub fn new(parts: ApiParts) -> Self {
        let ApiParts { market, tokens, logins, webhooks, gate, webhook_config, limits, http, clock } = parts;
        let requests = Semaphore::new(http.max_concurrent_requests as usize);
        let (shares, paths) = (Shares::new(limits), super::openapi::paths());
        Self(Arc::new(Shared {
            market,
            tokens,
            logins,
            webhooks,
            gate,
            webhook_config,
            shares,
            http,
            clock,
            requests,
            paths,
        }))
    }
}

impl Deref for MarketState {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl ApiState for MarketState {
    fn body_limit_kib(&self) -> u32 {
        self.http.body_limit_kib
    }

    fn request_timeout_s(&self) -> u32 {
        self.http.request_timeout_s
    }

    fn max_concurrent_requests(&self) -> u32 {
        self.http.max_concurrent_requests
    }

    fn requests(&self) -> &Semaphore {
        &self.requests
    }

    fn paths(&self) -> &BTreeMap<String, String> {
        &self.paths
    }

    fn count(&self, method: &str, route: &str, status: u16, took: Duration) {
        tracing::trace!(method, route, status, ms = took.as_millis(), "counted");
    }
}
