//! One host by the machine's clock: opened, served, stopped.

use super::market;
use crate::app::{App, Surroundings, sandbox};
use crate::cli::CliError;
use crate::cli::connection::local_url;
use crate::cli::output::print;
use crate::cli::running::{Note, Running};
use crate::config::Config;
use crate::http::auth::{TokenBook, ensure_admin};
use crate::http::{AppState, Parts, serve};
use crate::ingest::prometheus::{RemoteWriteDecoder, RemoteWriteLimits};
use crate::replay::components_dir;
use crate::rounds::{self, Rounds};
use forewarm_market::Service;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Runs a host until the process is told to stop.
pub(super) async fn run(config: Config, around: Surroundings) -> Result<(), CliError> {
    let told = rounds::told_to_stop().map_err(failed)?;
    let sandbox = sandbox(&config, Some(components_dir(&config.data_dir))).map_err(failed)?;
    let app = App::open(config.clone(), sandbox, around).await.map_err(failed)?;
    let stopping = CancellationToken::new();
    let api = Api::open(&app, &config, stopping.clone()).await?;
    let rounds = Rounds::start().map_err(failed)?;
    print(&api.greeting(&app));
    let result = {
        let rounds = rounds.run(Arc::clone(&app.core), config.store.retention(), stopping.clone());
        let stop_when_told = async {
            tokio::select! { () = told => stopping.cancel(), () = stopping.cancelled() => {} }
        };
        let api = async {
            let served = api.serve().await;
            // A host whose API has gone is of no use to anybody.
            stopping.cancel();
            served
        };
        let (result, (), ()) = tokio::join!(api, rounds, stop_when_told);
        result
    };
    app.close().await;
    result
}

/// The API of an open host, on a bound port.
pub(super) struct Api {
    listener: TcpListener,
    state: AppState,
    address: SocketAddr,
    token_file: PathBuf,
    token_is_new: bool,
    /// There while the API is served.
    note: Note,
    /// The market, where this host holds it.
    market: Option<Service>,
}

impl Api {
    /// Binds the port and makes the first token. `config` is the operator's: its data directory gets the note that
    /// commands find the host by.
    pub(super) async fn open(app: &App, config: &Config, stopping: CancellationToken) -> Result<Self, CliError> {
        let tokens = Arc::new(TokenBook::open(app.core.store().clone()).await.map_err(failed)?);
        let token_file = app.config.admin_token_file();
        let token_is_new = ensure_admin(&tokens, &token_file, app.core.clock().now()).await.map_err(failed)?;
        let limits = RemoteWriteLimits {
            max_bytes: (config.http.ingest_body_limit_kib as usize) << 10,
            ..RemoteWriteLimits::default()
        };
        let remote_write =
            RemoteWriteDecoder::new(config.ingest.remote_write.clone().into(), limits).map_err(failed)?;
        let market =
            if config.market.enabled { Some(market::open(app, config, Arc::clone(&tokens)).await?) } else { None };
        let state = AppState::new(Parts {
            config: config.http.clone(),
            core: Arc::clone(&app.core),
            plugins: Arc::clone(&app.plugins),
            tokens,
            remote_write,
            metrics: Arc::clone(&app.metrics),
            market: market.as_ref().map(|market| forewarm_market::http::router(market.state())),
            stopping,
        });
        let listen = config.http.listen;
        let in_use = |error| CliError::Failed(format!("cannot listen on {listen}: {error}; choose another --listen"));
        let listener = TcpListener::bind(listen).await.map_err(in_use)?;
        let address = listener.local_addr().map_err(failed)?;
        let running = Running { url: local_url(address), token_file: token_file.clone(), pid: std::process::id() };
        let note = running.announce(&config.data_dir).map_err(failed)?;
        Ok(Self { listener, state, address, token_file, token_is_new, note, market })
    }

    /// What is said at the start.
    pub(super) fn greeting(&self, app: &App) -> String {
        let made = if self.token_is_new { ", made now" } else { "" };
        let mut page = format!("forewarm {} is up\n", env!("CARGO_PKG_VERSION"));
        let _ = writeln!(page, "  API      {}", local_url(self.address));
        let _ = writeln!(page, "  token    in {}{made}", self.token_file.display());
        let _ = writeln!(page, "  store    {}", app.config.database_url());
        if self.market.is_some() {
            let _ = writeln!(page, "  market   {}", app.config.market_url());
        }
        for info in app.plugins.infos() {
            let line = match (&info.name, &info.version, &info.error) {
                (Some(name), Some(version), None) => format!("{name} {version}"),
                (_, _, error) => format!("{} was not loaded: {}", info.file, error.clone().unwrap_or_default()),
            };
            let _ = writeln!(page, "  plugin   {line}");
        }
        if !self.address.ip().is_loopback() {
            page.push_str("  note     the API is reached from other machines without TLS: put a proxy before it\n");
        }
        page
    }

    /// Serves until the host stops.
    pub(super) async fn serve(self) -> Result<(), CliError> {
        let Self { listener, state, note, market, .. } = self;
        // The market goes on while the last requests are answered.
        let stop = CancellationToken::new();
        let served = async {
            let served = serve(listener, state).await.map_err(failed);
            drop(note);
            stop.cancel();
            served
        };
        let trade = async {
            if let Some(market) = &market {
                market.run(stop.clone()).await;
                market.close().await;
            }
        };
        let (served, ()) = tokio::join!(served, trade);
        served
    }
}

/// An error of the host's own parts, which say what to do.
pub(super) fn failed(error: impl std::fmt::Display) -> CliError {
    CliError::Failed(error.to_string())
}
