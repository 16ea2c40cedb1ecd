//! One version of a plugin: its component loaded, what answers its calls, its supervision.

use super::context::Context;
use super::models::{Models, Room};
use super::supervisor::Pass;
use super::watch::Watch;
use forewarm_domain::plugin::{PluginError, PluginErrorKind};
use forewarm_runtime::{AnomalyDetector, Driver, Plugin, Profiler};
use std::cmp::Ordering;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// How long a version that was switched off is waited for.
const DRAIN: Duration = Duration::from_secs(30);

/// See the module's description.
pub(super) struct Version {
    pub(super) file: PathBuf,
    pub(super) plugin: Plugin,
    pub(super) answers: Answers,
    pub(super) watch: Arc<Watch>,
    under_way: TaskTracker,
}

/// What answers the calls of a kind.
pub(super) enum Answers {
    Forecaster(Box<Models>),
    Profiler(Profiler),
    Driver(Driver),
    Detector(AnomalyDetector),
}

/// A call that is under way: leave for it, and the version that it went to.
pub(super) struct Turn {
    pub(super) version: Arc<Version>,
    pub(super) pass: Pass,
    _under_way: TaskTrackerToken,
}

impl Version {
    pub(super) async fn open(file: PathBuf, plugin: Plugin, room: Room, context: &Arc<Context>) -> Self {
        let manifest = plugin.manifest();
        let (name, version, digest) = (manifest.name.clone(), manifest.version.clone(), plugin.digest().to_owned());
        let watch = Arc::new(Watch::open(name, version, digest, Arc::clone(context)).await);
        let answers = match &plugin {
            Plugin::Forecaster(one) => {
                Answers::Forecaster(Box::new(Models::new(one.clone(), room, Arc::clone(&watch))))
            }
            Plugin::Profiler(profiler) => Answers::Profiler(profiler.clone()),
            Plugin::Driver(driver) => Answers::Driver(driver.clone()),
            Plugin::AnomalyDetector(detector) => Answers::Detector(detector.clone()),
        };
        let under_way = TaskTracker::new();
        under_way.close();
        Self { file, plugin, answers, watch, under_way }
    }

    pub(super) fn version(&self) -> &str {
        &self.plugin.manifest().version
    }

    /// Begins a call.
    ///
    /// # Errors
    /// [`PluginErrorKind::Quarantined`] while calls are held back.
    pub(super) async fn begin(self: &Arc<Self>) -> Result<Turn, PluginError> {
        // From here on a drain waits for this call.
        let under_way = self.under_way.token();
        let pass = self.watch.admit().await?;
        Ok(Turn { version: Arc::clone(self), pass, _under_way: under_way })
    }

    /// Waits for the calls under way, and drops what it holds for later ones. True when all have ended.
    pub(super) async fn drain(&self) -> bool {
        let drained = tokio::time::timeout(DRAIN, self.under_way.wait()).await.is_ok();
        self.retire();
        drained
    }

    /// Drops what it holds for later calls.
    pub(super) fn retire(&self) {
        if let Answers::Forecaster(models) = &self.answers {
            models.retire();
        }
    }

    /// Gets ready for calls, after it was retired perhaps.
    pub(super) fn take_up(&self) {
        if let Answers::Forecaster(models) = &self.answers {
            models.take_up();
        }
    }

    /// A call of another kind than the plugin's.
    pub(super) fn misplaced(&self) -> PluginError {
        let manifest = self.plugin.manifest();
        let message = format!("it is a {}, which has no such call", manifest.kind);
        PluginError { plugin: manifest.name.clone(), kind: PluginErrorKind::Unsupported, message }
    }
}

/// The order of versions: by their parts between dots and hyphens, numbers as numbers, and a release after what leads
/// up to it. Versions are whatever their authors wrote, so that this takes any text.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let core = |text: &str| text.split('+').next().unwrap_or_default().to_owned();
    let (a, b) = (core(a), core(b));
    let split =
        |text: &str| text.split_once('-').map_or((text.to_owned(), None), |(x, y)| (x.to_owned(), Some(y.to_owned())));
    let ((a, a_pre), (b, b_pre)) = (split(&a), split(&b));
    compare_parts(&a, &b).then_with(|| match (a_pre, b_pre) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => compare_parts(&a, &b),
    })
}

fn compare_parts(a: &str, b: &str) -> Ordering {
    let part =
        |text: &str| text.parse::<u64>().map_or_else(|_| (1, 0, text.to_owned()), |number| (0, number, String::new()));
    a.split('.').map(part).cmp(b.split('.').map(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_people_count() {
        let rising = ["0.9", "0.10.0-rc.1", "0.10.0-rc.2", "0.10.0", "1", "1.0.1", "2024-01", "2024"];
        for pair in rising.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compare(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
        }
        assert_eq!(compare("1.0+build7", "1.0+build8"), Ordering::Equal);
    }
}
