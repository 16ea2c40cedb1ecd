//! One host against a replayed trace, with its API served meanwhile and a summary at the end.

use super::host::{Api, failed};
use crate::cli::output::{self, number, print, table};
use crate::cli::{CliError, Format};
use crate::config::Config;
use crate::replay::{PolicySummary, Progress, Replay, ReplayOptions, Summary};
use crate::rounds;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use tokio_util::sync::CancellationToken;

/// Replays until the trace ends, the time is over, or the process is told to stop.
pub(super) async fn run(config: Config, options: ReplayOptions, format: Format) -> Result<(), CliError> {
    let told = rounds::told_to_stop().map_err(failed)?;
    let mut replay = Replay::open(config.clone(), options).await.map_err(failed)?;
    let stopping = CancellationToken::new();
    let api = Api::open(&replay.app, &config, stopping.clone()).await?;
    if format == Format::Text {
        print(&api.greeting(&replay.app));
        let how = if replay.is_resumed() { "goes on where it was interrupted" } else { "begins" };
        print(&format!("the replay {how}\n"));
    }
    let (summary, served) = {
        let replaying = async {
            let bar = bar();
            let summary = replay.run(&stopping, |progress| tell(&bar, progress)).await;
            bar.finish_and_clear();
            stopping.cancel();
            summary.map_err(failed)
        };
        let stop_when_told = async {
            tokio::select! { () = told => stopping.cancel(), () = stopping.cancelled() => {} }
        };
        let (summary, served, ()) = tokio::join!(replaying, api.serve(), stop_when_told);
        (summary, served)
    };
    replay.close().await;
    served?;
    output::show(format, &summary?, describe);
    Ok(())
}

/// A bar over the trace, on a terminal only.
fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    match ProgressStyle::with_template("{bar:30} {pos}/{len} min  {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn tell(bar: &ProgressBar, progress: &Progress) {
    bar.set_length(progress.steps as u64);
    bar.set_position(progress.step as u64);
    let Progress { at, demand, stock, wanted, cold_starts, .. } = progress;
    let ready = stock.active + stock.warm;
    bar.set_message(format!("{at}  demand {demand}, ready {ready}, wanted {wanted}, cold starts {cold_starts}"));
}

fn describe(summary: &Summary) -> String {
    let Summary { trace, from, steps, took, forewarm, reactive } = summary;
    let head = format!("{trace}: {steps} minutes from {from}, replayed in {:.1} s\n\n", took.as_secs_f64());
    let mut rows = table(&["", "FOREWARM", "REACTIVE RULE"]);
    let mut row = |name: &str, value: fn(&PolicySummary) -> String| {
        rows.add_row([name.to_owned(), value(forewarm), value(reactive)]);
    };
    row("claims", |policy| policy.claims.to_string());
    row("served warm", |policy| format!("{:.2} %", policy.warm_share * 100.0));
    row("wait p95", |policy| format!("{} s", number(policy.wait_p95_s)));
    row("wait p99", |policy| format!("{} s", number(policy.wait_p99_s)));
    row("idle hours", |policy| format!("{:.1}", policy.idle_hours));
    row("booting hours", |policy| format!("{:.1}", policy.booting_hours));
    row("waiting hours", |policy| format!("{:.1}", policy.unserved_hours));
    row("launches", |policy| policy.launches.to_string());
    row("cost", |policy| format!("{:.2}", policy.cost));
    row("cost over perfect foresight", |policy| output::or_dash(policy.cost_ratio.map(|ratio| format!("{ratio:.2}"))));
    row("load inside the 90% interval", |policy| {
        output::or_dash(policy.coverage.map(|share| format!("{:.1} %", share * 100.0)))
    });
    format!("{head}{}", output::text(&rows, ""))
}
