//! One plugin by name: its versions side by side, of which one answers calls.
//!
//! Guarantees: a switch is atomic, a call is answered by one version from its beginning to its end; the version that was
//! switched off finishes its calls before the switch is reported as done; a new version that is quarantined on probation
//! gives way to the one before, by itself.

use super::context::Context;
use super::probe::probe;
use super::version::{Answers, Turn, Version, compare};
use async_trait::async_trait;
use forewarm_bus::message::{
    BacktestCall, Backtested, DescribeForecaster, DriverAnswer, DriverCall, EventTopic, FitCall, ForecastAnswer,
    ForecastCall, JudgeCall, Judged, ProfileCall, RefineCall, SeasonalityCall, ServeDetector, ServeDriver,
    ServeForecaster, ServeProfiler,
};
use forewarm_domain::forecast::Fan;
use forewarm_domain::id::PluginName;
use forewarm_domain::plugin::{Change, ForecasterDescription, PersonaDraft, PluginError, PluginKind, Season};
use forewarm_domain::time::TimestampMs;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tracing::{info, warn};

/// Why a version was not switched to.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// No plugin has this name.
    #[error("this host carries no plugin {0}")]
    UnknownPlugin(PluginName),
    /// It has no such version.
    #[error("there is no version {wanted} of {plugin}; there is: {known}. Put its file into the folder and rescan")]
    UnknownVersion {
        /// Which plugin.
        plugin: PluginName,
        /// The version that was asked for.
        wanted: String,
        /// The versions that there are.
        known: String,
    },
    /// It failed its probe.
    #[error("version {version} failed its probe, so that {active} goes on answering: {cause}")]
    Probe {
        /// The version that was asked for.
        version: String,
        /// The version that answers.
        active: String,
        /// What failed.
        cause: PluginError,
    },
}

/// The version that was chosen, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Choice {
    version: String,
    probation: Option<Probation>,
}

/// What a version that is new at its work falls back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Probation {
    previous: String,
    until: TimestampMs,
}

struct Book {
    /// From the oldest to the newest.
    versions: Vec<Arc<Version>>,
    active: Arc<Version>,
    probation: Option<Probation>,
    /// Whether an operator, or a roll-back, has chosen: then a newer version waits for the operator.
    pinned: bool,
}

/// See the module's description.
pub(super) struct Carried {
    name: PluginName,
    kind: PluginKind,
    context: Arc<Context>,
    book: Mutex<Book>,
    /// Held during a switch: one at a time.
    switching: tokio::sync::Mutex<()>,
}

