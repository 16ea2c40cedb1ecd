//! `forewarm backtest` on a user's own files: what it writes can be scored by others, it never looks ahead, and bad input
//! is told with its place.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use forewarm_tests::{Finished, Host, Setup};
use serde_json::Value;

const HORIZON: usize = 24;
const STEPS: usize = 30 * 24;

/// Two series with a daily season; everything from `changed` on is something else.
fn history(changed: usize) -> String {
    let mut text = String::from("series_id,timestamp,value\n");
    for (index, id) in ["a", "b"].iter().enumerate() {
        for step in 0..STEPS {
            let day = ((step % 24) as f64 / 24.0 * std::f64::consts::TAU).sin();
            let noise = ((step + index * 7) as f64 * 0.618_033_988_75).fract();
            let value = if step < changed { 100.0 + 40.0 * day + 5.0 * noise } else { 1e5 + noise };
            let _ = writeln!(text, "{id},{step},{value}");
        }
    }
    text
}

/// The forecasts by series, origin, step and level.
type Forecasts = BTreeMap<(String, usize, usize, String), f64>;

fn forecasts(csv: &str) -> Forecasts {
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("series_id,origin,step,level,value"));
    let read = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |field: &str| field.parse().expect("a number");
        (
            (fields[0].to_owned(), number(fields[1]), number(fields[2]), fields[3].to_owned()),
            fields[4].parse().expect("a value"),
        )
    };
    lines.map(read).collect()
}

fn backtest(host: &Host, changed: usize, more: &[&str]) -> (Forecasts, Value) {
    let path = |name: &str| host.folder().join(name).display().to_string();
    let (input, out) = (path("history.csv"), path("forecasts.csv"));
    fs::write(&input, history(changed)).expect("written");
    let fixed = ["backtest", "--history", &input, "--horizon", "24", "--origins", "2", "--out", &out, "--json"];
    let Finished { code, output, errors } = host.command(&[&fixed[..], more].concat());
    assert_eq!(code, Some(0), "{errors}");
    let report = serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error} in {output}"));
    (forecasts(&fs::read_to_string(&out).expect("written")), report)
}

#[test]
fn forecasts_can_be_scored_by_others_and_never_look_ahead() {
    let host = Setup::quick().prepare();
    let models = ["--models", "seasonal"];
    let (found, report) = backtest(&host, usize::MAX, &models);
    let origins = [STEPS - 2 * HORIZON, STEPS - HORIZON];
    assert_eq!(found.len(), 2 * 2 * HORIZON * 11);
    for ((id, origin, step, _), value) in &found {
        assert!(origins.contains(origin) && (1..=HORIZON).contains(step) && value.is_finite(), "{id} {origin} {step}");
    }
    // The figures are those of the file: sMAPE of the medians, computed anew.
    let errors = found.iter().filter(|((_, _, _, level), _)| level == "0.5").map(|((id, origin, step, _), value)| {
        let at = origin + step - 1;
        let line =
            history(usize::MAX).lines().find_map(|line| line.strip_prefix(&format!("{id},{at},")).map(str::to_owned));
        let truth: f64 = line.expect("a row").parse().expect("a number");
        200.0 * (truth - value).abs() / (truth.abs() + value.abs())
    });
    let (sum, count) = errors.fold((0.0, 0.0), |(sum, count), error| (sum + error, count + 1.0));
    let told = report["models"][0]["smape"].as_f64().expect("a figure");
    assert!((told - sum / count).abs() < 1e-6, "{told} {}", sum / count);
    assert_eq!((report["lost"].as_u64(), report["models"][0]["tasks"].as_u64()), (Some(0), Some(4)));

    // What comes after an origin makes no difference there.
    let (changed, _) = backtest(&host, origins[0], &models);
    let at = |all: &Forecasts| -> Forecasts {
        all.iter()
            .filter(|((_, origin, ..), _)| *origin == origins[0])
            .map(|(key, value)| (key.clone(), *value))
            .collect()
    };
    assert_eq!(at(&found), at(&changed));
    assert_ne!(found, changed, "the later origin has seen the change");
}

