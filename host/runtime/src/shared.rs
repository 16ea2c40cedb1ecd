//! What all instances of a loaded plugin share.

use crate::assets::Assets;
use crate::config::Limits;
use crate::host::StateAccess;
use crate::http;
use crate::manifest::Manifest;
use crate::metrics::Counters;
use crate::parameters::Schema;
use crate::runtime::Inner;
use forewarm_domain::plugin::{PluginError, PluginErrorKind};
use std::sync::Arc;

/// A loaded plugin without its code.
pub(crate) struct Shared {
    pub(crate) manifest: Manifest,
    /// BLAKE3 of the component, as hexadecimal digits.
    pub(crate) digest: String,
    pub(crate) limits: Limits,
    /// What the operator allows; the manifest may want less.
    pub(crate) allowed: Limits,
    pub(crate) schema: Schema,
    /// The granted parameters as JSON.
    pub(crate) parameters: Arc<str>,
    pub(crate) state: Option<StateAccess>,
    /// The way out, where it is granted.
    pub(crate) http: Option<Arc<http::Client>>,
    /// The files that it may read.
    pub(crate) assets: Assets,
    pub(crate) counters: Arc<Counters>,
    pub(crate) runtime: Arc<Inner>,
}

impl Shared {
    pub(crate) fn error(&self, kind: PluginErrorKind, message: impl Into<String>) -> PluginError {
        PluginError { plugin: self.manifest.name.clone(), kind, message: message.into() }
    }

    /// Counts an error and hands it on.
    pub(crate) fn counted(&self, error: PluginError) -> PluginError {
        self.counters.failed(error.kind);
        match error.kind {
            PluginErrorKind::Deadline => self.counters.overdue(),
            PluginErrorKind::Trap | PluginErrorKind::Memory | PluginErrorKind::HostBudget => self.counters.trapped(),
            PluginErrorKind::Saturated => self.counters.refused(),
            _ => {}
        }
        error
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("name", &self.manifest.name)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}
