//! The rounds of the loop by the machine's clock: when to plan and when to reconcile. They have a thread of their own,
//! so that a long list or plan never keeps a request waiting for the threads that serve it.

use crate::core::Core;
use crate::store::StoreError;
use crate::thread::OwnThread;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

/// How often drivers are asked what exists, and overdue claims are ended.
const RECONCILE_EVERY: Duration = Duration::from_secs(2);
/// How often it is looked what can be lent.
const LEND_EVERY: Duration = Duration::from_secs(2);
/// How often it is looked whose days are to be forecast.
const DAYS_EVERY: Duration = Duration::from_secs(5);
/// How often what is older than the retention is removed.
const PRUNE_EVERY: Duration = Duration::from_secs(3_600);
/// How far the rounds' thread steps back behind those that serve requests; less far than the guests' threads.
const ROUNDS_NICE: i32 = 5;
/// How long rounds under way may take to end.
const DRAIN: Duration = Duration::from_secs(10);

/// The thread that rounds run on.
pub struct Rounds(OwnThread);

impl Rounds {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the machine refuses another thread.
    pub fn start() -> std::io::Result<Self> {
        OwnThread::start("forewarm-rounds", ROUNDS_NICE).map(Self)
    }

    /// Runs every round until `stop` is cancelled, then lets those under way end. `retention` is how long what has ended
    /// is kept, if it is not for ever.
    pub async fn run(&self, core: Arc<Core>, retention: Option<Duration>, stop: CancellationToken) {
        let mut rounds = JoinSet::new();
        rounds.spawn_on(plan(Arc::clone(&core), stop.clone()), self.0.handle());
        rounds.spawn_on(reconcile(Arc::clone(&core), stop.clone()), self.0.handle());
        rounds.spawn_on(watch(Arc::clone(&core), stop.clone()), self.0.handle());
        rounds.spawn_on(days(Arc::clone(&core), stop.clone()), self.0.handle());
        rounds.spawn_on(lend(Arc::clone(&core), stop.clone()), self.0.handle());
        if let Some(retention) = retention {
            rounds.spawn_on(prune(core, retention, stop.clone()), self.0.handle());
        }
        stop.cancelled().await;
        let drained = tokio::time::timeout(DRAIN, async { while rounds.join_next().await.is_some() {} });
        if drained.await.is_err() {
            warn!("a round did not end in time and is cut off; it is taken up again at the next start");
        }
    }
}

/// Plans once at the start, then shortly after each step's end, when its load has come in, and when a persona is applied.
async fn plan(core: Arc<Core>, stop: CancellationToken) {
    loop {
        report("plan", core.cycle().await.map(drop));
        report("dispatch", core.dispatch().await);
        tokio::select! {
            () = stop.cancelled() => return,
            () = core.applied() => {}
            () = tokio::time::sleep(until_measured(&core)) => {}
        }
    }
}

/// How long until the load of the step under way has come in.
fn until_measured(core: &Core) -> Duration {
    let (now, step_ms) = (core.clock().now(), core.settings().step_ms);
    let next = now.floor(step_ms) + step_ms + core.settings().metric_lag_ms;
    Duration::from_millis(next.since(now).unsigned_abs())
}

/// Looks for what does not belong shortly after each step's end, beside the plans: nothing is planned later for it.
async fn watch(core: Arc<Core>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = core.watch() => {}
        }
        if until(&stop, until_measured(&core)).await {
            return;
        }
    }
}

async fn reconcile(core: Arc<Core>, stop: CancellationToken) {
    let mut every = tokio::time::interval(RECONCILE_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = core.woken() => {}
            _ = every.tick() => {
                report("sweep", core.sweep().await);
                report("observe", core.observe().await);
            }
        }
        report("dispatch", core.dispatch().await);
    }
}

/// Forecasts the days of those whose turn it is. A round that is cut off is taken up where it was.
async fn days(core: Arc<Core>, stop: CancellationToken) {
    while !until(&stop, DAYS_EVERY).await {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = core.forecast_days() => {}
        }
    }
}

/// Serves the market, and tells it what can be spared.
async fn lend(core: Arc<Core>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = core.lend() => {}
        }
        if until(&stop, LEND_EVERY).await {
            return;
        }
    }
}

/// Removes what is older than the retention.
async fn prune(core: Arc<Core>, retention: Duration, stop: CancellationToken) {
    let retention_ms = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
    while !until(&stop, PRUNE_EVERY).await {
        report("prune", core.prune(core.clock().now() - retention_ms).await);
    }
}

/// Waits; true when it is time to stop.
async fn until(stop: &CancellationToken, wait: Duration) -> bool {
    tokio::time::timeout(wait, stop.cancelled()).await.is_ok()
}

fn report(round: &str, outcome: Result<(), StoreError>) {
    if let Err(cause) = outcome {
        error!(round, %cause, "a round failed; it is tried again");
    }
}

/// Ends when the process is told to: Ctrl-C or SIGTERM.
pub fn told_to_stop() -> std::io::Result<impl Future<Output = ()> + Send> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
