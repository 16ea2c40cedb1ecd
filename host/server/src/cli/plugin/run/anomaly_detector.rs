//! What can be asked of an anomaly detector.

use super::{RunArgs, Verb, failed};
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::{number, print, show, table, text};
use crate::cli::plugin::series::{EXPECTED, series};
use forewarm_domain::plugin::Verdict;
use forewarm_domain::series::Series;
use forewarm_runtime::AnomalyDetector;
use std::fmt::Write;

pub(super) async fn run(global: &Global, args: &RunArgs, detector: &AnomalyDetector) -> Result<(), CliError> {
    if args.verb != Verb::Detect {
        return Err(args.misfit("an anomaly detector", "detect"));
    }
    let history = series(args.input(EXPECTED)?)?;
    let verdicts = detector.detect(history.clone(), args.sensitivity).await.map_err(failed)?;
    if args.csv {
        print(&csv(&history, &verdicts));
    } else {
        show(global.output, &verdicts, |verdicts| rows(&history, verdicts));
    }
    Ok(())
}

/// All verdicts.
fn csv(history: &Series, verdicts: &[Verdict]) -> String {
    let mut page = String::from("timestamp,value,score,anomalous,expected_low,expected_high\n");
    for (index, (value, of)) in history.values.iter().zip(verdicts).enumerate() {
        let at = history.start + history.step_ms * index as i64;
        let Verdict { score, anomalous, expected_low, expected_high } = of;
        let _ = writeln!(page, "{at},{value},{score},{anomalous},{expected_low},{expected_high}");
    }
    page
}

/// The anomalies alone.
fn rows(history: &Series, verdicts: &[Verdict]) -> String {
    let mut rows = table(&["AT", "VALUE", "SCORE", "USUAL FROM", "TO"]);
    let mut found = 0;
    for (index, (value, of)) in history.values.iter().zip(verdicts).enumerate().filter(|(_, (_, of))| of.anomalous) {
        let at = (history.start + history.step_ms * index as i64).to_string();
        rows.add_row([at, number(*value), number(of.score), number(of.expected_low), number(of.expected_high)]);
        found += 1;
    }
    format!("{}\n{found} of {} values are anomalies", text(&rows, ""), verdicts.len()).trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_domain::time::TimestampMs;

    #[test]
    fn only_anomalies_are_shown() {
        let history = Series { start: TimestampMs(0), step_ms: 60_000, values: vec![1.0, 99.0] };
        let verdict = |anomalous| Verdict { score: 0.75, anomalous, expected_low: 0.0, expected_high: 2.0 };
        let shown = rows(&history, &[verdict(false), verdict(true)]);
        assert!(shown.contains("1970-01-01T00:01:00Z") && shown.ends_with("1 of 2 values are anomalies"), "{shown}");
        assert!(!shown.contains("1970-01-01T00:00:00Z"), "{shown}");
        assert_eq!(csv(&history, &[verdict(false), verdict(true)]).lines().count(), 3);
    }
}
