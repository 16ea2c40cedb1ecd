//! A profiler on the bus.

use async_trait::async_trait;
use forewarm_bus::message::{ProfileCall, RefineCall, ServeProfiler};
use forewarm_domain::plugin::{Change, PersonaDraft, PluginError};
use forewarm_runtime::Profiler;

pub(super) struct Served(Profiler);

impl Served {
    pub(super) fn new(profiler: Profiler) -> Self {
        Self(profiler)
    }
}

#[async_trait]
impl ServeProfiler for Served {
    async fn profile(&self, call: ProfileCall) -> Result<Vec<PersonaDraft>, PluginError> {
        self.0.profile(call.workloads).await
    }

    async fn refine(&self, call: RefineCall) -> Result<Vec<Change>, PluginError> {
        self.0.refine(call.persona, call.outcomes).await
    }
}
