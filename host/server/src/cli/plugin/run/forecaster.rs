//! What can be asked of a forecaster.

use super::{RunArgs, Verb, failed};
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::{number, print, show, table, text};
use crate::cli::plugin::series::{EXPECTED, series};
use forewarm_domain::forecast::Fan;
use forewarm_domain::plugin::{ForecasterDescription, Season};
use forewarm_runtime::Forecaster;
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::Instant;

pub(super) async fn run(global: &Global, args: &RunArgs, forecaster: &Forecaster) -> Result<(), CliError> {
    match args.verb {
        Verb::Describe => show(global.output, forecaster.description(), describe),
        Verb::Fit => fit(global, args, forecaster).await?,
        Verb::Forecast => forecast(global, args, forecaster).await?,
        Verb::Seasonality => {
            let seasons = forecaster.seasonality(series(args.input(EXPECTED)?)?).await.map_err(failed)?;
            show(global.output, &seasons, |seasons| rows(seasons));
        }
        _ => return Err(args.misfit("a forecaster", "describe, fit, forecast, seasonality")),
    }
    Ok(())
}

fn describe(of: &ForecasterDescription) -> String {
    let ForecasterDescription { summary, min_history, max_history, max_horizon } = of;
    format!("{summary}\nfits {min_history} to {max_history} values, predicts up to {max_horizon} steps")
}

async fn fit(global: &Global, args: &RunArgs, forecaster: &Forecaster) -> Result<(), CliError> {
    let history = series(args.input(EXPECTED)?)?;
    let (values, began) = (history.values.len(), Instant::now());
    let mut model = forecaster.fit(history, Value::Null).await.map_err(failed)?;
    let took_ms = began.elapsed().as_secs_f64() * 1e3;
    let saved = model.save().await.map_err(failed)?.len();
    let fitted = json!({ "values": values, "fit_ms": took_ms, "saved_bytes": saved });
    show(global.output, &fitted, |_| {
        format!("fitted {values} values in {took_ms:.1} ms; the model saves {saved} bytes")
    });
    Ok(())
}

async fn forecast(global: &Global, args: &RunArgs, forecaster: &Forecaster) -> Result<(), CliError> {
    let history = series(args.input(EXPECTED)?)?;
    let (start, step_ms) = (history.end(), history.step_ms);
    let mut model = forecaster.fit(history, Value::Null).await.map_err(failed)?;
    let fan = model.step(vec![], start, step_ms, args.horizon, args.levels.clone()).await.map_err(failed)?;
    if args.csv {
        print(&csv(&fan));
    } else {
        show(global.output, &fan, fan_rows);
    }
    Ok(())
}

/// One line per step, one column per level.
fn csv(fan: &Fan) -> String {
    let mut page = String::from("timestamp");
    for level in fan.levels() {
        let _ = write!(page, ",{level}");
    }
    page.push('\n');
    for step in 0..fan.horizon() {
        let _ = write!(page, "{}", fan.start() + fan.step_ms() * step as i64);
        for value in fan.at(step) {
            let _ = write!(page, ",{value}");
        }
        page.push('\n');
    }
    page
}

fn fan_rows(fan: &Fan) -> String {
    let titles: Vec<_> = fan.levels().iter().map(|level| format!("{}%", level * 100.0)).collect();
    let header: Vec<_> = std::iter::once("STEP").chain(titles.iter().map(String::as_str)).collect();
    let mut rows = table(&header);
    for step in 0..fan.horizon() {
        let at = (fan.start() + fan.step_ms() * step as i64).to_string();
        rows.add_row(std::iter::once(at).chain(fan.at(step).iter().map(|value| number(*value))));
    }
    text(&rows, "")
}

fn rows(seasons: &[Season]) -> String {
    let mut rows = table(&["PERIOD", "STRENGTH"]);
    for season in seasons {
        rows.add_row([season.period.to_string(), number(season.strength)]);
    }
    text(&rows, "no repeating pattern was found")
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_domain::time::TimestampMs;

    #[test]
    fn a_fan_has_a_line_per_step() {
        let fan =
            Fan::from_paths(TimestampMs(0), 60_000, &[0.5, 0.9], &[vec![1.0, 2.0], vec![3.0, 4.5]]).expect("valid");
        assert_eq!(csv(&fan), "timestamp,0.5,0.9\n1970-01-01T00:00:00Z,1,3\n1970-01-01T00:01:00Z,2,4.5\n");
        let rows = fan_rows(&fan);
        assert!(rows.contains("90%") && rows.contains("4.500"), "{rows}");
    }
}
