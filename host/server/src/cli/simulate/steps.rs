//! Every step of every policy as CSV, so that anyone can recompute the figures.

use super::Simulated;
use crate::cli::error::CliError;
use forewarm_simulator::lane::Lane;
use forewarm_simulator::tiers::TieredStep;
use forewarm_simulator::world::World;
use std::fmt::Write;
use std::path::Path;

/// The columns of every policy, and those that one with cheaper tiers has beside them. Counts are at the end of a step;
/// `activating`, `idle` and `unserved` are instance-steps and may be parts of one.
const COLUMNS: &str = "timestamp,demand,wanted,ready,booting";
const TIER_COLUMNS: &str = ",starting,parking,parked,shells,activating,idle,unserved";

/// Writes `dir/SERIES/POLICY.csv`.
pub(super) fn write(dir: &Path, done: &[Simulated]) -> Result<(), CliError> {
    for Simulated { world, outcome, .. } in done {
        let folder = dir.join(&world.name);
        std::fs::create_dir_all(&folder).map_err(|error| CliError::file(&folder, "can't be made", error))?;
        for lane in &outcome.lanes {
            let file = folder.join(format!("{}.csv", lane.name));
            std::fs::write(&file, table(world, lane))
                .map_err(|error| CliError::file(&file, "can't be written", error))?;
        }
    }
    Ok(())
}

fn table(world: &World, lane: &Lane) -> String {
    let mut text = String::from(COLUMNS);
    text.push_str(if lane.tiered_steps.is_empty() { "" } else { TIER_COLUMNS });
    text.push('\n');
    for (index, step) in lane.steps.iter().enumerate() {
        let at = world.at(world.split + index);
        let _ = write!(text, "{at},{},{},{},{}", step.demand, step.wanted, step.ready, step.booting);
        if let Some(TieredStep { starting, parking, parked, shells, usage, .. }) = lane.tiered_steps.get(index) {
            let (activating, idle, unserved) = (usage.activating, usage.warm, usage.unserved);
            let _ = write!(text, ",{starting},{parking},{parked},{shells},{activating},{idle},{unserved}");
        }
        text.push('\n');
    }
    text
}
