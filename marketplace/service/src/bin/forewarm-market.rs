//! The binary `forewarm-market`: a capacity market that stands alone, beside hosts that it reaches over NATS.

use clap::{Parser, Subcommand};
use forewarm_bus::{Bus, LocalBus, NatsBus, NatsConfig};
use forewarm_clock::SystemClock;
use forewarm_egress::SystemResolver;
use forewarm_market::http::{self, HttpConfig};
use forewarm_market::{MarketParts, NoProbe, Service, ServiceConfig, ServiceParts, random_seeds};
use serde::Deserialize;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Auctions warm capacity that its owners do not expect to need.
#[derive(Debug, Parser)]
#[command(name = "forewarm-market", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a market
    Up(UpArgs),
    /// Print the OpenAPI document of the HTTP API
    Openapi,
}

#[derive(Debug, clap::Args)]
struct UpArgs {
    /// The configuration file: TOML with the sections http and market
    #[arg(long, env = "FOREWARM_MARKET_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the database and the first operator's token are kept
    #[arg(long, default_value = "forewarm-market", value_name = "DIR")]
    data_dir: PathBuf,
    /// The address and port that the API listens on
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// The database: sqlite://FILE?mode=rwc or postgres://USER:PASSWORD@HOST/NAME; a file in the data directory unless given
    #[arg(long, env = "FOREWARM_MARKET_DATABASE", hide_env_values = true, value_name = "URL")]
    database: Option<String>,
    /// The NATS server that the hosts are connected to
    #[arg(long, env = "FOREWARM_MARKET_NATS", hide_env_values = true, value_name = "URL")]
    nats: Option<String>,
}

/// The configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    http: HttpConfig,
    market: ServiceConfig,
}

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("forewarm-market: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Openapi => {
            print!("{}", http::document());
            Ok(())
        }
        Command::Up(args) => {
            let filter = tracing_subscriber::EnvFilter::try_from_default_env();
            let filter = filter.unwrap_or_else(|_| "warn,forewarm_market=info".into());
            tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
            // Two providers may be compiled in; the choice has to be made before the first connection.
            if rustls::crypto::ring::default_provider().install_default().is_err() {
                return Err("a TLS provider was installed already".into());
            }
            tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(up(args))
        }
    }
}

async fn up(args: UpArgs) -> Result<(), Failure> {
    let File { mut http, market } = read(args.config.as_deref())?;
    http.listen = args.listen.unwrap_or(http.listen);
    let faults: Vec<String> = market.faults().iter().map(ToString::to_string).collect();
    if !faults.is_empty() {
        return Err(faults.join("\n").into());
    }
    std::fs::create_dir_all(&args.data_dir)?;
    let url =
        args.database.unwrap_or_else(|| format!("sqlite://{}?mode=rwc", args.data_dir.join("market.db").display()));
    let bus: Arc<dyn Bus> = match args.nats {
        None => Arc::new(LocalBus::default()),
        Some(url) => Arc::new(NatsBus::connect(NatsConfig::new(vec![url])).await?),
    };
    let parts = ServiceParts {
        market: MarketParts { clock: Arc::new(SystemClock), seeds: random_seeds(), bus, probe: Arc::new(NoProbe) },
        logins: None,
        resolver: Arc::new(SystemResolver),
        http: http.clone(),
    };
    let service = Service::open(market, url, parts).await?;
    let token_file = args.data_dir.join("operator.token");
    let made = service.ensure_operator(&token_file).await?;
    let listener = TcpListener::bind(http.listen).await?;
    greet(&listener.local_addr()?.to_string(), &token_file, made);
    let stopping = CancellationToken::new();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let told = async {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {}, () = stopping.cancelled() => {} }
        stopping.cancel();
    };
    let served = async {
        let served = http::serve(listener, service.state().clone(), stopping.clone()).await;
        // A market whose API has gone is of no use to anybody.
        stopping.cancel();
        served
    };
    let (served, (), ()) = tokio::join!(served, service.run(stopping.clone()), told);
    service.close().await;
    Ok(served?)
}

fn read(config: Option<&Path>) -> Result<File, Failure> {
    let Some(path) = config else { return Ok(File::default()) };
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?)
}

/// Says where the market is. A reader that has gone away is no error.
fn greet(address: &str, token_file: &Path, made: bool) {
    let (version, made) = (env!("CARGO_PKG_VERSION"), if made { ", made now" } else { "" });
    let text = format!(
        "forewarm-market {version} is up\n  API      http://{address}\n  token    in {}{made}\n",
        token_file.display()
    );
    let mut out = std::io::stdout().lock();
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}
