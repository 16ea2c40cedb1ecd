//! The trait of profilers, and the glue between it and the component's exports.

use crate::bindings::profiler::exports::forewarm::plugin::profiler as wit;
use crate::words::{Change, Outcome, PersonaDraft, Workload};
use crate::{Error, Persona, Plugin};
use std::marker::PhantomData;

/// Reads personas off usage. The glue has checked all series against the contract.
pub trait Profiler: Plugin + 'static {
    /// Drafts one persona per workload that has enough data; the others are left out.
    ///
    /// # Errors
    /// Any of the contract's.
    fn profile(workloads: Vec<Workload>) -> Result<Vec<PersonaDraft>, Error>;

    /// Proposes changes to a persona from what happened: none, unless overridden.
    ///
    /// # Errors
    /// Any of the contract's.
    fn refine(persona: Persona, outcomes: Vec<Outcome>) -> Result<Vec<Change>, Error> {
        drop((persona, outcomes));
        Ok(Vec::new())
    }
}

/// Exports a [`Profiler`]; used by the attribute.
#[doc(hidden)]
pub struct ProfilerPlugin<T>(PhantomData<T>);

impl<T: Profiler> wit::Guest for ProfilerPlugin<T> {
    fn profile(workloads: Vec<Workload>) -> Result<Vec<PersonaDraft>, Error> {
        workloads.iter().flat_map(|workload| &workload.usages).try_for_each(|usage| usage.history.check())?;
        T::profile(workloads)
    }

    fn refine(persona: Persona, outcomes: Vec<Outcome>) -> Result<Vec<Change>, Error> {
        outcomes.iter().try_for_each(|outcome| outcome.history.check())?;
        T::refine(persona, outcomes)
    }
}