impl Carried {
    /// Chooses among the versions that there are: the one that was chosen before, else the newest that passes its probe.
    /// `versions` has at least one.
    pub(super) async fn open(first: Arc<Version>, more: Vec<Arc<Version>>, context: Arc<Context>) -> Self {
        let manifest = first.plugin.manifest();
        let (name, kind) = (manifest.name.clone(), manifest.kind);
        let mut versions = vec![Arc::clone(&first)];
        versions.extend(more);
        versions.sort_by(|a, b| compare(a.version(), b.version()));
        let choice: Option<Choice> = context.kept(&key(&name)).await;
        let chosen = choice.as_ref().and_then(|choice| {
            let found = versions.iter().find(|one| one.version() == choice.version).cloned();
            if found.is_none() {
                warn!(plugin = %name, version = choice.version, "the version that was chosen is not in the folder: the newest takes its place");
            }
            found
        });
        let pinned = chosen.is_some();
        let active = match chosen {
            Some(chosen) => chosen,
            None => newest_sound(&versions).await.unwrap_or(first),
        };
        let probation = choice.filter(|_| pinned).and_then(|choice| choice.probation);
        let book = Mutex::new(Book { versions, active, probation, pinned });
        Self { name, kind, context, book, switching: tokio::sync::Mutex::default() }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn name(&self) -> &PluginName {
        &self.name
    }

    pub(super) fn kind(&self) -> PluginKind {
        self.kind
    }

    pub(super) fn active(&self) -> Arc<Version> {
        Arc::clone(&self.book().active)
    }

    /// All versions, the oldest first.
    pub(super) fn versions(&self) -> Vec<Arc<Version>> {
        self.book().versions.clone()
    }

    /// Takes in another version; it answers at once where no version was chosen and it is the newest and sound.
    pub(super) async fn add(&self, version: Arc<Version>) {
        let newer = {
            let mut book = self.book();
            book.versions.push(Arc::clone(&version));
            book.versions.sort_by(|a, b| compare(a.version(), b.version()));
            !book.pinned && compare(version.version(), book.active.version()).is_gt()
        };
        if newer && let Err(error) = self.switch(&version, "a newer version appeared in the folder", false).await {
            warn!(plugin = %self.name, %error, "a newer version is not used");
        }
    }

    /// Forgets a version whose file is gone, unless it is the one that answers.
    pub(super) fn forget(&self, version: &Arc<Version>) -> bool {
        let mut book = self.book();
        let idle = !Arc::ptr_eq(&book.active, version);
        if idle {
            book.versions.retain(|one| !Arc::ptr_eq(one, version));
        }
        idle
    }

    /// Makes a version the one that answers, once it has passed its probe, and waits for the calls of the one before.
    ///
    /// # Errors
    /// [`SwitchError`]; the version that answered goes on then.
    pub(super) async fn activate(&self, wanted: &str) -> Result<Arc<Version>, SwitchError> {
        let versions = self.versions();
        let Some(version) = versions.iter().find(|one| one.version() == wanted) else {
            let known = versions.iter().map(|one| one.version()).collect::<Vec<_>>().join(", ");
            return Err(SwitchError::UnknownVersion { plugin: self.name.clone(), wanted: wanted.to_owned(), known });
        };
        self.switch(version, "an operator chose this version", true).await?;
        Ok(Arc::clone(version))
    }

    async fn switch(&self, to: &Arc<Version>, reason: &str, chosen: bool) -> Result<(), SwitchError> {
        let _turn = self.switching.lock().await;
        let from = self.active();
        if Arc::ptr_eq(&from, to) {
            return Ok(());
        }
        if let Err(cause) = probe(to).await {
            let (version, active) = (to.version().to_owned(), from.version().to_owned());
            let error = SwitchError::Probe { version, active, cause };
            warn!(plugin = %self.name, %error, "not switched");
            self.tell(&from, from.version(), &error.to_string()).await;
            return Err(error);
        }
        to.watch.release().await;
        to.take_up();
        let until = self.context.now() + self.context.probation_ms;
        let probation = Probation { previous: from.version().to_owned(), until };
        self.settle(to, Some(probation), chosen).await;
        info!(plugin = %self.name, from = from.version(), to = to.version(), reason, "switched to another version");
        self.tell(to, from.version(), reason).await;
        if !from.drain().await {
            warn!(plugin = %self.name, version = from.version(), "calls of the version before are still under way");
        }
        Ok(())
    }

    /// Goes back to the version before, where `failed` answers and is on probation.
    async fn roll_back(&self, failed: &Arc<Version>, why: &str) {
        let _turn = self.switching.lock().await;
        let previous = {
            let book = self.book();
            let probation = book.probation.as_ref().filter(|probation| self.context.now() < probation.until);
            let ours = Arc::ptr_eq(&book.active, failed);
            probation
                .filter(|_| ours)
                .and_then(|probation| book.versions.iter().find(|one| one.version() == probation.previous).cloned())
        };
        let Some(previous) = previous else { return };
        previous.take_up();
        self.settle(&previous, None, true).await;
        failed.retire();
        let reason = format!("rolled back: version {} was quarantined on probation: {why}", failed.version());
        warn!(plugin = %self.name, from = failed.version(), to = previous.version(), reason, "rolled back");
        self.tell(&previous, failed.version(), &reason).await;
    }

    /// The one place where another version begins to answer.
    async fn settle(&self, active: &Arc<Version>, probation: Option<Probation>, pinned: bool) {
        {
            let mut book = self.book();
            book.active = Arc::clone(active);
            book.probation.clone_from(&probation);
            book.pinned |= pinned;
        }
        if pinned {
            let choice = Choice { version: active.version().to_owned(), probation };
            self.context.keep(key(&self.name), Some(&choice)).await;
        }
    }

    async fn tell(&self, active: &Version, before: &str, reason: &str) {
        self.context.metrics.plugin_switched(&self.name);
        let data = serde_json::json!({ "version": active.version(), "before": before });
        self.context.tell(EventTopic::PluginSwitched, &self.name, reason, data).await;
    }

    async fn begin(&self) -> Result<Turn, PluginError> {
        self.active().begin().await
    }

    /// Ends a call: supervision learns of it, and a version that is on probation may have to go.
    async fn end<T>(&self, turn: Turn, answer: Result<T, PluginError>) -> Result<T, PluginError> {
        let version = Arc::clone(&turn.version);
        version.watch.note(turn.pass, answer.as_ref().err()).await;
        drop(turn);
        if let Some(why) = version.watch.quarantine() {
            self.roll_back(&version, &why).await;
        }
        answer
    }
}

/// The newest version that passes its probe. A single one is not probed beyond what loading did: nothing could take its
/// place.
async fn newest_sound(versions: &[Arc<Version>]) -> Option<Arc<Version>> {
    let newest = versions.last()?;
    if versions.len() == 1 {
        return Some(Arc::clone(newest));
    }
    for version in versions.iter().rev().filter(|version| version.watch.quarantine().is_none()) {
        match probe(version).await {
            Ok(()) => return Some(Arc::clone(version)),
            Err(error) => {
                warn!(%error, version = version.version(), "a version failed its probe: an older one takes its place");
            }
        }
    }
    Some(Arc::clone(newest))
}

fn key(name: &PluginName) -> String {
    format!("plugin.version.{name}")
}

#[async_trait]
impl ServeForecaster for Carried {
    async fn forecast(&self, call: ForecastCall) -> Result<ForecastAnswer, PluginError> {
        let turn = self.begin().await?;
        let answer = match &turn.version.answers {
            Answers::Forecaster(models) => models.forecast(call, turn.pass).await,
            _ => Err(turn.version.misplaced()),
        };
        self.end(turn, answer).await
    }

