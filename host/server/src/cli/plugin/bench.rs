//! `forewarm plugin bench`: what one plugin costs on this machine.

use super::file::{PluginFile, sandbox};
use super::series::series;
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::files::write_json;
use crate::cli::output::{number, show, table, text};
use clap::Args;
use forewarm_domain::forecast::PLANNING_LEVELS;
use forewarm_domain::id::ResourceName;
use forewarm_domain::plugin::{PluginError, Usage, Workload};
use forewarm_domain::series::{Metric, Series};
use forewarm_domain::time::{MINUTE_MS, TimestampMs};
use forewarm_runtime::{AnomalyDetector, Driver, Forecaster, MemoryState, Plugin, Profiler, RuntimeConfig};
use serde::Serialize;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[derive(Debug, Args)]
pub(in crate::cli) struct BenchArgs {
    #[command(flatten)]
    plugin: PluginFile,
    /// The series to measure with, CSV or JSON; two weeks of minutes with a daily season unless given
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Write the figures to a file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// The most calls of one sort, and the most time that they take.
const CALLS_MAX: usize = 1_000;
const TIME_MAX: Duration = Duration::from_secs(3);
/// The step clock's question.
const HORIZON: u32 = 60;
/// Values of the series that is used unless another is given.
const TWO_WEEKS: usize = 20_160;

/// One figure: the same call again and again.
#[derive(Debug, Clone, Serialize)]
struct Figure {
    what: String,
    calls: usize,
    p50_us: f64,
    p99_us: f64,
    /// Calls a second that one core serves.
    per_core_s: f64,
}

#[derive(Debug, Serialize)]
struct Measured {
    plugin: String,
    values: usize,
    figures: Vec<Figure>,
    peak_memory_mib: f64,
}

/// Times calls one after the other.
#[derive(Default)]
struct Stopwatch(Vec<Figure>);

impl Stopwatch {
    async fn measure(
        &mut self,
        what: &str,
        call: impl AsyncFnMut() -> Result<(), PluginError>,
    ) -> Result<(), CliError> {
        self.measure_at_most(CALLS_MAX, what, call).await.map_err(|error| CliError::Failed(error.to_string()))
    }

