//! `forewarm export`: what the host measured, as a CSV file of the form that `train`, `backtest` and `anomalies` read.

use super::Global;
use super::client::{Client, segment};
use super::duration::duration;
use super::error::CliError;
use super::files::{NewFile, WrittenSeries};
use super::output::show;
use clap::Args;
use csv::Writer;
use forewarm_domain::series::{Metric, Series, SeriesKey};
use forewarm_domain::time::TimestampMs;
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Series of one request.
const PAGE: usize = 1_000;
/// The most steps of one answer, and how many are asked for at a time.
const STEPS_MAX: i64 = 100_000;
const STEPS: i64 = 50_000;

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Where it goes, with the header `series_id,timestamp,value`
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Means over steps of this length, a multiple of the host's, such as `5m`: the forecasters of whole days go by hours
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "1h")]
    step: Duration,
    /// Only resources whose names begin so
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// Only this metric
    #[arg(long)]
    metric: Option<Metric>,
    /// From the step of this instant on, such as `2026-03-01T00:00:00Z`; from the first measurement unless given
    #[arg(long, value_name = "TIME")]
    from: Option<TimestampMs>,
    /// Up to this instant; to the last measurement unless given
    #[arg(long, value_name = "TIME")]
    to: Option<TimestampMs>,
}

/// Part of the host's list.
#[derive(Debug, Deserialize)]
struct Page {
    series: Vec<Info>,
    total: usize,
}

#[derive(Debug, Deserialize)]
struct Info {
    key: SeriesKey,
    first: TimestampMs,
    last: TimestampMs,
}

/// What was written.
#[derive(Debug, Serialize)]
struct Account {
    out: String,
    series: usize,
    values: u64,
}

pub(super) async fn run(global: &Global, args: ExportArgs) -> Result<(), CliError> {
    if args.from.zip(args.to).is_some_and(|(from, to)| from >= to) {
        return Err(CliError::Usage("--from must lie before --to".into()));
    }
    let client = global.client()?;
    let mut rows = Rows::create(&args.out)?;
    let found = list(&client, &args).await?;
    let step_ms = args.step.as_millis() as i64;
    // All series of a host have its steps.
    let own_ms = match found.first() {
        Some(info) => ask(&client, &info.key, info.first, info.first + 1).await?.step_ms,
        None => step_ms,
    };
    if step_ms % own_ms != 0 || step_ms / own_ms > STEPS_MAX {
        return Err(CliError::Usage(format!(
            "--step must be a multiple of the host's steps of {} s, at most {STEPS_MAX} of them",
            own_ms / 1_000
        )));
    }
    let progress = progress(found.len() as u64);
    for info in &found {
        let before = rows.values;
        export(&client, info, &args, own_ms, &mut rows).await?;
        rows.series += usize::from(rows.values > before);
        progress.inc(1);
    }
    progress.finish_and_clear();
    let account = rows.keep()?;
    show(global.output, &account, |account| {
        format!("{}: {} values of {} series", account.out, account.values, account.series)
    });
    Ok(())
}

async fn list(client: &Client, args: &ExportArgs) -> Result<Vec<Info>, CliError> {
    let mut filter = String::new();
    if let Some(prefix) = &args.prefix {
        filter += &format!("&prefix={}", segment(prefix));
    }
    if let Some(metric) = args.metric {
        filter += &format!("&metric={metric}");
    }
    let mut found = Vec::new();
    loop {
        let page: Page = client.get(&format!("/v1/series?limit={PAGE}&offset={}{filter}", found.len())).await?;
        let last = page.series.is_empty();
        found.extend(page.series);
        if last || found.len() >= page.total {
            return Ok(found);
        }
    }
}

async fn ask(client: &Client, key: &SeriesKey, from: TimestampMs, to: TimestampMs) -> Result<Series, CliError> {
    let which = format!("resource={}&metric={}", segment(key.resource.as_str()), key.metric);
    let span = format!("from={}&to={}&limit={STEPS_MAX}", segment(&from.to_string()), segment(&to.to_string()));
    let written: WrittenSeries = client.get(&format!("/v1/series/values?{which}&{span}")).await?;
    Ok(written.into())
}

/// One series, a stretch of whole steps at a time.
async fn export(
    client: &Client,
    info: &Info,
    args: &ExportArgs,
    own_ms: i64,
    rows: &mut Rows<'_>,
) -> Result<(), CliError> {
    let step_ms = args.step.as_millis() as i64;
    let from = args.from.map_or(info.first, |from| from.max(info.first)).floor(step_ms);
    let to = args.to.map_or(info.last + own_ms, |to| to.min(info.last + own_ms));
    let stretch = (STEPS * own_ms / step_ms).max(1) * step_ms;
    let mut at = from;
    while at < to {
        let end = (at + stretch).min(to);
        rows.write(&info.key, &ask(client, &info.key, at, end).await?.coarsened(step_ms))?;
        at = end;
    }
    Ok(())
}

/// The file as it grows.
struct Rows<'a> {
    csv: Writer<NewFile>,
    path: &'a Path,
    series: usize,
    values: u64,
}

impl<'a> Rows<'a> {
    fn create(path: &'a Path) -> Result<Self, CliError> {
        let mut rows = Self { csv: Writer::from_writer(NewFile::create(path)?), path, series: 0, values: 0 };
        rows.row(["series_id", "timestamp", "value"])?;
        Ok(rows)
    }

    /// What was measured of the series.
    fn write(&mut self, key: &SeriesKey, series: &Series) -> Result<(), CliError> {
        let id = key.to_string();
        for (step, value) in series.values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
            let at = series.start + series.step_ms * step as i64;
            self.row([&id, &at.to_string(), &value.to_string()])?;
            self.values += 1;
        }
        Ok(())
    }

    fn row<T: AsRef<[u8]>>(&mut self, row: [T; 3]) -> Result<(), CliError> {
        self.csv.write_record(row).map_err(|error| CliError::file(self.path, "can't be written", error))
    }

    /// Ends the file; without a value there is none.
    fn keep(self) -> Result<Account, CliError> {
        if self.values == 0 {
            let why = "the host has measured nothing that fits; `GET /v1/series` lists what it has, a step counts once it is over";
            return Err(CliError::Failed(why.into()));
        }
        let file = self.csv.into_inner();
        file.map_err(|error| CliError::file(self.path, "can't be written", error.error()))?.keep()?;
        Ok(Account { out: self.path.display().to_string(), series: self.series, values: self.values })
    }
}

/// A bar over the series, on a terminal only.
fn progress(series: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(series);
    match ProgressStyle::with_template("{bar:40} {pos} of {len} series, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
