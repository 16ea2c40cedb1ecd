//! Profilers.

use crate::bindings::profiler::ProfilerPluginPre;
use crate::convert;
use crate::failure::Failure;
use crate::guest::Guest;
use crate::shared::Shared;
use forewarm_domain::plugin::{Change, PersonaDraft, PersonaView, PluginError, UsageOutcome, Workload};
use std::sync::Arc;

/// A loaded profiler.
#[derive(Clone)]
pub struct Profiler {
    pub(crate) shared: Arc<Shared>,
    pub(crate) pre: ProfilerPluginPre<Guest>,
}

impl std::fmt::Debug for Profiler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.shared.fmt(f)
    }
}

impl Profiler {
    /// Makes a first instance, to see that it comes up.
    pub(crate) async fn probe(shared: Arc<Shared>, pre: ProfilerPluginPre<Guest>) -> Result<Self, PluginError> {
        shared.call(&pre, 0, |_| Ok(())).await?;
        Ok(Self { shared, pre })
    }

    /// Drafts one persona per workload that has enough data; the others are left out.
    ///
    /// # Errors
    /// [`InvalidInput`](forewarm_domain::plugin::PluginErrorKind::InvalidInput) when a series breaks the contract,
    /// [`InvalidAnswer`](forewarm_domain::plugin::PluginErrorKind::InvalidAnswer) when a draft does, the plugin's own,
    /// or the sandbox's.
    pub async fn profile(&self, workloads: Vec<Workload>) -> Result<Vec<PersonaDraft>, PluginError> {
        let asked: Vec<_> = workloads.iter().map(|workload| workload.resource.clone()).collect();
        let values =
            workloads.iter().flat_map(|workload| &workload.usages).map(|usage| usage.history.values.len()).sum();
        let workloads: Vec<_> = self.input(workloads, convert::workload)?;
        self.shared
            .call(&self.pre, values, move |held| {
                let interface = held.bindings.forewarm_plugin_profiler();
                let drafts = interface.call_profile(&mut held.store, &workloads)??;
                drafts.into_iter().map(|draft| convert::draft_from(draft, &asked)).collect()
            })
            .await
    }

    /// Proposes changes to a persona from what happened to its instances; empty where it fits.
    ///
    /// # Errors
    /// As [`Self::profile`].
    pub async fn refine(&self, persona: PersonaView, outcomes: Vec<UsageOutcome>) -> Result<Vec<Change>, PluginError> {
        let persona = convert::persona(persona);
        let values = outcomes.iter().map(|outcome| outcome.history.values.len()).sum();
        let outcomes: Vec<_> = self.input(outcomes, convert::outcome)?;
        self.shared
            .call(&self.pre, values, move |held| {
                let interface = held.bindings.forewarm_plugin_profiler();
                let changes = interface.call_refine(&mut held.store, &persona, &outcomes)??;
                changes.iter().map(convert::change_from).collect()
            })
            .await
    }

    pub(crate) fn input<A, B>(&self, of: Vec<A>, convert: fn(A) -> Result<B, Failure>) -> Result<Vec<B>, PluginError> {
        let converted: Result<_, Failure> = of.into_iter().map(convert).collect();
        converted.map_err(|failure| failure.into_error(&self.shared.manifest.name, ""))
    }
}
