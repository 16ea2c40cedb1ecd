//! A market with everything around it: opened in order, run until it is told to stop, closed. The same in a program of its
//! own and as part of a host.

mod config;

pub use config::{ServiceConfig, SettingFault};

use crate::auth::{Logins, NewToken, TokenBook, TokenError};
use crate::error::MarketError;
use crate::http::{ApiParts, HttpConfig, MarketState};
use crate::market::{Market, MarketParts};
use crate::model::Role;
use crate::webhooks::{self, Sender, SetupError, WebhookBook, WebhookConfig};
use forewarm_domain::time::Clock;
use forewarm_egress::Resolver;
use forewarm_web::write_for_owner;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What a market is opened with beside its configuration.
pub struct ServiceParts {
    /// What the market itself is handed.
    pub market: MarketParts,
    /// Tokens of somebody else's that are good for the market as well.
    pub logins: Option<Arc<dyn Logins>>,
    /// Finds where webhooks lead.
    pub resolver: Arc<dyn Resolver>,
    /// What all callers together may take up.
    pub http: HttpConfig,
}

/// Why a market could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The market.
    #[error("the market can't be opened: {0}")]
    Market(#[from] MarketError),
    /// Webhooks.
    #[error(transparent)]
    Webhooks(#[from] SetupError),
    /// The first operator's token.
    #[error("no operator's token could be made: {0}")]
    Token(#[from] TokenError),
    /// Its file.
    #[error("the operator's token can't be written to {}: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        cause: std::io::Error,
    },
}

/// See the module's description.
pub struct Service {
    market: Market,
    state: MarketState,
    webhooks: Arc<WebhookBook>,
    sender: Sender,
    webhook_config: WebhookConfig,
    clock: Arc<dyn Clock>,
}

impl Service {
    /// Opens the market in the database at `url`, and takes up what was under way.
    ///
    /// # Errors
    /// [`ServiceError`] names the part that could not be opened.
    pub async fn open(config: ServiceConfig, url: String, parts: ServiceParts) -> Result<Self, ServiceError> {
        let ServiceParts { market: market_parts, logins, resolver, http } = parts;
        let ServiceConfig { mut rules, limits, webhooks: webhook_config } = config;
        rules.url = url;
        let clock = Arc::clone(&market_parts.clock);
        let sender = webhooks::sender(&webhook_config, resolver)?;
        let market = Market::open(rules, market_parts).await?;
        let records = market.records();
        let webhooks = Arc::new(WebhookBook::open(records.clone()).await?);
        let state = MarketState::new(ApiParts {
            market: market.clone(),
            tokens: TokenBook::open(records).await?,
            logins,
            webhooks: Arc::clone(&webhooks),
            gate: sender.gate().clone(),
            webhook_config: webhook_config.clone(),
            limits,
            http,
            clock: Arc::clone(&clock),
        });
        Ok(Self { market, state, webhooks, sender, webhook_config, clock })
    }

    /// The market itself.
    #[must_use]
    pub fn market(&self) -> &Market {
        &self.market
    }

    /// What its routes share.
    #[must_use]
    pub fn state(&self) -> &MarketState {
        &self.state
    }

    /// Makes an operator's token where there is none, and writes its secret to `file`, readable by its owner only. Gives
    /// whether one was made.
    ///
    /// # Errors
    /// [`ServiceError::Token`] or [`ServiceError::File`].
    pub async fn ensure_operator(&self, file: &Path) -> Result<bool, ServiceError> {
        let (tokens, now) = (&self.state.tokens, self.clock.now());
        if tokens.has_operator(now) {
            return Ok(false);
        }
        let failed = |cause| ServiceError::File { path: file.to_owned(), cause };
        // The file comes first: a token that nobody knows the secret of would lock everybody out.
        let mut target = write_for_owner(file).map_err(failed)?;
        let count = tokens.list().iter().filter(|token| token.name.starts_with("operator")).count();
        let name = if count == 0 { "operator".to_owned() } else { format!("operator-{}", count + 1) };
        let new = NewToken { name, tenant: None, roles: vec![Role::Operator], lifetime_s: None };
        let (_, secret) = tokens.create(new, "first start", now).await?;
        writeln!(target, "{}", secret.expose()).and_then(|()| target.sync_all()).map_err(failed)?;
        Ok(true)
    }

    /// Moves rounds and leases on and delivers events until `stop` is cancelled.
    pub async fn run(&self, stop: CancellationToken) {
        let deliver = webhooks::deliver(
            self.market.clone(),
            Arc::clone(&self.webhooks),
            self.sender.clone(),
            self.webhook_config.clone(),
            Arc::clone(&self.clock),
            stop.clone(),
        );
        tokio::join!(self.market.run(stop), deliver);
    }

    /// Commits what is queued, then closes the database.
    pub async fn close(&self) {
        self.market.close().await;
    }
}
