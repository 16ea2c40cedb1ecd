//! The figures as a table.

use super::account::{Line, Report};
use crate::cli::output::{table, text};
use std::fmt::Write;

pub(super) fn page(report: &Report) -> String {
    let mut rows = table(&[
        "MODEL",
        "SMAPE",
        "MASE",
        "OWA",
        "WQL",
        "SQL",
        "COV90",
        "RELMASE",
        "RELSQL",
        "CPU S/SERIES",
        "WEIGHT",
        "FAILED",
    ]);
    for line in report.models.iter().chain(&report.combination) {
        rows.add_row(cells(line));
    }
    let seasons: Vec<String> = report.season.iter().map(ToString::to_string).collect();
    let Report { series, origins, horizon, .. } = report;
    let mut page =
        format!("{series} series, {origins} origins, {horizon} steps ahead, seasons of {}\n", seasons.join(", "));
    page.push_str(&text(&rows, ""));
    for line in report.models.iter().filter(|line| line.failures > 0) {
        let why = line.failure.as_deref().unwrap_or("no reason was given");
        let _ = write!(page, "\n{} failed {} times, first: {why}", line.name, line.failures);
    }
    if report.lost > 0 {
        let _ = write!(page, "\n{} without a forecast:", report.lost);
        for lost in &report.lost_first {
            let _ = write!(page, "\n  {}: {}", lost.series_id, lost.why);
        }
    }
    page
}

fn cells(line: &Line) -> [String; 12] {
    let measures = &line.measures;
    let figure =
        |value: Option<f64>, digits: usize| value.map_or_else(|| "-".into(), |value| format!("{value:.digits$}"));
    [
        line.name.clone(),
        figure(measures.smape, 2),
        figure(measures.mase, 4),
        figure(measures.owa, 4),
        figure(measures.wql, 4),
        figure(measures.sql, 4),
        figure(measures.cov90, 3),
        figure(measures.relative_mase, 4),
        figure(measures.relative_sql, 4),
        format!("{:.4}", line.cpu_s_per_series),
        figure(line.weight, 3),
        if line.failures > 0 { line.failures.to_string() } else { "-".into() },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_forecasting::measures::Board;

    #[test]
    fn what_failed_and_what_is_missing_is_told() {
        let line = |name: &str, failures| Line {
            name: name.into(),
            version: None,
            measures: Board::default().summary(),
            cpu_s_per_series: 0.25,
            fits_per_series: 5.0,
            weight: Some(0.5),
            failures,
            failure: Some("too little data".into()),
        };
        let lost = super::super::account::Lost { series_id: "a".into(), why: "it is short".into() };
        let report = Report {
            horizon: 24,
            season: vec![24, 168],
            origins: 2,
            series: 1,
            models: vec![line("x", 0), line("y", 3)],
            combination: None,
            lost: 1,
            lost_first: vec![lost],
        };
        let page = page(&report);
        for part in
            ["1 series, 2 origins, 24 steps ahead", "0.2500", "y failed 3 times, first: too little", "a: it is short"]
        {
            assert!(page.contains(part), "{part} is missing in {page}");
        }
    }
}
