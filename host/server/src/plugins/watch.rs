//! Supervision of one version at work: its supervisor, and everyone who has to know what that decides.

use super::context::Context;
use super::supervisor::{Change, Pass, Quarantine, State, Supervisor};
use forewarm_bus::message::EventTopic;
use forewarm_domain::id::PluginName;
use forewarm_domain::plugin::{PluginError, PluginErrorKind};
use forewarm_domain::time::TimestampMs;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tracing::{info, warn};
use utoipa::ToSchema;

/// Whether calls to a plugin are let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Supervision {
    /// They are.
    Ready,
    /// They are held back for a moment after failures.
    BackingOff,
    /// They are held back until a probe succeeds or an operator releases the plugin.
    Quarantined,
    /// One call is under way that decides whether the quarantine ends.
    Probing,
}

impl Supervision {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::BackingOff => "backing_off",
            Self::Quarantined => "quarantined",
            Self::Probing => "probing",
        }
    }
}

/// How supervision stands, for people.
pub(super) struct Standing {
    pub(super) supervision: Supervision,
    pub(super) reason: Option<String>,
    pub(super) until: Option<TimestampMs>,
}

/// A quarantine as it is kept. It belongs to one component: another file under the same name starts afresh.
#[derive(Serialize, Deserialize)]
struct Kept {
    digest: String,
    since: TimestampMs,
    until: Option<TimestampMs>,
    reason: String,
}

/// See the module's description.
pub(super) struct Watch {
    name: PluginName,
    version: String,
    digest: String,
    context: Arc<Context>,
    supervisor: Mutex<Supervisor>,
}

impl Watch {
    /// Takes up what an earlier run of this host had decided.
    pub(super) async fn open(name: PluginName, version: String, digest: String, context: Arc<Context>) -> Self {
        let mut supervisor = Supervisor::new(context.rules, name.as_str());
        let kept: Option<Kept> = context.kept(&key(&name, &version)).await;
        if let Some(Kept { since, until, reason, .. }) = kept.filter(|kept| kept.digest == digest) {
            warn!(plugin = %name, version, reason, "the plugin is still quarantined");
            supervisor.resume(Quarantine { since, until, reason });
            context.metrics.plugin_supervised(&name, "quarantined", true);
        }
        Self { name, version, digest, context, supervisor: Mutex::new(supervisor) }
    }

    fn supervisor(&self) -> MutexGuard<'_, Supervisor> {
        self.supervisor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leave for one call.
    ///
    /// # Errors
    /// [`PluginErrorKind::Quarantined`] while calls are held back; the guest is not touched.
    pub(super) async fn admit(&self) -> Result<Pass, PluginError> {
        let (pass, change) = self.supervisor().admit(self.context.now());
        self.announce(change).await;
        pass.ok_or_else(|| self.held_back())
    }

    /// What became of a call.
    pub(super) async fn note(&self, pass: Pass, error: Option<&PluginError>) {
        let change = match error.filter(|error| error.kind.is_misbehaviour()) {
            None => self.supervisor().succeeded(pass),
            Some(error) => {
                let cause = format!("{}: {}", error.kind, error.message);
                self.supervisor().failed(pass, self.context.now(), &cause)
            }
        };
        self.announce(change).await;
    }

    /// Lets calls through again; false where they were already.
    pub(super) async fn release(&self) -> bool {
        let change = self.supervisor().release();
        self.announce(change).await;
        change.is_some()
    }

    pub(super) fn standing(&self) -> Standing {
        let standing =
            |supervision, reason: Option<&String>, until| Standing { supervision, reason: reason.cloned(), until };
        match self.supervisor().state() {
            State::Ready => standing(Supervision::Ready, None, None),
            State::BackingOff { until, reason } => standing(Supervision::BackingOff, Some(reason), Some(*until)),
            State::Quarantined(one) => standing(Supervision::Quarantined, Some(&one.reason), one.until),
            State::Probing { quarantine, .. } => standing(Supervision::Probing, Some(&quarantine.reason), None),
        }
    }

    /// Why calls are held back, if they are for longer than a moment.
    pub(super) fn quarantine(&self) -> Option<String> {
        match self.supervisor().state() {
            State::Quarantined(quarantine) => Some(quarantine.reason.clone()),
            _ => None,
        }
    }

    fn held_back(&self) -> PluginError {
        let Standing { supervision, reason, until } = self.standing();
        let why = reason.unwrap_or_else(|| "it was restarted".to_owned());
        let until = until.map_or_else(String::new, |until| format!(" until {until}"));
        let message = match supervision {
            Supervision::Quarantined | Supervision::Probing => {
                format!(
                    "quarantined{until} after {why}; `forewarm plugin release {}` lets it through at once",
                    self.name
                )
            }
            _ => format!("held back{until} after {why}"),
        };
        PluginError { plugin: self.name.clone(), kind: PluginErrorKind::Quarantined, message }
    }

    /// Tells log, metrics, events and store.
    async fn announce(&self, change: Option<Change>) {
        let Some(change) = change else { return };
        let Standing { supervision, reason, until } = self.standing();
        let (plugin, version) = (&self.name, &self.version);
        let reason = match change {
            Change::BackedOff | Change::Quarantined => reason.unwrap_or_default(),
            Change::Probing => "one call is let through to see whether the plugin works again".to_owned(),
            Change::Recovered => "the call that was let through to see was answered".to_owned(),
            Change::Released => "an operator released the plugin".to_owned(),
        };
        match change {
            Change::BackedOff | Change::Quarantined => {
                warn!(%plugin, version, state = supervision.as_str(), ?until, reason, "calls are held back");
            }
            _ => info!(%plugin, version, state = supervision.as_str(), reason, "calls are let through"),
        }
        let quarantined = self.kept();
        self.context.metrics.plugin_supervised(plugin, supervision.as_str(), quarantined.is_some());
        if change != Change::BackedOff {
            self.context.keep(key(plugin, version), quarantined.as_ref()).await;
        }
        let data = serde_json::json!({ "version": version, "state": supervision, "until": until });
        self.context.tell(EventTopic::PluginSupervised, plugin, &reason, data).await;
    }

    /// The quarantine as it is kept; a probe that is under way does not end it yet.
    fn kept(&self) -> Option<Kept> {
        let quarantine = match self.supervisor().state() {
            State::Quarantined(quarantine) | State::Probing { quarantine, .. } => quarantine.clone(),
            _ => return None,
        };
        let Quarantine { since, until, reason } = quarantine;
        Some(Kept { digest: self.digest.clone(), since, until, reason })
    }
}

fn key(name: &PluginName, version: &str) -> String {
    format!("plugin.quarantine.{name}@{version}")
}
