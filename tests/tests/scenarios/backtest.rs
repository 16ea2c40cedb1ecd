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
    refused(&history(0), &["--levels", "0.9,0.1"], "levels must rise");
    refused(&history(0), &["--models", "prophet"], "no forecaster is called `prophet`");
}
