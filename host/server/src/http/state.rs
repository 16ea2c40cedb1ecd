//! What all handlers share.

use super::auth::TokenBook;
use super::events::EventRing;
use crate::config::HttpConfig;
use crate::core::Core;
use crate::ingest::IngestConfig;
use crate::ingest::prometheus::RemoteWriteDecoder;
use crate::metrics::Metrics;
use crate::plugins::PluginHost;
use axum::Router;
use forewarm_web::ApiState;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// What the API is made from.
pub struct Parts {
    /// Limits of the API.
    pub config: HttpConfig,
    /// What the API is about.
    pub core: Arc<Core>,
    /// The plugins of this host.
    pub plugins: Arc<PluginHost>,
    /// Who may call.
    pub tokens: Arc<TokenBook>,
    /// Reads what Prometheus sends.
    pub remote_write: RemoteWriteDecoder,
    /// Where requests are counted.
    pub metrics: Arc<Metrics>,
    /// The routes of the market, where this host holds it.
    pub market: Option<Router>,
    /// Cancelled when the host stops: event streams end then.
    pub stopping: CancellationToken,
}

/// What all handlers share; clones are the same.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

/// See [`AppState`].
pub struct Shared {
    pub(super) config: HttpConfig,
    pub(super) core: Arc<Core>,
    pub(super) plugins: Arc<PluginHost>,
    pub(super) tokens: Arc<TokenBook>,
    pub(super) remote_write: RemoteWriteDecoder,
    pub(super) metrics: Arc<Metrics>,
    pub(super) market: Option<Router>,
    pub(super) stopping: CancellationToken,
    /// Samples that the series book takes at a time.
    pub(super) samples_max: usize,
    pub(super) events: Arc<EventRing>,
    /// One permit per request that is worked on.
    pub(super) requests: Semaphore,
    /// One permit per event stream that is open.
    pub(super) streams: Arc<Semaphore>,
    /// Every path of the API with its methods, to tell what was probably meant.
    pub(super) paths: BTreeMap<String, String>,
}

impl AppState {
    /// Puts the shared state together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { config, core, plugins, tokens, remote_write, metrics, market, stopping } = parts;
        let mut paths = super::openapi::paths();
        if market.is_some() {
            paths.extend(forewarm_market::http::paths());
        }
        Self(Arc::new(Shared {
            events: Arc::new(EventRing::new(config.event_backlog as usize)),
            requests: Semaphore::new(config.max_concurrent_requests as usize),
            streams: Arc::new(Semaphore::new(config.max_event_streams as usize)),
            samples_max: IngestConfig::default().max_batch,
            paths,
            config,
            core,
            plugins,
            tokens,
            remote_write,
            metrics,
            market,
            stopping,
        }))
    }
}

impl Deref for AppState {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl ApiState for AppState {
    fn body_limit_kib(&self) -> u32 {
        self.config.body_limit_kib
    }

    fn request_timeout_s(&self) -> u32 {
        self.config.request_timeout_s
    }

    fn max_concurrent_requests(&self) -> u32 {
        self.config.max_concurrent_requests
    }

    fn requests(&self) -> &Semaphore {
        &self.requests
    }

    fn paths(&self) -> &BTreeMap<String, String> {
        &self.paths
    }

    fn count(&self, method: &str, route: &str, status: u16, took: Duration) {
        self.metrics.http_request(method, route, status, took);
    }
}
