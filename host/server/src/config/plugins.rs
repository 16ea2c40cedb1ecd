//! The plugins: where they are, how much room they have together, and what each of them may do.

use super::{Faults, PluginHttp};
use forewarm_domain::id::PluginName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use utoipa::ToSchema;

/// The plugins and what they may do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginsConfig {
    /// The directory whose `.wasm` files are loaded. Default: what the environment variable `FOREWARM_PLUGINS` names, or
    /// `plugins` beside the executable.
    #[schema(value_type = String)]
    pub dir: PathBuf,
    /// Calls of forecasters and profilers that run at a time; 0 stands for one per processor.
    pub compute_threads: u32,
    /// Plugin instances that live at a time, held models included.
    pub max_instances: u32,
    /// The largest component that is loaded, in MiB.
    pub max_component_mib: u32,
    /// The most that a plugin may use, unless it has limits of its own.
    pub limits: PluginLimits,
    /// What is set for single plugins, by name: `[plugins.settings.NAME]`. Only in the file.
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, PluginSettings>)]
    pub settings: BTreeMap<PluginName, PluginSettings>,
}

/// What is set for one plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PluginSettings {
    /// Whether it is loaded.
    pub enabled: bool,
    /// The plugin's parameters, checked against its manifest's schema.
    #[schema(value_type = Object)]
    pub parameters: serde_json::Map<String, serde_json::Value>,
    /// What it may have beyond what every plugin has, if its manifest asks for it. Known: `http`, `state`. Absent: what its
    /// manifest asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<String>>,
    /// The most that it may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<PluginLimits>,
    /// What its requests may reach, if it has the capability `http`.
    pub http: PluginHttp,
}

/// What one plugin may use at most; its manifest may ask for less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PluginLimits {
    /// Memory of one instance in MiB.
    pub memory_mib: u32,
    /// How long a call may take, in milliseconds.
    pub call_ms: u32,
    /// Log that a call may write, in KiB.
    pub log_kib: u32,
    /// Host functions that a call may call.
    pub host_calls: u32,
}

impl Default for PluginLimits {
    fn default() -> Self {
        Self { memory_mib: 256, call_ms: 10_000, log_kib: 64, host_calls: 10_000 }
    }
}

impl Default for PluginSettings {
    fn default() -> Self {
        Self { enabled: true, parameters: serde_json::Map::new(), capabilities: None, limits: None, http: PluginHttp::default() }
    }
}

impl PluginsConfig {
    /// The defaults, for plugins that are found in `dir`.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            compute_threads: 0,
            max_instances: 2_000,
            max_component_mib: 32,
            limits: PluginLimits::default(),
            settings: BTreeMap::new(),
        }
    }

    /// What is set for `plugin`: its own settings, or the defaults.
    #[must_use]
    pub fn settings_of(&self, plugin: &PluginName) -> PluginSettings {
        self.settings.get(plugin).cloned().unwrap_or_default()
    }

    pub(super) fn check(&self, faults: &mut Faults) {
        faults.range("plugins.compute_threads", self.compute_threads, 0..=1_024, "threads");
        faults.range("plugins.max_instances", self.max_instances, 1..=100_000, "instances");
        faults.range("plugins.max_component_mib", self.max_component_mib, 1..=512, "MiB");
        self.limits.check("plugins.limits", faults);
        for (name, settings) in &self.settings {
            let key = format!("plugins.settings.{name}");
            for capability in settings.capabilities.iter().flatten() {
                if !forewarm_runtime::Capability::ALL.iter().any(|known| known.as_str() == capability) {
                    let known = forewarm_runtime::Capability::ALL.map(forewarm_runtime::Capability::as_str);
                    let help = format!("the capabilities are: {}", known.join(", "));
                    faults.push(&format!("{key}.capabilities"), format!("names `{capability}`"), help);
                }
            }
            if let Some(limits) = &settings.limits {
                limits.check(&format!("{key}.limits"), faults);
            }
            settings.http.check(&format!("{key}.http"), faults);
        }
    }
}

impl PluginLimits {
    fn check(&self, key: &str, faults: &mut Faults) {
        faults.range(&format!("{key}.memory_mib"), self.memory_mib, 1..=4_096, "MiB");
        faults.range(&format!("{key}.call_ms"), self.call_ms, 1..=3_600_000, "milliseconds");
        faults.range(&format!("{key}.log_kib"), self.log_kib, 0..=65_536, "KiB");
        faults.range(&format!("{key}.host_calls"), self.host_calls, 0..=100_000_000, "calls");
    }
}