#[test]
fn bad_input_is_told_with_its_place() {
    let host = Setup::quick().prepare();
    let path = host.folder().join("bad.csv").display().to_string();
    let refused = |text: &str, more: &[&str], part: &str| {
        fs::write(&path, text).expect("written");
        let fixed = ["backtest", "--history", &path, "--models", "seasonal"];
        let Finished { code, errors, .. } = host.command(&[&fixed[..], more].concat());
        // A report is wrapped at blanks and hyphens, with a rule down its side.
        let dense = |text: &str| text.replace(|c: char| c.is_whitespace() || c == '│', "");
        assert_eq!(code, Some(2), "{part}: {errors}");
        assert!(dense(&errors).contains(&dense(part)), "{part} is missing in\n{errors}");
    };
    let header = "series_id,timestamp,value\n";
    refused("", &[], "there is no column `series_id`");
    refused(header, &[], "a header and no rows");
    refused(&format!("{header}a,1,1\na,2,Infinity\n"), &[], "line 3, column `value`: it is infinite");
    refused(&format!("{header}a,2,1\na,1,1\n"), &[], "`a` has 1 after 2");
    refused(&format!("{header}a,1,1\na,2,1\n"), &[], "is too short: `a`");
    refused(&history(0), &["--horizon", "0"], "--horizon is 1 to 10080 steps");
    refused(&history(0), &["--horizon", "100000"], "--horizon is 1 to 10080 steps, not 100000");
    for levels in ["0.9,0.1", "0,0.5", "0.5,1", "0.5,1.5", "0.5,0.5", "NaN"] {
        refused(&history(0), &["--levels", levels], "levels must rise strictly inside (0, 1)");
    }
    let odd_step = (0..100).fold(header.to_owned(), |mut text, step| {
        let half_seconds = step * 15;
        let (minute, second) = (half_seconds / 120, f64::from(half_seconds % 120) / 2.0);
        let _ = writeln!(text, "a,2026-01-01T00:{minute:02}:{second:04.1}Z,1");
        text
    });
    refused(&odd_step, &[], "neither a day nor a week is a season of steps of 7500 ms: give --season");
    refused(&history(0), &["--models", "prophet"], "no forecaster is called `prophet`");
}

/// A load of hours with a day, a week and noise.
fn load(step: usize) -> f64 {
    let day = ((step % 24) as f64 / 24.0 * std::f64::consts::TAU).sin();
    let weekend = if step % 168 < 120 { 1.0 } else { 0.6 };
    100.0 * weekend * (1.2 + day) + 10.0 * (step as f64 * 0.618_033_988_75).fract()
}

