//! `forewarm forecast`: what a host forecasts of a persona's load, who forecasts it, and what repeats or did not belong.

mod plot;

use super::Global;
use super::client::segment;
use super::error::CliError;
use super::output::{number, or_dash, show, table, text};
use crate::core::{Anomaly, DayForecast, LoadSeason, ModelRecord};
use clap::Args;
use forewarm_domain::forecast::Fan;
use forewarm_domain::persona::Persona;
use forewarm_domain::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use forewarm_forecasting::ensemble::WeightedBy;
use serde::Serialize;
use std::fmt::Write;

/// Anomalies that are shown.
const ANOMALIES_SHOWN: usize = 5;

#[derive(Debug, Args)]
pub(super) struct ForecastArgs {
    /// The persona
    name: String,
}

/// All that is known of a load to come.
#[derive(Debug, Serialize)]
struct Known {
    persona: String,
    /// The next steps, as plans see them.
    steps: Option<Fan>,
    /// The next days.
    days: Option<DayForecast>,
    /// Why one of them is missing.
    missing: Vec<String>,
    anomalies: Vec<Anomaly>,
}

pub(super) async fn run(global: &Global, args: ForecastArgs) -> Result<(), CliError> {
    let client = global.client()?;
    let path = format!("/v1/personas/{}", segment(&args.name));
    let persona: Persona = client.get(&path).await?;
    let steps = client.get_if_there(&format!("{path}/forecast")).await?;
    let days = client.get_if_there(&format!("{path}/forecast/days")).await?;
    let missing = steps.as_ref().err().into_iter().chain(days.as_ref().err()).cloned().collect();
    let known = Known {
        persona: persona.spec.name.to_string(),
        steps: steps.ok(),
        days: days.ok(),
        missing,
        anomalies: client.get(&format!("{path}/anomalies")).await?,
    };
    show(global.output, &known, page);
    Ok(())
}

fn page(known: &Known) -> String {
    let mut page = String::new();
    if let Some(fan) = &known.steps {
        let _ = writeln!(page, "load of {}, the next {}:\n{}", known.persona, span(fan), plot::of(fan));
    }
    if let Some(days) = &known.days {
        page.push_str(&days_page(days));
    }
    for why in &known.missing {
        let _ = writeln!(page, "{why}");
    }
    if known.anomalies.is_empty() {
        page.push_str("\nno anomalies\n");
    } else {
        let _ = writeln!(page, "\nthe last anomalies:\n{}", anomalies(&known.anomalies));
    }
    page
}

fn days_page(days: &DayForecast) -> String {
    let by = match days.weighted_by {
        WeightedBy::Own => "its own backtests",
        WeightedBy::Pool => "the backtests of other personas",
        WeightedBy::Nobody => "no backtest: all count the same",
    };
    let mut page = format!("the next {}, by hours, made {}:\n{}", span(&days.fan), days.made_at, plot::of(&days.fan));
    let _ = write!(page, "\nforecasters, weighed by {by}:\n{}\n", models(&days.models));
    for model in &days.models {
        if let Some(why) = &model.failure {
            let _ = writeln!(page, "{} gives no forecast: {why}", model.plugin);
        }
    }
    if days.seasons.is_empty() {
        page.push_str("\nnothing repeats in the load, as far as it is known\n");
    } else {
        let _ = writeln!(page, "\nwhat repeats:\n{}", seasons(&days.seasons));
    }
    page
}

/// Spans from here on are told in hours.
const HOURS_FROM_MS: i64 = 3 * HOUR_MS;

/// How far a forecast reaches.
fn span(fan: &Fan) -> String {
    let ms = fan.step_ms() * fan.horizon() as i64;
    match ms {
        HOURS_FROM_MS.. => format!("{} hours", number(ms as f64 / HOUR_MS as f64)),
        _ => format!("{} minutes", number(ms as f64 / MINUTE_MS as f64)),
    }
}

