//! The capacity market's measuring programs, one after the other. Each prints one JSON object per line and figure:
//! `figure`, `value`, `unit`, `target`, `better` (`lower` or `higher`), `floor` and `floor_is`; a figure that can't be
//! measured here has `skipped` with the reason instead of a value.

use std::{fs, path::Path};

use serde_json::{Map, Value, json};

use crate::{
    failure::{Failure, Result},
    process, setup,
    workspace::Workspace,
};

/// Package, its folder and the program.
const PROGRAMS: [(&str, &str, &str); 4] = [
    ("forewarm-auction", "marketplace/auction", "bench-clear"),
    ("forewarm-market", "marketplace/service", "bench-settle"),
    ("forewarm-market", "marketplace/service", "bench-orders"),
    ("forewarm-market", "marketplace/service", "bench-due"),
];

/// Runs all of them in the release profile, with the same servers as the tests, and shows and writes what they found.
pub(crate) fn market(workspace: &Workspace, json: Option<&Path>) -> Result<()> {
    let tests = setup::tests(workspace)?;
    let mut figures = Map::new();
    for (package, folder, program) in PROGRAMS {
        if !workspace.root.join(folder).join("examples").join(program).with_extension("rs").is_file() {
            eprintln!("left out: {folder} has no {program}");
            continue;
        }
        let mut cargo = process::cargo(&workspace.root);
        cargo.args(["run", "--release", "-p", package, "--example", program]);
        tests.apply(&mut cargo);
        for line in process::read(&mut cargo)?.lines() {
            let (name, figure) = read(line).map_err(|why| Failure::said(format!("{program}: {why}")))?;
            println!("{}", told(&name, &figure));
            figures.insert(name, figure);
        }
    }
    let Some(file) = json else { return Ok(()) };
    let text = format!("{:#}\n", report(&figures));
    fs::write(file, text).map_err(|error| Failure::io("write", file, &error))
}

/// A line as a figure with its name.
fn read(line: &str) -> std::result::Result<(String, Value), String> {
    let figure: Value = serde_json::from_str(line).map_err(|error| format!("`{line}` is no JSON: {error}"))?;
    let name = figure.get("figure").and_then(Value::as_str).map(str::to_owned);
    name.map(|name| (name, figure)).ok_or_else(|| format!("`{line}` names no `figure`"))
}

/// A figure beside its target and the floor of the same run.
fn told(name: &str, figure: &Value) -> String {
    let text = |key: &str| figure.get(key).and_then(Value::as_str).unwrap_or_default();
    let number = |key: &str| figure.get(key).and_then(Value::as_f64);
    let Some(value) = number("value") else { return format!("{name:<24} skipped: {}", text("skipped")) };
    let (unit, higher) = (text("unit"), text("better") == "higher");
    let target = number("target").map_or_else(String::new, |target| {
        let met = if higher { value >= target } else { value <= target };
        format!(", target {} {target}: {}", if higher { ">=" } else { "<=" }, if met { "met" } else { "missed" })
    });
    let floor =
        number("floor").map_or_else(String::new, |floor| format!("; {floor:.1} {unit} for {}", text("floor_is")));
    format!("{name:<24} {value:>10.1} {unit}{target}{floor}")
}

/// All values by name, and what else was told of each.
fn report(figures: &Map<String, Value>) -> Value {
    let mut report: Map<String, Value> = figures
        .iter()
        .map(|(name, figure)| (name.clone(), figure.get("value").cloned().unwrap_or(Value::Null)))
        .collect();
    report.insert("details".to_owned(), json!(figures));
    Value::Object(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_figures_beside_their_targets() {
        let line =
            r#"{"figure":"a_ms","value":12.5,"unit":"ms","target":10,"better":"lower","floor":3,"floor_is":"sorting"}"#;
        let (name, figure) = read(line).expect("a figure");
        assert_eq!(
            told(&name, &figure),
            "a_ms                           12.5 ms, target <= 10: missed; 3.0 ms for sorting"
        );
        let (name, figure) = read(r#"{"figure":"b","value":null,"skipped":"no server"}"#).expect("a figure");
        assert_eq!(told(&name, &figure), "b                        skipped: no server");
        let more =
            r#"{"figure":"c","value":6000,"unit":"/s","target":5000,"better":"higher","floor":null,"floor_is":"-"}"#;
        let (name, figure) = read(more).expect("a figure");
        assert_eq!(told(&name, &figure), "c                            6000.0 /s, target >= 5000: met");
    }

    #[test]
    fn the_report_has_values_by_name_and_the_details() {
        let (name, figure) = read(r#"{"figure":"a_ms","value":12.5,"unit":"ms"}"#).expect("a figure");
        let report = report(&Map::from_iter([(name, figure)]));
        assert_eq!(report["a_ms"], 12.5);
        assert_eq!(report["details"]["a_ms"]["unit"], "ms");
    }

    #[test]
    fn what_is_no_figure_is_told() {
        assert!(read("clearing...").expect_err("words").contains("is no JSON"));
        assert!(read("{}").expect_err("nothing").contains("names no `figure`"));
    }
}