/// A history that nobody plans for: its name, the smallest value that a forecast of it may have, and its values.
type Odd = (&'static str, f64, fn(usize) -> f64);

fn odd_histories() -> Vec<Odd> {
    vec![
        ("constant", 0.0, |_| 42.0),
        ("zeros", 0.0, |_| 0.0),
        ("a gap of a week", 0.0, |step| if (400..568).contains(&step) { f64::NAN } else { load(step) }),
        ("clocks go forward", 0.0, |step| load(if step < 500 { step } else { step + 1 })),
        ("clocks go back", 0.0, |step| load(if step < 500 { step } else { step - 1 })),
        ("negative counts", f64::MIN, |step| load(step) - 150.0),
        ("a level shift", 0.0, |step| load(step) * if step < 500 { 1.0 } else { 20.0 }),
        ("a counter reset", 0.0, |step| (step % 400) as f64 * 1e6),
        ("dies", 0.0, |step| if step < 600 { load(step) } else { 0.0 }),
        ("rare bursts", 0.0, |step| if step % 97 == 0 { 50.0 } else { 0.0 }),
        ("huge", 0.0, |step| load(step) * 1e300),
    ]
}

#[test]
fn odd_histories_are_forecast_by_all_together() {
    let host = Setup::quick().prepare();
    let path = |name: &str| host.folder().join(name).display().to_string();
    let (input, out) = (path("odd.csv"), path("forecasts.csv"));
    let mut text = String::from("series_id,timestamp,value\ntwo points,0,3\ntwo points,1,4\n");
    for (name, _, value) in odd_histories() {
        for step in 0..STEPS {
            let value = Some(value(step)).filter(|value| !value.is_nan());
            let _ = writeln!(text, "{name},{step},{}", value.map(|value| format!("{value:e}")).unwrap_or_default());
        }
    }
    for step in 0..STEPS {
        let _ = writeln!(text, "all missing,{step},");
    }
    fs::write(&input, text).expect("written");
    let line = ["backtest", "--history", &input, "--horizon", "24", "--out", &out, "--json"];
    let Finished { code, output, errors } = host.command(&line);
    assert_eq!(code, Some(0), "{errors}");
    let report: Value = serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error} in {output}"));
    for figure in ["smape", "mase", "owa", "wql", "sql", "cov90", "relative_mase", "relative_sql"] {
        assert!(report["combination"][figure].is_f64(), "{figure}: {}", report["combination"]);
    }
    let lost = |name: &str| {
        let all = report["lost_first"].as_array().expect("a list");
        all.iter().find(|lost| lost["series_id"] == name).map(|lost| lost["why"].to_string()).unwrap_or_default()
    };
    assert_eq!(report["lost"], 2);
    assert!(lost("two points").contains("need 24 values and at least one before the first; there are 2"));
    assert!(lost("all missing").contains("none of the 8 forecasters gave a forecast"), "{}", lost("all missing"));

    let found = forecasts(&fs::read_to_string(&out).expect("written"));
    for (name, floor, value) in odd_histories() {
        let mut inside = 0;
        for step in 1..=HORIZON {
            let of_step = |((id, _, at, _), _): &(&(String, usize, usize, String), &f64)| id == name && *at == step;
            // In the order of the levels' names, which is that of the levels.
            let fan: Vec<f64> = found.iter().filter(of_step).map(|(_, value)| *value).collect();
            assert_eq!(fan.len(), 11, "{name}, step {step}");
            assert!(fan.iter().all(|value| value.is_finite() && *value >= floor), "{name}, step {step}: {fan:?}");
            assert!(fan.windows(2).all(|pair| pair[0] <= pair[1]), "{name}, step {step}: {fan:?}");
            let truth = value(STEPS - HORIZON + step - 1);
            inside += usize::from((fan[0]..=fan[10]).contains(&truth));
        }
        assert!(inside >= 18, "{name}: {inside} of 24 inside the band of 90%");
    }
}

#[test]
fn a_million_values_are_forecast_from() {
    let host = Setup::quick().prepare();
    let (input, out) = (host.folder().join("million.csv"), host.folder().join("forecasts.csv"));
    let mut text = String::from("series_id,timestamp,value\n");
    for minute in 0..1_000_000 {
        let _ = writeln!(text, "a,{minute},{}", load(minute / 60));
    }
    fs::write(&input, text).expect("written");
    let (input, out) = (input.display().to_string(), out.display().to_string());
    let line = ["backtest", "--history", &input, "--step", "60", "--models", "seasonal", "--season", "60"];
    let Finished { code, errors, .. } = host.command(&[&line[..], &["--out", &out]].concat());
    assert_eq!(code, Some(0), "{errors}");
    let found = forecasts(&fs::read_to_string(&out).expect("written"));
    assert_eq!(found.len(), 24 * 11);
    for ((_, origin, step, level), value) in &found {
        let truth = load((origin + step - 1) / 60);
        let near = level != "0.5" || (value - truth).abs() < 0.2 * truth;
        assert!(near && value.is_finite(), "step {step}, level {level}: {value} for {truth}");
    }
}
