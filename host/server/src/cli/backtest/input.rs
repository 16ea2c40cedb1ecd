//! What a backtest is about: the series on their grids, what is scored, and the seasons.

use super::BacktestArgs;
use crate::cli::error::CliError;
use crate::cli::files::read_series;
use forewarm_domain::series::Series;
use forewarm_domain::time::SECOND_MS;
use forewarm_forecasting::long::{self, LongSeries, common_step};
use forewarm_forecasting::seasons;
use forewarm_forecasting::windows::origins;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// See the module's description.
pub(super) struct Input {
    pub(super) series: Vec<Arc<Told>>,
    /// Seasons in steps, rising; the first is that of the measures.
    pub(super) seasons: Vec<usize>,
    /// Series, or origins of them, that can't be scored, and why.
    pub(super) skipped: Vec<(String, String)>,
}

/// One series and what is scored of it.
pub(super) struct Told {
    pub(super) id: String,
    /// On its grid, NaN where nothing was measured.
    pub(super) series: Series,
    /// The place on the grid of each row of the file.
    pub(super) rows: Vec<usize>,
    /// What came after the end, row by row, if that is in a file of its own.
    pub(super) after: Option<Vec<f64>>,
    /// Places on the grid.
    pub(super) origins: Vec<usize>,
}

impl Told {
    /// How many rows are known at an origin.
    pub(super) fn rows_before(&self, origin: usize) -> usize {
        self.rows.partition_point(|row| *row < origin)
    }

    /// The rows' values before an origin.
    pub(super) fn history(&self, origin: usize) -> Vec<f64> {
        self.rows[..self.rows_before(origin)].iter().map(|row| self.series.values[*row]).collect()
    }

    /// The steps after an origin (from 0) that there is a row for, and the truth in them.
    pub(super) fn truth(&self, origin: usize, horizon: usize) -> (Vec<usize>, Vec<f64>) {
        match &self.after {
            Some(after) => ((0..horizon).collect(), after.iter().take(horizon).copied().collect()),
            None => {
                let rows = self.rows[self.rows_before(origin)..].iter().take_while(|row| **row < origin + horizon);
                rows.map(|row| (row - origin, self.series.values[*row])).unzip()
            }
        }
    }
}

/// What came after the history, by series.
type After = HashMap<String, LongSeries>;

/// Reads the files.
fn read_all(args: &BacktestArgs) -> Result<(Vec<LongSeries>, Option<After>), CliError> {
    let file = |path: &Path| read_series(path, |source| long::read(source, i64::from(args.step) * SECOND_MS));
    let history = file(&args.history)?;
    let actual = args.actual.as_deref().map(file).transpose()?;
    Ok((history, actual.map(|all| all.into_iter().map(|one| (one.id.clone(), one)).collect())))
}

pub(super) fn input(args: &BacktestArgs) -> Result<Input, CliError> {
    let (history, mut actual) = read_all(args)?;
    let seasons = if args.season.is_empty() { usual(&history)? } else { args.season.clone() };
    let mut input = Input { series: Vec::new(), seasons, skipped: Vec::new() };
    for LongSeries { id, start, step_ms, values, rows } in history {
        let after = match &mut actual {
            None => None,
            Some(actual) => Some(after(actual, &id, args)?),
        };
        let places = match &after {
            Some(_) => Ok(vec![values.len()]),
            None => origins(values.len(), args.horizon, args.origins),
        };
        match places {
            Ok(origins) => {
                let series = Series { start, step_ms, values };
                input.series.push(Arc::new(Told { id, series, rows, after, origins }));
            }
            Err(why) => input.skipped.push((id, why.to_string())),
        }
    }
    if let Some(id) = actual.and_then(|left| left.into_keys().min()) {
        let file = args.actual.as_deref().unwrap_or(&args.history);
        return Err(CliError::file(file, "does not fit", format!("`{id}` is not in {}", args.history.display())));
    }
    match (input.series.is_empty(), input.skipped.first()) {
        (true, Some((id, why))) => Err(CliError::file(&args.history, "is too short", format!("`{id}`: {why}"))),
        _ => Ok(input),
    }
}

