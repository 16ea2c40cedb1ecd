//! The figures: as a table for people and as one flat JSON object for programs.

use serde_json::{Map, Value, json};
use std::fmt::Write;

/// What was measured.
#[derive(Default)]
pub(crate) struct Report {
    lines: Vec<String>,
    values: Map<String, Value>,
}

/// On which side of the target the figure should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
    /// None was set.
    Open,
}

impl Report {
    /// A figure with its target, what it is measured in, and what was measured beside it in the same run.
    pub(crate) fn figure(&mut self, key: &str, value: f64, unit: &str, target: Target, beside: &str) {
        let (met, target) = match target {
            Target::AtLeast(least) => (value >= least, format!(">= {} {unit}", shown(least))),
            Target::AtMost(most) => (value <= most, format!("<= {} {unit}", shown(most))),
            Target::Open => (true, "none".to_owned()),
        };
        let met = if met { "yes" } else { "no" };
        let line = format!("| `{key}` | {} | {} {unit} | {met} | {beside} |", target.trim_end(), shown(value));
        eprintln!("{line}");
        self.lines.push(line);
        self.values.insert(key.to_owned(), json!((value * 1_000.0).round() / 1_000.0));
    }

    /// The table in Markdown.
    pub(crate) fn table(&self) -> String {
        let mut page = String::from("| figure | target | measured | met | in the same run |\n|---|---|---|---|---|\n");
        for line in &self.lines {
            let _ = writeln!(page, "{line}");
        }
        page
    }

    /// All figures as one JSON object.
    pub(crate) fn json(&self) -> String {
        format!("{:#}\n", Value::Object(self.values.clone()))
    }
}

fn shown(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}
