//! The plugins: where they are, how much room they have together, and what each of them may do.

use super::{Faults, PluginHttp, PluginSupervision};
use forewarm_domain::id::PluginName;
use forewarm_packages::{PublicKey, SignatureError, TrustPolicy};
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
    /// Where `forewarm plugin install` puts plugins; what is there is loaded beside what is in `dir`. Default: `plugins`
    /// in the data directory.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed_dir: Option<PathBuf>,
    /// Whose signatures count: public keys as `forewarm plugin keygen` prints them, such as `["RWQ..."]`.
    #[schema(value_type = Vec<String>)]
    pub trusted_keys: Vec<TrustedKey>,
    /// Whether plugins are loaded that no trusted key has signed, that no `SHA256SUMS` of their folder lists and that
    /// were not installed with `--allow-unsigned`.
    pub allow_unsigned: bool,
    /// Calls of forecasters and profilers that run at a time; 0 stands for one per processor.
    pub compute_threads: u32,
    /// Plugin instances that live at a time, held models included.
    pub max_instances: u32,
    /// The largest component that is loaded, in MiB.
    pub max_component_mib: u32,
    /// What the saved models of one forecaster may take in memory, in MiB: they rebuild models that were lost or had to
    /// give way.
    pub saved_models_mib: u32,
    /// When a plugin that fails is held back.
    pub supervision: PluginSupervision,
    /// What the compilation of one component may use. It is done by a process of its own.
    #[serde(default)]
    pub compile: CompileConfig,
    /// The most that a plugin may use, unless it has limits of its own.
    pub limits: PluginLimits,
    /// What is set for single plugins, by name: `[plugins.settings.NAME]`. Only in the file.
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, PluginSettings>)]
    pub settings: BTreeMap<PluginName, PluginSettings>,
}

/// What the compilation of one component may use; a component that needs more is not loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CompileConfig {
    /// Processor time in seconds, all threads together.
    pub cpu_s: u32,
    /// Memory in MiB; it counts address space, the program's own included.
    pub memory_mib: u32,
    /// From start to end, in seconds.
    pub elapsed_s: u32,
}

impl Default for CompileConfig {
    fn default() -> Self {
        Self { cpu_s: 60, memory_mib: 2_048, elapsed_s: 120 }
    }
}

/// One key of `plugins.trusted_keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TrustedKey(PublicKey);

impl TryFrom<String> for TrustedKey {
    type Error = SignatureError;
    fn try_from(text: String) -> Result<Self, SignatureError> {
        text.parse().map(Self)
    }
}

impl From<TrustedKey> for String {
    fn from(key: TrustedKey) -> Self {
        key.0.to_string()
    }
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
    /// What it may have beyond what every plugin has, if its manifest asks for it. Known: `assets`, `http`, `state`. Absent:
    /// what its manifest asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<String>>,
    /// The most that it may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<PluginLimits>,
    /// What its requests may reach, if it has the capability `http`.
    pub http: PluginHttp,
    /// The files that it may read, if it has the capability `assets`, by the names in its manifest: `weights =
    /// "weights.safetensors"`. They are read when the plugin is loaded, at most 64 MiB each.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub assets: BTreeMap<String, PathBuf>,
    /// The most instances that a driver may have at a time, for all the personas that it serves. Absent: as many as it says
    /// that it can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<u32>,
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
        Self {
            enabled: true,
            parameters: serde_json::Map::new(),
            capabilities: None,
            limits: None,
            http: PluginHttp::default(),
            assets: BTreeMap::new(),
            quota: None,
        }
    }
}

impl PluginsConfig {
    /// The defaults, for plugins that are found in `dir`.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            installed_dir: None,
            trusted_keys: Vec::new(),
            allow_unsigned: false,
            compute_threads: 0,
            max_instances: 2_000,
            max_component_mib: 32,
            saved_models_mib: 256,
            supervision: PluginSupervision::default(),
            compile: CompileConfig::default(),
            limits: PluginLimits::default(),
            settings: BTreeMap::new(),
        }
    }

    /// What is set for `plugin`: its own settings, or the defaults.
    #[must_use]
    pub fn settings_of(&self, plugin: &PluginName) -> PluginSettings {
        self.settings.get(plugin).cloned().unwrap_or_default()
    }

    /// How many instances each driver may have at a time, where that is set.
    #[must_use]
    pub fn quotas(&self) -> BTreeMap<PluginName, u32> {
        let set = self.settings.iter().filter_map(|(name, settings)| Some((name.clone(), settings.quota?)));
        set.collect()
    }

    /// Which plugins may be loaded.
    #[must_use]
    pub fn trust(&self) -> TrustPolicy {
        let keys = self.trusted_keys.iter().map(|key| key.0.clone()).collect();
        TrustPolicy { keys, allow_unsigned: self.allow_unsigned }
    }

    pub(super) fn check(&self, faults: &mut Faults) {
        faults.range("plugins.compute_threads", self.compute_threads, 0..=1_024, "threads");
        faults.range("plugins.max_instances", self.max_instances, 1..=100_000, "instances");
        faults.range("plugins.max_component_mib", self.max_component_mib, 1..=512, "MiB");
        faults.range("plugins.saved_models_mib", self.saved_models_mib, 0..=1_048_576, "MiB");
        self.supervision.check("plugins.supervision", faults);
        self.compile.check("plugins.compile", faults);
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
            if let Some(quota) = settings.quota {
                faults.range(&format!("{key}.quota"), quota, 0..=1_000_000, "instances");
            }
            for (asset, file) in settings.assets.iter().filter(|(_, file)| !file.is_file()) {
                let problem = format!("names {}, which is no file", file.display());
                faults.push(&format!("{key}.assets.{asset}"), problem, "name a file that the host's user can read");
            }
        }
    }
}

impl CompileConfig {
    fn check(&self, key: &str, faults: &mut Faults) {
        faults.range(&format!("{key}.cpu_s"), self.cpu_s, 1..=3_600, "seconds");
        faults.range(&format!("{key}.memory_mib"), self.memory_mib, 256..=1_048_576, "MiB");
        faults.range(&format!("{key}.elapsed_s"), self.elapsed_s, 1..=7_200, "seconds");
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