    async fn fit(&self, call: FitCall) -> Result<Fan, PluginError> {
        let turn = self.begin().await?;
        let answer = match &turn.version.answers {
            Answers::Forecaster(models) => models.fit(call, turn.pass).await,
            _ => Err(turn.version.misplaced()),
        };
        self.end(turn, answer).await
    }

    async fn backtest(&self, call: BacktestCall) -> Result<Backtested, PluginError> {
        let turn = self.begin().await?;
        let answer = match &turn.version.answers {
            Answers::Forecaster(models) => models.backtest(call, turn.pass).await,
            _ => Err(turn.version.misplaced()),
        };
        self.end(turn, answer).await
    }

    async fn seasonality(&self, call: SeasonalityCall) -> Result<Vec<Season>, PluginError> {
        let turn = self.begin().await?;
        let answer = match &turn.version.answers {
            Answers::Forecaster(models) => models.seasonality(call).await,
            _ => Err(turn.version.misplaced()),
        };
        self.end(turn, answer).await
    }

    /// What was told when the version was loaded, whatever became of it since: no guest is called.
    async fn describe(&self, _: DescribeForecaster) -> Result<ForecasterDescription, PluginError> {
        let version = self.active();
        match &version.answers {
            Answers::Forecaster(models) => Ok(models.describe()),
            _ => Err(version.misplaced()),
        }
    }
}

#[async_trait]
impl ServeDetector for Carried {
    async fn judge(&self, call: JudgeCall) -> Result<Judged, PluginError> {
        let turn = self.begin().await?;
        let answer = match &turn.version.answers {
            Answers::Detector(detector) => super::detector::judge(detector, call).await,
            _ => Err(turn.version.misplaced()),
        };
        self.end(turn, answer).await
    }
}

#[async_trait]
impl ServeProfiler for Carried {
    async fn profile(&self, call: ProfileCall) -> Result<Vec<PersonaDraft>, PluginError> {
        let turn = self.begin().await?;
        let answer = match &turn.version.answers {
            Answers::Profiler(profiler) => profiler.profile(call.workloads).await,
            _ => Err(turn.version.misplaced()),
        };
        self.end(turn, answer).await
    }

    async fn refine(&self, call: RefineCall) -> Result<Vec<Change>, PluginError> {
        let turn = self.begin().await?;
        let answer = match &turn.version.answers {
            Answers::Profiler(profiler) => profiler.refine(call.persona, call.outcomes).await,
            _ => Err(turn.version.misplaced()),
        };
        self.end(turn, answer).await
    }
}

#[async_trait]
impl ServeDriver for Carried {
    async fn drive(&self, call: DriverCall) -> Result<DriverAnswer, PluginError> {
        let turn = self.begin().await?;
        let answer = match &turn.version.answers {
            Answers::Driver(driver) => super::driver::drive(driver, call.operation).await,
            _ => Err(turn.version.misplaced()),
        };
        self.end(turn, answer).await
    }
}
