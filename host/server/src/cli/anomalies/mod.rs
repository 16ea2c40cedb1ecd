//! `forewarm anomalies`: what does not belong in a file of series, judged by a detector in its sandbox, without a host.

mod account;
mod ranges;

use super::Global;
use super::error::CliError;
use super::files::{read_series, write_json};
use super::output::show;
use super::plugin::file::PluginFile;
use crate::config::Config;
use account::Report;
use clap::Args;
use forewarm_domain::id::PluginName;
use forewarm_domain::plugin::{PluginError, Verdict};
use forewarm_domain::series::Series;
use forewarm_forecasting::long::{self, LongSeries, NUMBERED_STEP_MS};
use forewarm_runtime::{AnomalyDetector, MemoryState, Plugin};
use std::path::PathBuf;
use std::sync::Arc;

/// Values that a detector is shown at a time.
const VALUES_AT_A_TIME: usize = 20_000;

#[derive(Debug, Args)]
pub(super) struct AnomaliesArgs {
    /// The series: CSV with the header `timestamp,value`, or `series_id,timestamp,value` for several; timestamps are RFC
    /// 3339, or whole numbers of steps
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The detector: one of the plugin folder by name, or the file of a component
    #[arg(long, value_name = "NAME|FILE", default_value = "anomaly-robust")]
    plugin: String,
    /// The detector's parameters: one JSON object, or @FILE that holds one; what the configuration sets unless given
    #[arg(long, value_name = "JSON")]
    parameters: Option<String>,
    /// How much is found, inside (0, 1)
    #[arg(long, value_name = "SHARE", default_value_t = 0.5)]
    sensitivity: f64,
    /// Where to write what is thought of each value: `timestamp,value,score,expected_low,expected_high,anomaly`, after
    /// `series_id` where the file has it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where to write the anomalies as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) async fn run(global: &Global, args: AnomaliesArgs) -> Result<(), CliError> {
    if !(args.sensitivity > 0.0 && args.sensitivity < 1.0) {
        return Err(CliError::Usage(format!("--sensitivity lies inside (0, 1), not at {}", args.sensitivity)));
    }
    let series = read_series(&args.file, |source| long::read_any(source, NUMBERED_STEP_MS))?;
    let detector = detector(&global.config()?, &args).await?;
    let mut judged = Vec::with_capacity(series.len());
    for series in series {
        let verdicts = judge(&detector, &series, args.sensitivity).await;
        let verdicts = verdicts.map_err(|error| CliError::Failed(format!("`{}`: {error}", series.id)))?;
        judged.push((series, verdicts));
    }
    if let Some(file) = &args.out {
        account::write_values(file, &judged)?;
    }
    let report = Report::new(&judged, &args);
    if let Some(file) = &args.json {
        write_json(file, &report)?;
    }
    show(global.output, &report, Report::page);
    Ok(())
}

async fn detector(config: &Config, args: &AnomaliesArgs) -> Result<AnomalyDetector, CliError> {
    let file = component(config, &args.plugin)?;
    let settings =
        args.plugin.parse::<PluginName>().map(|name| config.plugins.settings_of(&name).parameters).unwrap_or_default();
    let parameters = match &args.parameters {
        Some(given) => given.clone(),
        None => serde_json::Value::Object(settings).to_string(),
    };
    let plugin = PluginFile { file, parameters, assets: Vec::new() };
    match plugin.load(Arc::new(MemoryState::new())).await? {
        Plugin::AnomalyDetector(detector) => Ok(detector),
        other => {
            let (name, kind) = (&other.manifest().name, other.kind());
            Err(CliError::Usage(format!("{name} is a {kind}, not an anomaly-detector: name a detector with --plugin")))
        }
    }
}

/// The file of a detector: of that path, or of that name in the plugin folder.
fn component(config: &Config, plugin: &str) -> Result<PathBuf, CliError> {
    if plugin.ends_with(".wasm") {
        return Ok(plugin.into());
    }
    let file = config.plugins.dir.join(format!("{plugin}.wasm"));
    if file.is_file() {
        return Ok(file);
    }
    let folder = config.plugins.dir.display();
    let detail = format!("{folder} holds no {plugin}.wasm: set plugins.dir, or name a component's file with --plugin");
    Err(CliError::Usage(detail))
}

