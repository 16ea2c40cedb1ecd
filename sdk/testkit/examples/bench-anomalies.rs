//! Scores the bundled anomaly detector as the Numenta Anomaly Benchmark does, through the sandbox, and measures it there
//! and natively. `cargo xtask bench anomalies` builds both and runs this. The series are read from the folder `anomaly` of
//! the one that `FOREWARM_DATA` names, or of `../shared/data`; without them it says so, and measures made-up values.

mod common;

use anomaly_robust::detector::Detector;
use anomaly_robust::parameters::Parameters;
use common::{Arguments, Result, data};
use forewarm_domain::series::Series;
use forewarm_domain::time::TimestampMs;
use forewarm_forecasting::nab::{self, Judged};
use forewarm_runtime::Plugin;
use forewarm_testkit::Testkit;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

/// The sensitivity of the product; its threshold is a half.
const SENSITIVITY: f64 = 0.5;
/// Made-up values, where there are no others: four weeks of 5 minutes.
const MADE_UP: usize = 8_064;

/// One file of the corpus, in the order of its rows: gaps and clock changes are not filled, as in the benchmark itself.
struct File {
    group: String,
    name: String,
    series: Series,
    windows: Vec<RangeInclusive<usize>>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let arguments = Arguments::read()?;
    let files = match data("anomaly") {
        Some(folder) => corpus(&folder)?,
        None => {
            println!("no benchmark's series: neither FOREWARM_DATA nor ../shared/data has a folder `anomaly`");
            Vec::new()
        }
    };
    let Plugin::AnomalyDetector(detector) = Testkit::load(&arguments.measured)?.plugin().await? else {
        return Err("the component is no anomaly detector".into());
    };
    let made_up = made_up();
    let measured: Vec<&Series> =
        if files.is_empty() { vec![&made_up] } else { files.iter().map(|file| &file.series).collect() };
    let (mut scores, mut values, mut wasm, mut native) = (Vec::new(), 0, 0.0, 0.0);
    for series in measured {
        let begin = Instant::now();
        let verdicts = detector.detect(series.clone(), SENSITIVITY).await?;
        wasm += begin.elapsed().as_secs_f64();
        let begin = Instant::now();
        let mut beside =
            Detector::new(Parameters::default(), SENSITIVITY, series.start.0, u32::try_from(series.step_ms)?);
        let same =
            series.values.iter().zip(&verdicts).all(|(value, verdict)| beside.push(*value).score == verdict.score);
        native += begin.elapsed().as_secs_f64();
        if !same {
            return Err("the component and native code disagree: is the component an older one?".into());
        }
        values += series.values.len();
        scores.push(verdicts.iter().map(|verdict| verdict.score).collect::<Vec<f64>>());
    }
    let report = report(&files, scores, (wasm * 1e6 / values as f64, native * 1e6 / values as f64))?;
    arguments.write(&report)
}

fn report(files: &[File], scores: Vec<Vec<f64>>, (wasm_us, native_us): (f64, f64)) -> Result<Value> {
    let mut groups: BTreeMap<&str, Vec<Judged>> = BTreeMap::new();
    let (mut all, mut per_file) = (Vec::new(), Vec::new());
    for (file, scores) in files.iter().zip(scores) {
        let judged = Judged::new(scores, file.windows.clone()).map_err(|error| format!("{}: {error}", file.name))?;
        let outcome = nab::at(SENSITIVITY, std::slice::from_ref(&judged));
        per_file.push(json!({ "group": file.group, "file": file.name, "score": outcome.score,
            "windows": outcome.windows, "found": outcome.found, "false_alarms": outcome.false_alarms }));
        groups.entry(&file.group).or_default().push(judged.clone());
        all.push(judged);
    }
    let best = nab::best(&all);
    let shown = |name: &str, corpus: &[Judged]| {
        let outcome = nab::at(SENSITIVITY, corpus);
        let at_best = nab::at(best.threshold, corpus);
        println!(
            "{name:<24} {:>3} files  score {:>5.1} at the best threshold, {:>5.1} at {SENSITIVITY}  \
             {} of {} windows found, {} false alarms",
            corpus.len(),
            at_best.score,
            outcome.score,
            outcome.found,
            outcome.windows,
            outcome.false_alarms,
        );
        json!({ "score_best": at_best.score, "score_default": outcome.score, "found": outcome.found,
            "windows": outcome.windows, "false_alarms": outcome.false_alarms })
    };
    let by_group: serde_json::Map<String, Value> =
        groups.iter().map(|(name, corpus)| ((*name).to_owned(), shown(name, corpus))).collect();
    let whole = if all.is_empty() { Value::Null } else { shown("all", &all) };
    println!("{wasm_us:.2} us a value in the sandbox, {native_us:.2} natively: {:.2} times", wasm_us / native_us);
    Ok(json!({ "profile": "standard", "threshold_best": best.threshold, "threshold_default": SENSITIVITY,
        "nab": whole, "groups": by_group, "files": per_file, "wasm_us_a_value": wasm_us, "native_us_a_value": native_us }))
}

fn corpus(folder: &Path) -> Result<Vec<File>> {
    let windows = std::fs::read_to_string(folder.join("nab_windows.csv"))?;
    let mut all = Vec::new();
    let mut entries = std::fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(group) = name.strip_prefix("nab_").and_then(|name| name.strip_suffix(".csv")) else { continue };
        if group != "windows" {
            files(group, &std::fs::read_to_string(entry.path())?, &windows, &mut all)?;
        }
    }
    Ok(all)
}

/// The files of a group: rows of `series_id,timestamp,value`, each series' together.
fn files(group: &str, text: &str, windows: &str, all: &mut Vec<File>) -> Result<()> {
    let rows = text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>()).collect::<Vec<_>>();
    for rows in rows.chunk_by(|one, other| one.first() == other.first()) {
        let [name, ..] = rows[0][..] else { return Err(format!("{group}: a row has no series").into()) };
        let column = |column: usize| rows.iter().map(move |row| row.get(column).copied().unwrap_or_default());
        let times = column(1).map(instant).collect::<Result<Vec<_>>>().map_err(|error| format!("{name}: {error}"))?;
        let values = column(2).map(str::parse).collect::<std::result::Result<Vec<f64>, _>>()?;
        let mut steps: Vec<i64> = times.windows(2).map(|pair| pair[1].since(pair[0])).collect();
        steps.sort_unstable();
        let step_ms = steps.get(steps.len() / 2).copied().ok_or_else(|| format!("{name} has one row"))?;
        let place = |time: &str| column(1).position(|row| time.starts_with(row));
        let mut found = Vec::new();
        for line in windows.lines().map(|line| line.split(',').collect::<Vec<_>>()) {
            if let [_, series, from, to] = line[..]
                && series == name
            {
                let lost = || format!("{name}: a window from {from} to {to} has no such rows");
                found.push(place(from).ok_or_else(lost)?..=place(to).ok_or_else(lost)?);
            }
        }
        let series = Series { start: times[0], step_ms, values };
        all.push(File { group: group.to_owned(), name: name.to_owned(), series, windows: found });
    }
    Ok(())
}

fn instant(text: &str) -> Result<TimestampMs> {
    Ok(format!("{}Z", text.replacen(' ', "T", 1)).parse::<TimestampMs>()?)
}

fn made_up() -> Series {
    let value = |step: usize| {
        100.0 + 40.0 * (step as f64 / 288.0 * std::f64::consts::TAU).sin() + (step as f64 * 0.618).fract() * 9.0
    };
    Series { start: TimestampMs(0), step_ms: 300_000, values: (0..MADE_UP).map(value).collect() }
}
