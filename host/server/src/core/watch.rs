//! Watching: a detector judges every persona's load as it is measured. What does not belong is told as an event, kept for
//! the API, and left out where models are fitted.

mod episodes;

use super::Core;
use bytes::Bytes;
pub use episodes::Anomaly;
use episodes::Episodes;
use forewarm_bus::message::{EventTopic, JudgeCall};
use forewarm_domain::id::{PersonaName, PluginName};
use forewarm_domain::persona::Persona;
use forewarm_domain::plugin::{PluginError, PluginErrorKind};
use forewarm_domain::series::{Series, SeriesKey};
use forewarm_domain::time::TimestampMs;
use futures::{StreamExt, stream};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tracing::{debug, warn};

/// How much detectors find: about what `forewarm anomalies` finds unless told otherwise.
const SENSITIVITY: f64 = 0.5;
/// A watch begins with so many steps of history, four days of minutes.
const HISTORY_STEPS: i64 = 5_760;
/// Few, so that plans find guests free.
const AT_A_TIME: usize = 2;
/// After a failure nobody is asked for so many steps: to begin anew costs more than to look on.
const STEPS_BETWEEN_TRIES: i64 = 60;

/// What is known of the loads of all personas.
#[derive(Default)]
pub(super) struct Watchman {
    watches: Mutex<HashMap<PersonaName, Watch>>,
    /// When to ask again, for those whose detector failed.
    failed: Mutex<HashMap<PersonaName, TimestampMs>>,
}

/// One persona's load, as its detector sees it.
#[derive(Clone)]
struct Watch {
    plugin: PluginName,
    series: SeriesKey,
    /// What the detector has learned.
    learned: Bytes,
    /// The end of the last step that was judged.
    seen_through: TimestampMs,
    episodes: Episodes,
}

impl Watchman {
    fn watches(&self) -> MutexGuard<'_, HashMap<PersonaName, Watch>> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the persona's detector failed so lately that it is not asked.
    fn rests(&self, persona: &PersonaName, now: TimestampMs) -> bool {
        self.failed().get(persona).is_some_and(|until| now < *until)
    }

    fn failed(&self) -> MutexGuard<'_, HashMap<PersonaName, TimestampMs>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest anomalies, the newest first.
    pub(super) fn anomalies(&self, persona: &PersonaName) -> Vec<Anomaly> {
        self.watches().get(persona).map(|watch| watch.episodes.newest_first()).unwrap_or_default()
    }

    /// Makes values of anomalous steps missing, as far as they are not a new normal.
    pub(super) fn mask(&self, persona: &PersonaName, history: &mut Series) {
        if let Some(watch) = self.watches().get(persona) {
            watch.episodes.mask(history);
        }
    }

    /// The watch, where it is one of this detector over this series.
    fn watch_of(&self, persona: &Persona, plugin: &PluginName) -> Option<Watch> {
        let fits = |watch: &&Watch| watch.plugin == *plugin && watch.series == persona.spec.demand.series;
        self.watches().get(&persona.spec.name).filter(fits).cloned()
    }
}

impl Core {
    /// Shows every persona's detector what was measured since it last looked. A detector that fails, or that no host
    /// carries, keeps the others from nothing.
    pub async fn watch(&self) {
        let now = self.clock.now();
        let one = |persona: Arc<Persona>| async move {
            if let Ok(through) = self.measured_through(&persona, now) {
                self.watch_one(&persona, through).await;
            }
        };
        stream::iter(self.catalog.list()).for_each_concurrent(AT_A_TIME, one).await;
    }

    async fn watch_one(&self, persona: &Persona, through: TimestampMs) {
        let name = &persona.spec.name;
        let Some(plugin) = &persona.spec.plugins.anomaly_detector else {
            self.watchman.watches().remove(name);
            return;
        };
        let watch = self.watchman.watch_of(persona, plugin);
        let up_to_date = watch.as_ref().is_some_and(|watch| watch.seen_through >= through);
        if up_to_date || self.watchman.rests(name, through) {
            return;
        }
        let known = watch.and_then(|watch| {
            let values = self.measured(persona, watch.seen_through, through)?;
            Some((watch, values))
        });
        let judged = match known {
            Some((watch, values)) => self.look_on(persona, watch, values).await,
            None => self.look_at_all(persona, plugin, through).await,
        };
        let Err(error) = judged else {
            self.watchman.failed().remove(name);
            return;
        };
        // What it had learned may be another version's: the next try begins anew.
        self.watchman.watches().remove(name);
        self.watchman.failed().insert(name.clone(), through + STEPS_BETWEEN_TRIES * self.settings.step_ms);
        if error.kind == PluginErrorKind::Unreachable {
            debug!(persona = %name, %error, "nobody watches for anomalies");
        } else {
            warn!(persona = %name, %error, "the load is not watched for anomalies for a while");
        }
    }

    /// Begins with the history. What happened before is kept and masked, but is no news.
    async fn look_at_all(
        &self,
        persona: &Persona,
        plugin: &PluginName,
        through: TimestampMs,
    ) -> Result<(), PluginError> {
        let key = &persona.spec.demand.series;
        let from = through - HISTORY_STEPS * self.settings.step_ms;
        let values = self.series.history(key, from, through).await.map_err(|error| PluginError {
            plugin: plugin.clone(),
            kind: PluginErrorKind::Other,
            message: format!("the history of {key} could not be read: {error}"),
        })?;
        let watch = Watch {
            plugin: plugin.clone(),
            series: key.clone(),
            learned: Bytes::new(),
            seen_through: values.start,
            episodes: Episodes::default(),
        };
        self.judge(persona, watch, None, values).await.map(drop)
    }

    async fn look_on(&self, persona: &Persona, watch: Watch, values: Vec<f64>) -> Result<(), PluginError> {
        let values = Series { start: watch.seen_through, step_ms: self.settings.step_ms, values };
        let learned = Some(watch.learned.clone());
        for anomaly in self.judge(persona, watch, learned, values).await? {
            self.tell_anomaly(persona, &anomaly).await;
        }
        Ok(())
    }

    /// Gives the anomalies that begin in these values.
    async fn judge(
        &self,
        persona: &Persona,
        mut watch: Watch,
        learned: Option<Bytes>,
        values: Series,
    ) -> Result<Vec<Anomaly>, PluginError> {
        let (start, step_ms, end, shown) = (values.start, values.step_ms, values.end(), values.values.clone());
        let plugin = watch.plugin.clone();
        let judged = self.ask(&JudgeCall { plugin, learned, values, sensitivity: SENSITIVITY }).await?;
        let steps = (0..).map(|index| start + step_ms * index);
        let found: Vec<Anomaly> = steps
            .zip(shown.into_iter().zip(&judged.verdicts))
            .filter_map(|(at, (value, verdict))| watch.episodes.put(at, step_ms, value, verdict))
            .collect();
        watch.learned = judged.learned;
        watch.seen_through = end;
        self.watchman.watches().insert(persona.spec.name.clone(), watch);
        Ok(found)
    }

    async fn tell_anomaly(&self, persona: &Persona, anomaly: &Anomaly) {
        let name = persona.spec.name.to_string();
        let usual = match (anomaly.expected_low, anomaly.expected_high) {
            (Some(low), Some(high)) => format!("{low:.3} to {high:.3} was usual"),
            _ => "little was known of what is usual".to_owned(),
        };
        let reason = format!("the load of {name} was {:.3} at {}, where {usual}", anomaly.value, anomaly.from);
        self.tell(EventTopic::Anomaly, name, reason, serde_json::to_value(anomaly).unwrap_or_default()).await;
    }
}