/// The truth of one series, as many rows as are forecast.
fn after(actual: &mut After, id: &str, args: &BacktestArgs) -> Result<Vec<f64>, CliError> {
    let file = args.actual.as_deref().unwrap_or(&args.history);
    let fault = |what: String| CliError::file(file, "does not fit", what);
    let of = actual.remove(id).ok_or_else(|| fault(format!("`{id}` of the history is missing")))?;
    let rows = of.row_values();
    if rows.len() < args.horizon {
        let (got, wanted) = (rows.len(), args.horizon);
        return Err(fault(format!(
            "`{id}` has {got} rows, {wanted} steps are forecast: give more, or a lower --horizon"
        )));
    }
    Ok(rows)
}

/// A day and a week, in the steps that the series share.
fn usual(series: &[LongSeries]) -> Result<Vec<usize>, CliError> {
    let apart = |what: String| CliError::Usage(format!("{what}: give --season, or one file per step"));
    let step_ms = common_step(series).map_err(apart)?;
    let found = seasons::usual(step_ms);
    if found.is_empty() {
        let what = format!("neither a day nor a week is a season of steps of {step_ms} ms: give --season");
        return Err(CliError::Usage(what));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::tests::args;
    use super::*;
    use std::fmt::Write;

    fn rows(id: &str, count: usize) -> String {
        (0..count).fold(String::new(), |mut text, step| {
            let _ = writeln!(text, "{id},{step},{}", step % 24);
            text
        })
    }

    fn check(history: &str, actual: Option<&str>, line: &str) -> Result<Input, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, rows: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("series_id,timestamp,value\n{rows}")).expect("written");
            path.display().to_string()
        };
        let mut words = vec!["--history".to_owned(), file("h.csv", history)];
        if let Some(actual) = actual {
            words.extend(["--actual".to_owned(), file("a.csv", actual)]);
        }
        words.extend(line.split_whitespace().map(str::to_owned));
        input(&args(words)).map_err(|error| error.to_string())
    }

    #[test]
    fn origins_lie_in_the_history_or_at_its_end() {
        let found = check(&rows("a", 100), None, "--horizon 10 --origins 2").expect("valid");
        assert_eq!((found.series[0].origins.as_slice(), found.seasons.as_slice()), (&[80, 90][..], &[24, 168][..]));
        assert_eq!(found.series[0].truth(80, 10).1, [8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0]);
        let found = check(&rows("a", 100), Some(&rows("a", 12)), "--horizon 10 --season 24").expect("valid");
        assert_eq!((found.series[0].origins.as_slice(), found.series[0].rows_before(100)), (&[100][..], 100));
        assert_eq!(found.series[0].truth(100, 10).1.len(), 10);
    }

    #[test]
    fn rows_are_counted_where_the_grid_has_gaps() {
        let mut text = rows("a", 50);
        text.push_str("a,52,1\na,53,2\n");
        let found = check(&text, None, "--horizon 5 --season 24").expect("valid");
        let told = &found.series[0];
        assert_eq!((told.origins[0], told.rows_before(49), told.history(49).len()), (49, 49, 49));
        assert_eq!(told.truth(49, 5), (vec![0, 3, 4], vec![1.0, 1.0, 2.0]));
    }

    #[test]
    fn what_does_not_go_together_is_named() {
        let told = |history: &str, actual: Option<&str>, line: &str| match check(history, actual, line) {
            Ok(_) => String::new(),
            Err(error) => error,
        };
        let (a, b) = (rows("a", 100), rows("b", 100));
        for (text, expected) in [
            (told(&a, Some(&b), "--horizon 10"), "a.csv does not fit: `a` of the history is missing"),
            (told(&a, Some(&format!("{a}{b}")), "--horizon 10"), "`b` is not in "),
            (told(&a, Some(&rows("a", 3)), "--horizon 10"), "`a` has 3 rows, 10 steps are forecast"),
            (
                told(&rows("a", 10), None, "--horizon 10"),
                "h.csv is too short: `a`: 1 origins of 10 steps need 10 values",
            ),
            (told("", None, ""), "h.csv does not fit: the file has a header and no rows"),
            (told("a,1,oops\n", None, ""), "line 2, column `value`: `oops` is not a number"),
            (told(&a, None, "--horizon 10 --step 604800"), "neither a day nor a week is a season"),
        ] {
            assert!(text.contains(expected), "{text}");
        }
        let found = check(&format!("{a}{}", rows("b", 5)), None, "--horizon 10").expect("one is long enough");
        assert_eq!((found.series.len(), found.skipped.len()), (1, 1));
    }
}
