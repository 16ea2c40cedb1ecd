//! Reads personas off usage by stated rules. The way through: [`usage`] condenses a metric's history (with a decaying
//! [`histogram`]), [`class`] says what is short first, [`capacity`] what an instance serves, [`settings`] what suits it;
//! [`profile`] drafts, [`refine`] corrects.

pub mod capacity;
pub mod class;
pub mod histogram;
pub mod parameters;
pub mod profile;
pub mod refine;
pub mod settings;
pub mod usage;

use forewarm_sdk::prelude::*;
use parameters::Parameters;

/// The plugin.
pub struct Rules;

#[profiler(
    summary = "Reads class, allocation and settings off usage, by stated rules",
    parameters = "parameters.schema.json",
    memory_mib = 64
)]
impl Profiler for Rules {
    fn profile(workloads: Vec<Workload>) -> Result<Vec<PersonaDraft>, Error> {
        let parameters: Parameters = host::config()?;
        Ok(workloads.into_iter().filter_map(|workload| profile::profile(&parameters, workload)).collect())
    }

    fn refine(persona: Persona, outcomes: Vec<Outcome>) -> Result<Vec<Change>, Error> {
        Ok(refine::refine(&host::config()?, &persona, &outcomes))
    }
}