    async fn measure_at_most<E>(
        &mut self,
        most: usize,
        what: &str,
        mut call: impl AsyncFnMut() -> Result<(), E>,
    ) -> Result<(), E> {
        let (began, mut took) = (Instant::now(), Vec::new());
        while took.is_empty() || took.len() < most && began.elapsed() < TIME_MAX {
            let one = Instant::now();
            call().await?;
            took.push(one.elapsed().as_secs_f64() * 1e6);
        }
        self.0.push(figure(what, took));
        Ok(())
    }
}

fn figure(what: &str, mut took: Vec<f64>) -> Figure {
    took.sort_by(f64::total_cmp);
    let at = |share: f64| took.get(((took.len() - 1) as f64 * share).round() as usize).copied().unwrap_or_default();
    let mean = took.iter().sum::<f64>() / took.len() as f64;
    Figure { what: what.to_owned(), calls: took.len(), p50_us: at(0.5), p99_us: at(0.99), per_core_s: 1e6 / mean }
}

pub(super) async fn run(global: &Global, args: BenchArgs) -> Result<(), CliError> {
    let history = args.input.as_deref().map_or_else(|| Ok(two_weeks()), series)?;
    let mut watch = Stopwatch::default();
    let plugin = loads(&mut watch, &args).await?;
    let values = history.values.len();
    match &plugin {
        Plugin::Forecaster(forecaster) => forecaster_calls(&mut watch, forecaster, history).await?,
        Plugin::AnomalyDetector(detector) => detector_calls(&mut watch, detector, history).await?,
        Plugin::Profiler(profiler) => profiler_calls(&mut watch, profiler, history).await?,
        Plugin::Driver(driver) => driver_calls(&mut watch, driver).await?,
    }
    let manifest = plugin.manifest();
    let measured = Measured {
        plugin: format!("{} {}", manifest.name, manifest.version),
        values,
        figures: watch.0,
        peak_memory_mib: plugin.metrics().peak_memory_bytes as f64 / f64::from(1 << 20),
    };
    if let Some(file) = &args.json {
        write_json(file, &measured)?;
    }
    show(global.output, &measured, page);
    Ok(())
}

/// Loads it with nothing compiled, then from the cache.
async fn loads(watch: &mut Stopwatch, args: &BenchArgs) -> Result<Plugin, CliError> {
    let folder = tempfile::tempdir().map_err(|error| CliError::Failed(format!("no folder for a cache: {error}")))?;
    let config = RuntimeConfig { cache_dir: Some(folder.path().join("components")), ..RuntimeConfig::default() };
    let runtime = sandbox(config, Arc::new(MemoryState::new()))?;
    let (component, grant) = (args.plugin.bytes()?, args.plugin.grant()?);
    let mut loaded = None;
    for (what, most) in [("load, compiling", 1), ("load, from the cache", 20)] {
        let load = async || {
            loaded = Some(runtime.load(component.clone(), grant.clone()).await?);
            Ok::<(), forewarm_runtime::LoadError>(())
        };
        let failed = |error| CliError::Failed(format!("{}: {error}", args.plugin.file.display()));
        watch.measure_at_most(most, what, load).await.map_err(failed)?;
    }
    loaded.ok_or_else(|| CliError::Failed("the plugin was not loaded".into()))
}

async fn forecaster_calls(watch: &mut Stopwatch, of: &Forecaster, history: Series) -> Result<(), CliError> {
    let failed = |error: PluginError| CliError::Failed(error.to_string());
    watch.measure("describe, fresh instance", async || of.describe_anew().await.map(drop)).await?;
    watch.measure("fit, fresh instance", async || of.fit(history.clone(), Value::Null).await.map(drop)).await?;
    let (end, step_ms) = (history.end(), history.step_ms);
    let last = history.last().map_or(0.0, |(_, value)| value);
    let mut model = of.fit(history, Value::Null).await.map_err(failed)?;
    watch.measure("observe one value, held", async || model.observe(vec![last]).await).await?;
    let horizon = HORIZON.min(of.description().max_horizon);
    let what = format!("step of {horizon} x {}, held", PLANNING_LEVELS.len());
    watch
        .measure(&what, async || {
            model.step(vec![last], end, step_ms, horizon, PLANNING_LEVELS.to_vec()).await.map(drop)
        })
        .await?;
    watch.measure("save", async || model.save().await.map(drop)).await?;
    let saved = model.save().await.map_err(failed)?;
    watch.measure("restore, fresh instance", async || of.restore(saved.clone(), Value::Null).await.map(drop)).await
}

async fn detector_calls(watch: &mut Stopwatch, of: &AnomalyDetector, history: Series) -> Result<(), CliError> {
    let failed = |error: PluginError| CliError::Failed(error.to_string());
    watch.measure("detect, fresh instance", async || of.detect(history.clone(), 0.5).await.map(drop)).await?;
    let last = history.last().map_or(0.0, |(_, value)| value);
    let mut stream = of.start(history, 0.5).await.map_err(failed)?;
    watch.measure("push one value, held", async || stream.push(vec![last]).await.map(drop)).await?;
    watch.measure("save", async || stream.save().await.map(drop)).await?;
    let saved = stream.save().await.map_err(failed)?;
    watch.measure("restore, fresh instance", async || of.restore(saved.clone()).await.map(drop)).await
}

async fn profiler_calls(watch: &mut Stopwatch, of: &Profiler, history: Series) -> Result<(), CliError> {
    let usage = |metric| Usage { metric, history: history.clone() };
    let usages = [Metric::CpuCores, Metric::MemoryBytes, Metric::Requests].map(usage).into();
    let resource: ResourceName = "bench".parse().map_err(|error| CliError::Failed(format!("{error}")))?;
    let workload = Workload { resource, allocation: None, usages };
    watch
        .measure("profile one workload, fresh instance", async || of.profile(vec![workload.clone()]).await.map(drop))
        .await
}

async fn driver_calls(watch: &mut Stopwatch, of: &Driver) -> Result<(), CliError> {
    watch.measure("describe, held", async || of.describe().await.map(drop)).await?;
    watch.measure("list, held", async || of.list().await.map(drop)).await
}

fn two_weeks() -> Series {
    let value = |minute: usize| {
        let day = minute as f64 / 1_440.0 * std::f64::consts::TAU;
        // A low-discrepancy sequence stands in for noise, so that every run measures the same work.
        100.0 + 40.0 * day.sin() + 10.0 * (minute as f64 * 0.618_034).fract()
    };
    Series { start: TimestampMs(0), step_ms: MINUTE_MS, values: (0..TWO_WEEKS).map(value).collect() }
}

fn page(measured: &Measured) -> String {
    let mut rows = table(&["CALL", "CALLS", "P50", "P99", "PER CORE AND S"]);
    for of in &measured.figures {
        rows.add_row([
            of.what.clone(),
            of.calls.to_string(),
            time(of.p50_us),
            time(of.p99_us),
            number(of.per_core_s.round()),
        ]);
    }
    let peak = measured.peak_memory_mib;
    format!(
        "{}, {} values\n{}\nat most {peak:.1} MiB of memory in one instance",
        measured.plugin,
        measured.values,
        text(&rows, "")
    )
}

fn time(us: f64) -> String {
    if us < 1e3 { format!("{us:.1} us") } else { format!("{:.2} ms", us / 1e3) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_sorted_calls() {
        let of = figure("x", (1..=100).rev().map(f64::from).collect());
        assert_eq!((of.calls, of.p50_us, of.p99_us), (100, 51.0, 99.0));
        assert!((of.per_core_s - 1e6 / 50.5).abs() < 1e-6);
        assert_eq!((time(12.34), time(4_200.0)), ("12.3 us".into(), "4.20 ms".into()));
    }

    #[tokio::test]
    async fn a_call_is_made_at_least_once_and_not_too_often() {
        let mut watch = Stopwatch::default();
        let mut calls = 0;
        let call = async || {
            calls += 1;
            Ok::<(), ()>(())
        };
        assert_eq!(watch.measure_at_most(3, "x", call).await, Ok(()));
        assert_eq!((calls, watch.0[0].calls), (3, 3));
    }
}
