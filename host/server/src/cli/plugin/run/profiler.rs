//! What can be asked of a profiler.

use super::{RunArgs, Verb, failed};
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::{number, show, table, text};
use crate::cli::plugin::file::json;
use crate::cli::profile;
use forewarm_domain::plugin::{Change, PersonaView, UsageOutcome, Workload};
use forewarm_runtime::Profiler;
use serde::Deserialize;

/// What the input should hold.
const WORKLOADS: &str = "a JSON list of workloads: [{\"resource\": \"web\", \"allocation\": null, \"usages\": [{\"metric\": \
                         \"cpu_cores\", \"history\": {\"start\": \"2026-03-01T12:00:00Z\", \"step_ms\": 60000, \"values\": \
                         [0.5]}}]}]";
const OUTCOMES: &str = "a JSON object {\"persona\": {...}, \"outcomes\": [{\"metric\": \"cpu_cores\", \"history\": {...}, \
                        \"out_of_memory\": 0}]}";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refinement {
    persona: PersonaView,
    outcomes: Vec<UsageOutcome>,
}

pub(super) async fn run(global: &Global, args: &RunArgs, profiler: &Profiler) -> Result<(), CliError> {
    match args.verb {
        Verb::Profile => {
            let workloads: Vec<Workload> = json(args.input(WORKLOADS)?, WORKLOADS)?;
            let drafts = profiler.profile(workloads).await.map_err(failed)?;
            profile::show_drafts(global.output, &drafts);
        }
        Verb::Refine => {
            let Refinement { persona, outcomes } = json(args.input(OUTCOMES)?, OUTCOMES)?;
            let changes = profiler.refine(persona, outcomes).await.map_err(failed)?;
            show(global.output, &changes, |changes| rows(changes));
        }
        _ => return Err(args.misfit("a profiler", "profile, refine")),
    }
    Ok(())
}

fn rows(changes: &[Change]) -> String {
    let mut rows = table(&["FIELD", "FROM", "TO", "REASON"]);
    for change in changes {
        rows.add_row([&change.field, &number(change.from), &number(change.to), &change.reason]);
    }
    text(&rows, "the persona fits: no change is proposed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_change_is_said() {
        assert_eq!(rows(&[]), "the persona fits: no change is proposed");
        let change = Change { field: "allocation.memory-mib".into(), from: 512.0, to: 640.0, reason: "peaks".into() };
        assert!(rows(&[change]).contains("640"));
    }
}
