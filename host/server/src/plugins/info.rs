//! One file of the plugin folder, as the API shows it.

use super::outgoing::OutgoingInfo;
use super::usage::PluginUsage;
use super::version::{Answers, Version};
use super::watch::{Standing, Supervision};
use forewarm_domain::id::PluginName;
use forewarm_domain::plugin::PluginKind;
use forewarm_domain::time::TimestampMs;
use forewarm_runtime::Asset;
use serde::Serialize;
use std::path::Path;
use utoipa::ToSchema;

/// One plugin in one version, as the API shows it.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct PluginInfo {
    /// The name of its file.
    pub file: String,
    /// Its name; absent where it could not be loaded.
    #[schema(value_type = Option<String>)]
    pub name: Option<PluginName>,
    /// Its version.
    pub version: Option<String>,
    /// Whether this version answers the plugin's calls.
    pub active: bool,
    /// Its kind.
    pub kind: Option<PluginKind>,
    /// What it is for, in a sentence.
    pub summary: Option<String>,
    /// The BLAKE3 digest of the component, in hexadecimal.
    pub digest: Option<String>,
    /// The memory it is granted, in bytes.
    pub memory_limit_bytes: Option<u64>,
    /// How long a call may take, in milliseconds.
    pub call_limit_ms: Option<u64>,
    /// Calls that it answered or failed.
    pub calls: u64,
    /// Calls that trapped.
    pub traps: u64,
    /// Calls that were ended at their deadline.
    pub deadlines: u64,
    /// The most memory that one instance has used, in bytes.
    pub peak_memory_bytes: u64,
    /// Whether calls are let through.
    pub supervision: Option<Supervision>,
    /// Why they are not, where they are not.
    pub supervision_reason: Option<String>,
    /// Until when they are not, if that is known.
    pub supervision_until: Option<TimestampMs>,
    /// Models that it holds in an instance, those in use left out.
    pub models: u64,
    /// Models that were rebuilt from what they had saved.
    pub models_rebuilt: u64,
    /// What it may use, and what it has used; absent where it could not be loaded.
    pub usage: Option<PluginUsage>,
    /// Its requests, where it has the capability `http`.
    pub http: Option<OutgoingInfo>,
    /// The files that it may read, where it has the capability `assets`.
    pub assets: Vec<AssetInfo>,
    /// Why it was not loaded.
    pub error: Option<String>,
}

/// A file that a plugin may read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AssetInfo {
    /// The plugin's name of it.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// SHA-256 of its content, in hexadecimal.
    pub digest: String,
}

impl AssetInfo {
    fn of((name, asset): (&String, &Asset)) -> Self {
        Self { name: name.clone(), size: asset.size() as u64, digest: asset.digest().to_owned() }
    }
}

/// The name of a file, without its folder.
fn file_name(file: &Path) -> String {
    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

impl PluginInfo {
    /// A file that could not be loaded.
    pub(super) fn unloaded(file: &Path, why: &str) -> Self {
        Self { file: file_name(file), error: Some(why.to_owned()), ..Self::default() }
    }

    pub(super) fn of(version: &Version, active: bool) -> Self {
        let plugin = &version.plugin;
        let (manifest, metrics, limits) = (plugin.manifest(), plugin.metrics(), plugin.limits());
        let Standing { supervision, reason, until } = version.watch.standing();
        let (models, models_rebuilt) = match &version.answers {
            Answers::Forecaster(models) => (models.live() as u64, models.rebuilt()),
            _ => (0, 0),
        };
        Self {
            file: file_name(&version.file),
            name: Some(manifest.name.clone()),
            version: Some(manifest.version.clone()),
            active,
            kind: Some(manifest.kind),
            summary: Some(manifest.summary.clone()),
            digest: Some(plugin.digest().to_owned()),
            memory_limit_bytes: Some(limits.memory_bytes),
            call_limit_ms: Some(u64::try_from(limits.call.as_millis()).unwrap_or(u64::MAX)),
            calls: metrics.calls,
            traps: metrics.traps,
            deadlines: metrics.deadlines,
            peak_memory_bytes: metrics.peak_memory_bytes,
            supervision: Some(supervision),
            supervision_reason: reason,
            supervision_until: until,
            models,
            models_rebuilt,
            usage: Some(PluginUsage::of(plugin)),
            http: OutgoingInfo::of(plugin),
            assets: plugin.assets().iter().map(AssetInfo::of).collect(),
            error: None,
        }
    }
}
