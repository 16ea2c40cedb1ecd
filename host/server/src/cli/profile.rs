//! `forewarm profile`: personas drafted from what was measured of workloads.

use super::error::CliError;
use super::output::{number, show, table, text};
use super::{Format, Global};
use clap::Args;
use forewarm_domain::plugin::PersonaDraft;
use forewarm_domain::time::TimestampMs;
use std::fmt::Write;

#[derive(Debug, Args)]
pub(super) struct ProfileArgs {
    /// The workloads to profile
    #[arg(required = true, value_name = "RESOURCE")]
    resources: Vec<String>,
    /// Look at what was measured from then on; 14 days unless given
    #[arg(long, value_name = "INSTANT")]
    since: Option<TimestampMs>,
    /// The plugin that drafts
    #[arg(long, value_name = "PLUGIN")]
    profiler: Option<String>,
}

pub(super) async fn run(global: &Global, args: ProfileArgs) -> Result<(), CliError> {
    let mut body = serde_json::Map::new();
    body.insert("resources".into(), args.resources.into());
    body.extend(args.since.map(|since| ("since".to_owned(), since.to_string().into())));
    body.extend(args.profiler.map(|profiler| ("profiler".to_owned(), profiler.into())));
    let drafts: Vec<PersonaDraft> = global.client()?.post("/v1/profiles", &body).await?;
    show_drafts(global.output, &drafts);
    Ok(())
}

pub(super) fn show_drafts(format: Format, drafts: &[PersonaDraft]) {
    let page = |drafts: &[PersonaDraft]| drafts.iter().map(describe).collect::<Vec<_>>().join("\n");
    show(
        format,
        &drafts,
        |drafts| if drafts.is_empty() { "no workload has enough data".to_owned() } else { page(drafts) },
    );
}

fn describe(draft: &PersonaDraft) -> String {
    let allocation = draft.allocation;
    let mut page = format!(
        "{}: {:?}, {:.0}% sure\n  {} millicores, {} MiB of memory, {} GiB of storage, {} Mbit/s\n",
        draft.resource,
        draft.class,
        draft.confidence * 100.0,
        allocation.cpu_millis,
        allocation.memory_mib,
        allocation.storage_gib,
        allocation.network_mbps,
    );
    if let Some(capacity) = draft.capacity_per_instance {
        let _ = writeln!(page, "  one instance serves a load of {}", number(capacity));
    }
    let mut rows = table(&["EVIDENCE", "VALUE", "UNIT", "CONCLUSION"]);
    for evidence in &draft.evidence {
        rows.add_row([&evidence.what, &number(evidence.value), &evidence.unit, &evidence.conclusion]);
    }
    page.push_str(&text(&rows, "  no evidence was given"));
    page.push('\n');
    page
}
