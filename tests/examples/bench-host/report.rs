//! The figures: as a table for people and as one flat JSON object for programs.

use serde_json::{Map, Value, json};
use std::fmt::Write;

/// One line of the table.
struct Line {
    figure: &'static str,
    target: String,
    measured: String,
    met: bool,
    beside: String,
}

/// What was measured.
#[derive(Default)]
pub(crate) struct Report {
    lines: Vec<Line>,
    values: Map<String, Value>,
}

/// On which side of the target the figure should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// At least this.
    AtLeast(f64),
    /// Less than this.
    Below(f64),
}

impl Report {
    /// A figure with a target, what it is measured in, and what was measured beside it in the same run.
    pub(crate) fn figure(&mut self, key: &'static str, value: f64, unit: &str, target: Target, beside: String) {
        let (met, target) = match target {
            Target::AtLeast(least) => (value >= least, format!(">= {} {unit}", shown(least))),
            Target::Below(limit) => (value < limit, format!("< {} {unit}", shown(limit))),
        };
        self.detail(key, value);
        self.lines.push(Line { figure: key, target, measured: format!("{} {unit}", shown(value)), met, beside });
    }

    /// A figure that only the JSON has.
    pub(crate) fn detail(&mut self, key: &str, value: f64) {
        self.values.insert(key.to_owned(), json!((value * 1_000.0).round() / 1_000.0));
    }

    /// The table in Markdown.
    pub(crate) fn table(&self) -> String {
        let mut page = String::from("| figure | target | measured | met | in the same run |\n|---|---|---|---|---|\n");
        for Line { figure, target, measured, met, beside } in &self.lines {
            let met = if *met { "yes" } else { "no" };
            let _ = writeln!(page, "| `{figure}` | {target} | {measured} | {met} | {beside} |");
        }
        page
    }

    /// All figures as one JSON object.
    pub(crate) fn json(&self) -> String {
        format!("{:#}\n", Value::Object(self.values.clone()))
    }
}

/// Large numbers without digits behind the point, grouped; small ones with two.
fn shown(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.2}").trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