async fn judge(detector: &AnomalyDetector, of: &LongSeries, sensitivity: f64) -> Result<Vec<Verdict>, PluginError> {
    let empty = Series { start: of.start, step_ms: of.step_ms, values: Vec::new() };
    let mut stream = detector.start(empty, sensitivity).await?;
    let mut verdicts = Vec::with_capacity(of.values.len());
    for values in of.values.chunks(VALUES_AT_A_TIME) {
        verdicts.extend(stream.push(values.to_vec()).await?);
    }
    Ok(verdicts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    const DETECTOR: &str = "anomaly-robust";

    /// Runs the command on a file with this text; gives what it wrote with `--out` and with `--json`.
    async fn check(text: &str, more: &[&str]) -> Result<(String, serde_json::Value), String> {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, out, json) = (folder.path().join("in.csv"), folder.path().join("out.csv"), folder.path().join("j"));
        std::fs::write(&file, text).expect("written");
        let component = forewarm_tests::plugins_dir().join(format!("{DETECTOR}.wasm"));
        let mut line = vec!["forewarm", "anomalies"];
        let paths = [&file, &out, &json, &component].map(|path| path.to_str().expect("UTF-8").to_owned());
        line.extend([&paths[0], "--out", &paths[1], "--json", &paths[2]]);
        if !more.contains(&"--plugin") {
            line.extend(["--plugin", &paths[3]]);
        }
        line.extend(more);
        let cli = Cli::try_parse_from(line).expect("a line");
        let Command::Anomalies(args) = cli.command else { panic!("another command") };
        run(&cli.global, args).await.map_err(|error| format!("{:?}", miette::Report::new(error)))?;
        let read = |path| std::fs::read_to_string(path).expect("written");
        Ok((read(&out), serde_json::from_str(&read(&json)).expect("JSON")))
    }

    fn minutes(values: impl Iterator<Item = f64>) -> String {
        let row = |(minute, value): (usize, f64)| {
            let (day, hour, minute) = (1 + minute / 1_440, minute / 60 % 24, minute % 60);
            format!("2026-01-{day:02}T{hour:02}:{minute:02}:00Z,{value}\n")
        };
        "timestamp,value\n".to_owned() + &values.enumerate().map(row).collect::<String>()
    }

    fn load(step: usize) -> f64 {
        if (1_200..1_230).contains(&step) { 400.0 } else { 100.0 + (step as f64 * 0.618).fract() * 10.0 }
    }

    #[tokio::test]
    async fn an_outburst_is_one_range_with_what_was_usual() {
        let (out, json) = check(&minutes((0..2_000).map(load)), &[]).await.expect("judged");
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines[0], "timestamp,value,score,expected_low,expected_high,anomaly");
        assert_eq!(lines.len(), 2_001);
        assert!(
            lines[1_201].starts_with("2026-01-01T20:00:00Z,400,0.") && lines[1_201].ends_with(",1"),
            "{}",
            lines[1_201]
        );
        assert!(lines[1].ends_with(",0,,,0"), "nothing is known of the first: {}", lines[1]);
        let ranges = json["series"][0]["ranges"].as_array().expect("ranges");
        assert_eq!(ranges.len(), 1, "{json}");
        assert_eq!((&ranges[0]["from"], &ranges[0]["values"]), (&"2026-01-01T20:00:00Z".into(), &30.into()));
        assert_eq!(ranges[0]["to"], "2026-01-01T20:29:00Z");
        let high = ranges[0]["expected_high"].as_f64().expect("a bound");
        assert!((100.0..200.0).contains(&high), "{high}");
    }

    #[tokio::test]
    async fn series_are_told_apart_and_gaps_are_no_anomalies() {
        let quiet = (0..60).map(|step| format!("b,{},{}\n", step * 2, step % 3));
        let loud = (0..600).map(|step| format!("a,{step},{}\n", if step == 500 { 9e9 } else { (step % 7) as f64 }));
        let text = "series_id,timestamp,value\n".to_owned() + &loud.chain(quiet).collect::<String>();
        let (out, json) = check(&text, &["--sensitivity", "0.4"]).await.expect("judged");
        assert_eq!(out.lines().next(), Some("series_id,timestamp,value,score,expected_low,expected_high,anomaly"));
        let counts: Vec<_> = json["series"].as_array().expect("series").iter().map(|one| &one["anomalies"]).collect();
        assert_eq!(counts, [&serde_json::json!(1), &serde_json::json!(0)]);
        assert_eq!(out.lines().count(), 661, "a verdict per row, not per step");
    }

    #[tokio::test]
    async fn faults_are_told_with_place_and_remedy() {
        let cases: [(&str, &[&str], &str); 8] = [
            ("timestamp,value\n2026-01-01T00:00:00Z,much\n", &[], "line 2, column `value`: `much` is not a number"),
            ("when,value\n1,2\n", &[], "there is no column `timestamp`"),
            ("timestamp,value\n", &[], "a header and no rows"),
            ("timestamp,value\n2,1\n1,1\n", &[], "line 3"),
            ("timestamp,value\n1,1\n", &["--sensitivity", "1"], "--sensitivity lies inside (0, 1)"),
            ("timestamp,value\n1,1\n", &["--plugin", "nobody"], "no nobody.wasm"),
            ("timestamp,value\n1,1\n", &["--parameters", "{\"phases\": 0}"], "phases"),
            ("timestamp,value\n1,1\n", &["--parameters", "oops"], "--parameters is not JSON"),
        ];
        for (text, more, expected) in cases {
            let told = check(text, more).await.expect_err(text);
            let told = told.split_whitespace().collect::<Vec<_>>().join(" ").replace("│ ", "");
            assert!(told.contains(expected), "{expected}: {told}");
        }
    }
}
