//! Every step of every policy as CSV, so that anyone can recompute the figures.

use super::Simulated;
use crate::cli::error::CliError;
use std::path::Path;

/// Writes `dir/SERIES/POLICY.csv`.
pub(super) fn write(dir: &Path, done: &[Simulated]) -> Result<(), CliError> {
    for Simulated { world, outcome, .. } in done {
        let folder = dir.join(&world.name);
        std::fs::create_dir_all(&folder).map_err(|error| CliError::file(&folder, "can't be made", error))?;
        for lane in &outcome.lanes {
            let file = folder.join(format!("{}.csv", lane.name));
            let mut text = String::from("timestamp,demand,wanted,ready,booting\n");
            for (index, step) in lane.steps.iter().enumerate() {
                let at = world.at(world.split + index);
                text.push_str(&format!("{at},{},{},{},{}\n", step.demand, step.wanted, step.ready, step.booting));
            }
            std::fs::write(&file, text).map_err(|error| CliError::file(&file, "can't be written", error))?;
        }
    }
    Ok(())
}
