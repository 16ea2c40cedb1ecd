//! The figures: a table for people, and JSON for programs.

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};
use std::fmt::Write;
use std::time::Instant;

/// How long some work took: by the clock, and of the processor, which other programs do not lengthen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    pub(crate) wall_s: f64,
    pub(crate) processor_s: f64,
}

/// Times some work.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Took) {
    let (began, processor) = (Instant::now(), processor_s());
    let done = work();
    (done, Took { wall_s: began.elapsed().as_secs_f64(), processor_s: processor_s() - processor })
}

/// The processor time of this process.
pub(crate) fn processor_s() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The median by the clock.
pub(crate) fn median(mut times: Vec<Took>) -> Took {
    times.sort_by(|a, b| a.wall_s.total_cmp(&b.wall_s));
    times[times.len() / 2]
}

/// What was measured so far.
#[derive(Default)]
pub(crate) struct Report {
    figures: Map<String, Value>,
    rows: String,
}

impl Report {
    /// A figure that has to stay at or below `target`.
    pub(crate) fn figure(&mut self, name: &str, value: f64, unit: &str, target: f64, beside: &str) {
        self.detail(name, value);
        let met = if value <= target { "yes" } else { "no" };
        let _ = writeln!(self.rows, "| `{name}` | <= {target} {unit} | {value:.2} {unit} | {met} | {beside} |");
    }

    /// A figure without a target.
    pub(crate) fn detail(&mut self, name: &str, value: f64) {
        eprintln!("{name}: {value:.3}");
        self.figures.insert(name.to_owned(), json!(value));
    }

    pub(crate) fn table(&self) -> String {
        format!("| figure | target | measured | met | in the same run |\n|---|---|---|---|---|\n{}", self.rows)
    }

    pub(crate) fn json(&self) -> String {
        format!("{:#}\n", Value::Object(self.figures.clone()))
    }
}
