//! One host against a replayed trace, with its API served meanwhile and a summary at the end.

use super::host::{Api, failed};
use crate::cli::output::{self, number, print, table};
use crate::cli::{CliError, Format};
use crate::config::Config;
use crate::replay::{PolicySummary, Progress, Replay, ReplayOptions, Summary};
use crate::rounds;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How often a plain line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

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
            let mut live = Live::new(format);
            let summary = replay.run(&stopping, |progress| live.tell(progress)).await;
            live.finish();
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

/// How the replay stands while it runs: a bar on a terminal, else a plain line now and then.
struct Live {
    bar: Option<ProgressBar>,
    lines: bool,
    next_line: Instant,
}

impl Live {
    fn new(format: Format) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            match ProgressStyle::with_template("{bar:24} {pos}/{len} min  {msg}") {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        Self { lines: bar.is_none() && format == Format::Text, bar, next_line: Instant::now() }
    }

    fn tell(&mut self, progress: &Progress) {
        if let Some(bar) = &self.bar {
            bar.set_length(progress.steps as u64);
            bar.set_position(progress.step as u64);
            bar.set_message(standing(progress));
        } else if self.lines && Instant::now() >= self.next_line {
            self.next_line = Instant::now() + LINE_EVERY;
            print(&format!("{}/{} min  {}\n", progress.step, progress.steps, standing(progress)));
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn standing(progress: &Progress) -> String {
    let Progress { at, demand, stock, wanted, cold_starts, cost, .. } = progress;
    format!(
        "{at}  demand {demand:>3}  warm {:>3}  booting {:>3}  waiting {:>3}  wanted {wanted:>3}  cold starts {cold_starts}  \
         cost {cost:.2}",
        stock.warm, stock.booting, stock.waiting,
    )
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
