//! The market as part of a host: on the host's clock and bus, with the host's tokens beside its own.

use super::host::failed;
use crate::app::App;
use crate::cli::CliError;
use crate::config::Config;
use crate::http::auth::{HostLogins, TokenBook};
use forewarm_egress::SystemResolver;
use forewarm_market::http::HttpConfig;
use forewarm_market::{MarketParts, NoProbe, Service, ServiceParts, random_seeds};
use std::sync::Arc;

/// Opens the market of `app`'s host.
pub(super) async fn open(app: &App, config: &Config, tokens: Arc<TokenBook>) -> Result<Service, CliError> {
    let (clock, bus) = (Arc::clone(app.core.clock()), Arc::clone(app.core.bus()));
    let parts = ServiceParts {
        logins: Some(Arc::new(HostLogins::new(tokens, Arc::clone(&clock)))),
        market: MarketParts { clock, seeds: random_seeds(), bus, probe: Arc::new(NoProbe) },
        resolver: Arc::new(SystemResolver),
        http: HttpConfig {
            body_limit_kib: config.http.body_limit_kib,
            request_timeout_s: config.http.request_timeout_s,
            max_concurrent_requests: config.http.max_concurrent_requests,
            ..HttpConfig::default()
        },
    };
    let url = app.config.market_url().expose().to_owned();
    Service::open(config.market.service(), url, parts).await.map_err(failed)
}