fn models(models: &[ModelRecord]) -> String {
    let mut rows = table(&["FORECASTER", "WEIGHT", "MEAN ERROR", "WINDOWS"]);
    for model in models {
        let known: Vec<f64> = model.errors.iter().flatten().copied().collect();
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        rows.add_row([
            model.plugin.to_string(),
            format!("{:.3}", model.weight),
            or_dash((!known.is_empty()).then(|| number(mean))),
            format!("{} of {}", known.len(), model.errors.len()),
        ]);
    }
    text(&rows, "")
}

fn seasons(seasons: &[LoadSeason]) -> String {
    let mut rows = table(&["EVERY", "EXPLAINS", "ERROR WITH IT"]);
    for season in seasons {
        let period = season.period_s as f64 * 1_000.0;
        let every = match period / DAY_MS as f64 {
            days if days >= 1.0 => format!("{} days", number(days)),
            _ => format!("{} hours", number(period / HOUR_MS as f64)),
        };
        let share = |share: f64| format!("{:.0}%", share * 100.0);
        rows.add_row([every, share(season.strength), share(season.error_share)]);
    }
    text(&rows, "")
}

fn anomalies(all: &[Anomaly]) -> String {
    let mut rows = table(&["FROM", "TO", "LOAD", "USUAL", "SCORE"]);
    for one in all.iter().take(ANOMALIES_SHOWN) {
        let usual = match (one.expected_low, one.expected_high) {
            (Some(low), Some(high)) => format!("{} to {}", number(low), number(high)),
            _ => "-".to_owned(),
        };
        rows.add_row([one.from.to_string(), one.to.to_string(), number(one.value), usual, format!("{:.2}", one.score)]);
    }
    text(&rows, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_domain::time::TimestampMs;
    use forewarm_forecasting::seasons::Cycle;

    fn fan(step_ms: i64, horizon: usize) -> Fan {
        let path = |off: f64| (0..horizon).map(|step| off + (step as f64 / 4.0).sin()).collect::<Vec<f64>>();
        Fan::from_paths(TimestampMs(0), step_ms, &[0.05, 0.5, 0.95], &[path(1.0), path(2.0), path(3.0)]).expect("valid")
    }

    #[test]
    fn all_that_is_known_is_on_the_page() {
        let model = |name: &str, weight, errors: &[Option<f64>], failure: Option<&str>| ModelRecord {
            plugin: name.parse().expect("a name"),
            weight,
            errors: errors.to_vec(),
            failure: failure.map(Into::into),
        };
        let days = DayForecast {
            made_at: TimestampMs(0),
            next_at: TimestampMs(1),
            fan: fan(HOUR_MS, 48),
            models: vec![
                model("forecaster-ets", 0.75, &[Some(1.0), Some(2.0)], None),
                model("other", 0.0, &[None, None], Some("it is tired")),
            ],
            weighted_by: WeightedBy::Pool,
            windows: vec![TimestampMs(0), TimestampMs(1)],
            seasons: vec![LoadSeason { period_s: 86_400, cycle: Cycle::Day, strength: 0.5, error_share: 0.25 }],
            read_at: vec![0.05, 0.5, 0.95],
        };
        let known = Known {
            persona: "web".into(),
            steps: Some(fan(60_000, 30)),
            days: Some(days),
            missing: vec![],
            anomalies: vec![],
        };
        let page = page(&known);
        for part in [
            "load of web, the next 30 minutes",
            "the next 48 hours",
            "the backtests of other personas",
            "0.750",
            "1.500",
            "2 of 2",
            "0 of 2",
            "other gives no forecast: it is tired",
            "1 days",
            "50%",
            "25%",
            "no anomalies",
        ] {
            assert!(page.contains(part), "{part:?} is missing in\n{page}");
        }
    }

    #[test]
    fn what_is_not_known_yet_is_told() {
        let missing = vec!["the plan says why".to_owned(), "it is too early".to_owned()];
        let page = page(&Known { persona: "web".into(), steps: None, days: None, missing, anomalies: vec![] });
        assert_eq!(page, "the plan says why\nit is too early\n\nno anomalies\n");
    }
}
