//! Calls to profilers.

use super::Call;
use async_trait::async_trait;
use forewarm_domain::id::PluginName;
use forewarm_domain::plugin::{Change, PersonaDraft, PersonaView, PluginError, PluginKind, UsageOutcome, Workload};
use serde::{Deserialize, Serialize};

/// Asks for one draft of a persona per workload that has enough data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfileCall {
    /// Which profiler.
    pub plugin: PluginName,
    /// What was measured.
    pub workloads: Vec<Workload>,
}

/// Asks for changes to a persona from what happened; none where it fits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RefineCall {
    /// Which profiler.
    pub plugin: PluginName,
    /// The persona as it is.
    pub persona: PersonaView,
    /// What happened to its instances.
    pub outcomes: Vec<UsageOutcome>,
}

/// Any call to a profiler, as it arrives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfilerCall {
    /// See [`ProfileCall`].
    Profile(ProfileCall),
    /// See [`RefineCall`].
    Refine(RefineCall),
}

impl Call for ProfileCall {
    type Answer = Vec<PersonaDraft>;
    const KIND: PluginKind = PluginKind::Profiler;
    const OPERATION: &'static str = "profile";
    fn plugin(&self) -> &PluginName {
        &self.plugin
    }
}

impl Call for RefineCall {
    type Answer = Vec<Change>;
    const KIND: PluginKind = PluginKind::Profiler;
    const OPERATION: &'static str = "refine";
    fn plugin(&self) -> &PluginName {
        &self.plugin
    }
}

/// Answers calls to one profiler.
#[async_trait]
pub trait ServeProfiler: Send + Sync + 'static {
    /// Drafts personas.
    async fn profile(&self, call: ProfileCall) -> Result<Vec<PersonaDraft>, PluginError>;
    /// Proposes changes to a persona.
    async fn refine(&self, call: RefineCall) -> Result<Vec<Change>, PluginError>;
}
