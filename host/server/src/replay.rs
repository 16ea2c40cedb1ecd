//! Replaying a demand trace against a whole host in virtual time: samples in, forecast, plan, instances warmed, claims
//! made by the demand, outcomes. The reactive rule runs beside it on the same demand.

mod driver;
mod folder;
mod summary;

pub use driver::Progress;
pub use folder::ReplayFolder;
pub use summary::{PolicySummary, Summary};

use crate::app::{App, AppError, Surroundings, sandbox};
use crate::config::{Config, Synchronous};
use driver::Driver;
use forewarm_domain::plugin::PluginError;
use forewarm_domain::time::ManualClock;
use forewarm_simulator::sample;
use forewarm_simulator::trace::{Trace, TraceError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// The seed of the bundled sample.
const SAMPLE_SEED: u64 = 1;

/// What is replayed, and how.
#[derive(Debug, Clone)]
pub struct ReplayOptions {
    /// The demand: a file, or the bundled sample.
    pub source: Source,
    /// Virtual seconds per second; `None` is as fast as it goes.
    pub speed: Option<f64>,
    /// Ends the replay after so much real time.
    pub exit_after: Option<Duration>,
    /// Begins anew even where an interrupted replay could be continued.
    pub fresh: bool,
    /// The share of the trace, from its beginning, that is given as history before the replay begins; 0 to 0.95.
    pub history: f64,
}

/// Where the demand comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The bundled, generated sample.
    Sample,
    /// A CSV file with the header `timestamp,value`.
    File(PathBuf),
}

/// Why a replay could not begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file can't be read.
    #[error("the trace {path} can't be read: {cause}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The file is no trace.
    #[error("the trace {path} can't be used: {cause}")]
    Trace {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        cause: TraceError,
    },
    /// Too little demand to replay.
    #[error("the trace has {steps} minutes, {history} of them history: at least {least} have to be left to replay")]
    TooShort {
        /// Minutes in all.
        steps: usize,
        /// Minutes of history.
        history: usize,
        /// Minutes that are needed beyond.
        least: usize,
    },
    /// The history has no load in it.
    #[error("the load is zero through the trace's history: there is nothing to size an instance by")]
    NoLoad,
    /// The folder of the replay.
    #[error("the replay's folder {path} can't be used: {cause}")]
    Folder {
        /// Which folder.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The host could not be opened.
    #[error(transparent)]
    App(#[from] AppError),
    /// The host failed on the way.
    #[error("the replay stopped: {0}")]
    Host(String),
    /// The driver's prices could not be had.
    #[error(transparent)]
    Driver(#[from] PluginError),
}

impl Source {
    /// Reads the demand.
    ///
    /// # Errors
    /// [`ReplayError::Read`] or [`ReplayError::Trace`].
    pub fn load(&self) -> Result<Trace, ReplayError> {
        let Self::File(path) = self else { return Ok(sample::demand(SAMPLE_SEED)) };
        let file = std::fs::File::open(path).map_err(|cause| ReplayError::Read { path: path.clone(), cause })?;
        let stem = path.file_stem().map_or_else(|| "trace".into(), |stem| stem.to_string_lossy().into_owned());
        Trace::read(&stem, file).map_err(|cause| ReplayError::Trace { path: path.clone(), cause })
    }
}

/// A replay that is ready to run.
pub struct Replay {
    /// The host that it runs against; its API can be served meanwhile.
    pub app: Arc<App>,
    folder: ReplayFolder,
    driver: Driver,
    options: ReplayOptions,
}

impl Replay {
    /// Reads the trace, opens a host of its own for it, and gives it the history. An interrupted replay of the same
    /// trace is taken up where it was.
    ///
    /// # Errors
    /// [`ReplayError`].
    pub async fn open(mut config: Config, options: ReplayOptions) -> Result<Self, ReplayError> {
        let trace = options.source.load()?;
        let sandbox = sandbox(&config, Some(components_dir(&config.data_dir)))?;
        let folder = ReplayFolder::prepare(&config.data_dir, &trace, options.fresh)?;
        config.data_dir = folder.path().to_owned();
        config.store.url = None;
        // A replay can be replayed: it is enough that it survives the end of its process.
        config.store.synchronous = Synchronous::Normal;
        config.planning.step_s = 60;
        config.planning.metric_lag_s = 0;
        let clock = Arc::new(ManualClock::at(trace.start));
        let app = Arc::new(App::open(config, sandbox, Surroundings::by(clock.clone())).await?);
        let driver = Driver::prepare(Arc::clone(&app.core), clock, trace, options.history).await?;
        Ok(Self { app, folder, driver, options })
    }

    /// Whether an interrupted replay is continued.
    #[must_use]
    pub fn is_resumed(&self) -> bool {
        self.driver.is_resumed()
    }

    /// Runs until the trace ends, `stop` is cancelled or the time is over, telling `on_step` after every step.
    ///
    /// # Errors
    /// [`ReplayError::Host`] when the host fails; the replay can be taken up again then.
    pub async fn run(
        &mut self,
        stop: &CancellationToken,
        mut on_step: impl FnMut(&Progress),
    ) -> Result<Summary, ReplayError> {
        let started = Instant::now();
        let deadline = self.options.exit_after.map(|limit| started + limit);
        let pause = self.options.speed.map(|speed| Duration::from_secs_f64(60.0 / speed));
        let mut next = started;
        while !stop.is_cancelled() && deadline.is_none_or(|deadline| Instant::now() < deadline) {
            let Some(progress) = self.driver.step().await? else { break };
            on_step(&progress);
            if let Some(pause) = pause {
                next += pause;
                let wake = deadline.map_or(next, |deadline| next.min(deadline));
                let sleep = tokio::time::sleep_until(wake.into());
                tokio::select! { () = sleep => {}, () = stop.cancelled() => {} }
            }
        }
        let summary = self.driver.summary(started.elapsed()).await?;
        self.folder.mark_ended()?;
        Ok(summary)
    }

    /// Closes the host.
    pub async fn close(self) {
        let Self { app, driver, .. } = self;
        drop(driver);
        if let Ok(app) = Arc::try_unwrap(app) {
            app.close().await;
        }
    }
}

/// Where compiled plugins are kept between runs.
#[must_use]
pub fn components_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("components")
}
