//! What the operator sets: the runtime's size, and what one plugin is granted.

use crate::assets::Asset;
use crate::compile::Compiler;
use crate::http::{HttpGrant, Resolver, SystemResolver};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const MIB: u64 = 1 << 20;

/// How large the runtime is.
#[derive(Debug, Clone)]
pub struct RuntimeConfig {
    /// Compute calls that run at a time, each on a thread of its own; from 1.
    pub compute_threads: usize,
    /// Instances of compute plugins that live at a time, held models included; one more is refused. From 1.
    pub max_instances: u32,
    /// The largest component that is loaded, in bytes.
    pub max_component_bytes: usize,
    /// Where compiled components are kept; `None` compiles at every start. Its owner must be the host's user.
    pub cache_dir: Option<PathBuf>,
    /// Who compiles components. A host that loads what others wrote uses a child process.
    pub compiler: Compiler,
    /// What every plugin may use at most, unless its grant says otherwise.
    pub default_limits: Limits,
    /// How names are resolved for plugins that make requests.
    pub resolver: Arc<dyn Resolver>,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            compute_threads: std::thread::available_parallelism().map_or(2, usize::from),
            max_instances: 2_000,
            max_component_bytes: 32 << 20,
            cache_dir: None,
            compiler: Compiler::InProcess,
            default_limits: Limits::default(),
            resolver: Arc::new(SystemResolver),
        }
    }
}

/// What one instance or one call may use. Exceeding it ends the call; log lines beyond it are dropped and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// All linear memories of an instance together, in bytes.
    pub memory_bytes: u64,
    /// The time that a call may take.
    pub call: Duration,
    /// The log that a call may write, in bytes.
    pub log_bytes: u32,
    /// The functions of the host that a call may call.
    pub host_calls: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_bytes: 256 * MIB, call: Duration::from_secs(10), log_bytes: 64 << 10, host_calls: 10_000 }
    }
}

/// What a manifest asks for; what is absent is left to the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WantedLimits {
    /// Memory per instance in MiB.
    pub memory_mib: Option<u32>,
    /// Time per call in milliseconds.
    pub call_ms: Option<u32>,
    /// Log per call in KiB.
    pub log_kib: Option<u32>,
    /// Host calls per call.
    pub host_calls: Option<u32>,
}

impl Limits {
    /// What is granted: the lesser of what is `wanted` and what the operator allows.
    #[must_use]
    pub fn granted(self, wanted: WantedLimits) -> Self {
        fn least<T: Ord>(allowed: T, wanted: Option<T>) -> T {
            match wanted {
                Some(wanted) => allowed.min(wanted),
                None => allowed,
            }
        }
        let memory = wanted.memory_mib.map(|mib| u64::from(mib) * MIB);
        let call = wanted.call_ms.map(|ms| Duration::from_millis(ms.into()));
        let log = wanted.log_kib.map(|kib| kib.saturating_mul(1 << 10));
        Self {
            memory_bytes: least(self.memory_bytes, memory),
            call: least(self.call, call),
            log_bytes: least(self.log_bytes, log),
            host_calls: least(self.host_calls, wanted.host_calls),
        }
    }
}

/// Something of the host's that a plugin may be granted beyond what every plugin has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Files that its grant names; for every kind of plugin.
    Assets,
    /// Outgoing requests to the destinations of its grant; for drivers.
    Http,
    /// Small durable values of its own; for drivers.
    State,
}

impl Capability {
    /// Every capability that this host knows.
    pub const ALL: [Self; 3] = [Self::Assets, Self::Http, Self::State];

    /// The capability's name, as in manifests and grants.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Assets => "assets",
            Self::Http => "http",
            Self::State => "state",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What the operator allows one plugin.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The plugin's parameters: one JSON object that fits the manifest's schema.
    pub parameters: serde_json::Value,
    /// The capabilities that it may have, if its manifest asks for them.
    pub capabilities: BTreeSet<Capability>,
    /// The most that it may use; `None` stands for the runtime's default limits.
    pub limits: Option<Limits>,
    /// Where its requests may go, if it has the capability `http`.
    pub http: HttpGrant,
    /// The files that it may read, if it has the capability `assets`, by the names in its manifest.
    pub assets: BTreeMap<String, Asset>,
}

impl Default for Grant {
    fn default() -> Self {
        Self {
            parameters: serde_json::json!({}),
            capabilities: BTreeSet::new(),
            limits: None,
            http: HttpGrant::default(),
            assets: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lesser_of_wanted_and_allowed_is_granted() {
        let allowed = Limits { memory_bytes: 64 * MIB, host_calls: 100, ..Limits::default() };
        let wanted = WantedLimits { memory_mib: Some(128), host_calls: Some(7), ..WantedLimits::default() };
        let granted = allowed.granted(wanted);
        assert_eq!((granted.memory_bytes, granted.host_calls), (64 * MIB, 7));
        assert_eq!((granted.call, granted.log_bytes), (allowed.call, allowed.log_bytes));
    }
}
