//! The composition root: everything that a host consists of, opened in order and closed in reverse.

use crate::clock::SystemClock;
use crate::config::{BusConfig, Config, PlanningConfig};
use crate::core::{Core, Parts, Settings};
use crate::ingest::{self, SeriesBook};
use crate::metrics::Metrics;
use crate::plugins::{self, PluginHost, PluginsError};
use crate::probe::{NoProbe, Probe};
use crate::store::{self, Store, StoreError};
use forewarm_bus::{Bus, ConnectError, LocalBus, NatsBus, NatsConfig};
use forewarm_domain::time::{Clock, SECOND_MS};
use forewarm_runtime::{Compiler, Runtime, RuntimeConfig, RuntimeError};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What makes this program compile one component and end.
const COMPILE_COMMAND: &str = "compile-component";
/// A call to a plugin that was not answered after this time is given up. Plugins' own deadlines are shorter.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// A driver operation that failed this often is given up.
const MAX_ATTEMPTS: u32 = 8;
/// A load that is older than this many steps is stale.
const STALE_AFTER_STEPS: i64 = 3;
/// Calls to plugins that the planning loop has under way at a time, per compute thread.
const CALLS_PER_THREAD: usize = 4;

/// An open host.
pub struct App {
    /// How it was set up.
    pub config: Config,
    /// The loop and everything it knows.
    pub core: Arc<Core>,
    /// The plugins that it carries.
    pub plugins: Arc<PluginHost>,
    /// What it counts.
    pub metrics: Arc<Metrics>,
}

/// What a host is handed by the program that runs it.
#[derive(Clone)]
pub struct Surroundings {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Is told how far leases are.
    pub probe: Arc<dyn Probe>,
}

impl Surroundings {
    /// Those of a host that goes by a clock.
    #[must_use]
    pub fn by(clock: Arc<dyn Clock>) -> Self {
        Self { clock, probe: Arc::new(NoProbe) }
    }
}

/// The machine's own.
impl Default for Surroundings {
    fn default() -> Self {
        Self::by(Arc::new(SystemClock))
    }
}

/// Why a host could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The data directory.
    #[error("the data directory {path} can't be made: {cause}")]
    DataDir {
        /// Which directory.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The series in the store.
    #[error(transparent)]
    Series(#[from] ingest::IngestError),
    /// The bus.
    #[error(transparent)]
    Bus(#[from] ConnectError),
    /// The program that compiles plugins.
    #[error("the system does not tell where this program is, so that it can't be started to compile plugins: {0}")]
    Program(std::io::Error),
    /// The sandbox.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The plugins.
    #[error(transparent)]
    Plugins(#[from] PluginsError),
}

impl App {
    /// Opens store, series, bus, sandbox and plugins; `sandbox` is what [`sandbox`] makes of the configuration.
    ///
    /// # Errors
    /// [`AppError`] names the part that could not be opened; what was opened before is closed again.
    pub async fn open(config: Config, sandbox: RuntimeConfig, around: Surroundings) -> Result<Self, AppError> {
        let Surroundings { clock, probe } = around;
        let path = config.data_dir.clone();
        std::fs::create_dir_all(&path).map_err(|cause| AppError::DataDir { path, cause })?;
        let metrics = Arc::new(Metrics::default());
        let store = Store::open(&store_config(&config)).await?;
        let series = SeriesBook::open(store.clone(), Arc::clone(&clock), ingest_config(&config)).await?;
        let bus = connect(&config.bus).await?;
        let runtime = Runtime::new(sandbox, Arc::clone(&clock), Arc::new(store.clone()))?;
        let carried = plugins::Parts {
            config: config.plugins.clone(),
            runtime,
            bus: Arc::clone(&bus),
            store: Some(store.clone()),
            clock: Arc::clone(&clock),
            metrics: Arc::clone(&metrics),
        };
        let plugins = Arc::new(PluginHost::start(carried).await?);
        let settings = Settings {
            quotas: config.plugins.quotas(),
            ..settings(&config.planning, plugins::compute_threads(&config.plugins))
        };
        let parts = Parts { clock, probe, settings, store, series, bus, metrics: Arc::clone(&metrics) };
        let core = Core::open(parts).await?;
        Ok(Self { config, core, plugins, metrics })
    }

    /// Ends what is under way and closes the store. Nothing that was acknowledged is lost without it.
    pub async fn close(self) {
        let Self { core, plugins, .. } = self;
        plugins.stop().await;
        core.series().close().await;
        core.store().close().await;
    }
}

async fn connect(config: &BusConfig) -> Result<Arc<dyn Bus>, ConnectError> {
    Ok(match &config.nats_url {
        None => Arc::new(LocalBus::default()),
        Some(url) => {
            let mut nats = NatsConfig::new(vec![url.expose().to_owned()]);
            nats.credentials_file.clone_from(&config.credentials_file);
            Arc::new(NatsBus::connect(nats).await?)
        }
    })
}

fn store_config(config: &Config) -> store::StoreConfig {
    store::StoreConfig {
        url: config.database_url().expose().to_owned(),
        synchronous: match config.store.synchronous {
            crate::config::Synchronous::Full => store::Synchronous::Full,
            crate::config::Synchronous::Normal => store::Synchronous::Normal,
        },
        max_connections: config.store.max_connections,
    }
}

fn ingest_config(config: &Config) -> ingest::IngestConfig {
    let ms = |seconds: u32| i64::from(seconds) * SECOND_MS;
    ingest::IngestConfig {
        step_ms: ms(config.planning.step_s),
        late_limit_ms: ms(config.ingest.late_limit_s),
        future_limit_ms: ms(config.ingest.future_limit_s),
        max_series: config.ingest.max_series as usize,
        ..ingest::IngestConfig::default()
    }
}

/// The sandbox as the configuration has it. `components` is where compiled plugins are kept between runs; they are
/// compiled by this program, started a second time with `forewarm compile-component`.
///
/// # Errors
/// [`AppError::Program`] where the system does not tell which program this is.
pub fn sandbox(config: &Config, components: Option<PathBuf>) -> Result<RuntimeConfig, AppError> {
    let plugins = &config.plugins;
    let compile = plugins::compile_limits(plugins.compile);
    Ok(RuntimeConfig {
        compute_threads: plugins::compute_threads(plugins),
        max_instances: plugins.max_instances,
        max_component_bytes: (plugins.max_component_mib as usize) << 20,
        cache_dir: components,
        compiler: Compiler::this_program(&[COMPILE_COMMAND], compile).map_err(AppError::Program)?,
        default_limits: plugins::limits(plugins.limits),
        ..RuntimeConfig::default()
    })
}

fn settings(planning: &PlanningConfig, compute_threads: usize) -> Settings {
    let step_ms = i64::from(planning.step_s) * SECOND_MS;
    Settings {
        step_ms,
        horizon_steps: planning.horizon_steps as usize,
        metric_lag_ms: i64::from(planning.metric_lag_s) * SECOND_MS,
        stale_after_steps: STALE_AFTER_STEPS,
        default_boot_ms: i64::from(planning.assumed_boot_s) * SECOND_MS,
        refit_after_steps: (i64::from(planning.refit_s) * SECOND_MS / step_ms).max(1),
        day_forecasters: planning.day_forecasters.clone(),
        max_attempts: MAX_ATTEMPTS,
        call_timeout: CALL_TIMEOUT,
        parallel_calls: compute_threads * CALLS_PER_THREAD,
        quotas: Default::default(),
    }
}
