//! `forewarm backtest`: the forecasters and their combination on a user's own history, through the plugins that a host
//! would use. What is forecast at an origin is a function of what came before it.

mod account;
mod evaluate;
mod input;
pub(super) mod members;
mod page;
mod seen;

use super::error::CliError;
use super::files::write_json;
use super::output::show;
use super::{Format, Global};
use crate::config::Config;
use clap::Args;
use forewarm_domain::forecast::check_levels;
use forewarm_forecasting::REPORT_LEVELS;
use std::path::{Path, PathBuf};

/// The plugin that takes trained weights, and what it calls them.
const TRAINED: &str = "forecaster-lstm";
const WEIGHTS: &str = "weights";
/// The longest season, in steps.
const SEASON_MAX: usize = 10_080;
/// The most seasons that are passed on.
const SEASONS_MAX: usize = 3;
/// The most origins.
const ORIGINS_MAX: usize = 1_000;

#[derive(Debug, Args)]
pub(super) struct BacktestArgs {
    /// The series: CSV with the header `series_id,timestamp,value`; timestamps are RFC 3339, or whole numbers of steps
    #[arg(long, value_name = "FILE")]
    history: PathBuf,
    /// What came after the history, in the same form; the one origin is then the history's end
    #[arg(long, value_name = "FILE")]
    actual: Option<PathBuf>,
    /// Steps to forecast
    #[arg(long, value_name = "STEPS", default_value_t = 24)]
    horizon: usize,
    /// Seasons in steps, rising, the first one being that of the measures; a day and a week unless given
    #[arg(long, value_name = "STEPS", value_delimiter = ',')]
    season: Vec<usize>,
    /// Origins that are scored: the last one HORIZON before the history's end, each the same before the next
    #[arg(long, value_name = "N", default_value_t = 1)]
    origins: usize,
    /// Forecasters by name, with or without the leading `forecaster-`; `all` stands for those
    /// that a host combines: `planning.day_forecasters`
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "all")]
    models: Vec<String>,
    /// Weights for `forecaster-lstm`, from `forewarm train`: of values before all that is forecast here, or its figures
    /// flatter (leave out horizon x (origins + 4) by `--holdout`)
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Quantile levels to forecast, rising
    #[arg(long, value_name = "LEVELS", value_delimiter = ',', default_values_t = REPORT_LEVELS)]
    levels: Vec<f64>,
    /// Length of a step where timestamps are numbers, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600)]
    step: u32,
    /// Where to write the forecasts: `series_id,origin,step,level,value`; the combination's, or the one model's
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where to write the figures; on standard output where no file is named
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    json: Option<PathBuf>,
}

impl BacktestArgs {
    /// All that can be wrong without reading a file.
    fn check(&self) -> Result<(), CliError> {
        let usage = |what: String| Err(CliError::Usage(what));
        if self.horizon == 0 || self.horizon > forewarm_domain::forecast::MAX_HORIZON {
            let most = forewarm_domain::forecast::MAX_HORIZON;
            return usage(format!("--horizon is 1 to {most} steps, not {}", self.horizon));
        }
        if self.origins == 0 || self.origins > ORIGINS_MAX {
            return usage(format!("--origins is 1 to {ORIGINS_MAX}, not {}", self.origins));
        }
        if self.actual.is_some() && self.origins != 1 {
            return usage("--actual has one origin, the history's end: leave --origins out".into());
        }
        if self.step == 0 {
            return usage("--step is from 1 second".into());
        }
        let rising = self.season.windows(2).all(|pair| pair[0] < pair[1]);
        let inside = self.season.iter().all(|season| (2..=SEASON_MAX).contains(season));
        if !rising || !inside || self.season.len() > SEASONS_MAX {
            let most = SEASONS_MAX;
            return usage(format!(
                "--season is up to {most} rising numbers of steps from 2 to {SEASON_MAX}, such as 24,168"
            ));
        }
        check_levels(&self.levels).map_err(|error| CliError::Usage(format!("--levels: {error}")))
    }
}

pub(super) async fn run(global: &Global, args: BacktestArgs) -> Result<(), CliError> {
    args.check()?;
    let input = input::input(&args)?;
    seen::check(&args)?;
    let members = members::load(&config(global, args.weights.as_deref())?, &args.models, &input.seasons).await?;
    members.check_horizon(args.horizon)?;
    let evaluated = evaluate::run(&input, &members, &args).await?;
    if let Some(file) = &args.out {
        account::write(file, &input, &evaluated, &args.levels)?;
    }
    let report = evaluated.report(&input, &members, &args);
    match &args.json {
        Some(file) if file.as_os_str() == "-" => show(Format::Json, &report, page::page),
        Some(file) => {
            write_json(file, &report)?;
            show(global.output, &report, page::page);
        }
        None => show(global.output, &report, page::page),
    }
    Ok(())
}

/// The configuration, with other weights.
fn config(global: &Global, weights: Option<&Path>) -> Result<Config, CliError> {
    let mut config = global.config()?;
    if let Some(file) = weights {
        std::fs::File::open(file).map_err(|error| CliError::file(file, "can't be read", error))?;
        let name = TRAINED.parse().map_err(|_| CliError::Failed(format!("`{TRAINED}` names no plugin")))?;
        config.plugins.settings.entry(name).or_default().assets.insert(WEIGHTS.to_owned(), file.to_path_buf());
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: BacktestArgs,
    }

    /// The arguments of a line without the command's name.
    pub(super) fn args(words: impl IntoIterator<Item = String>) -> BacktestArgs {
        let line = std::iter::once("backtest".to_owned()).chain(words);
        Line::try_parse_from(line).expect("a line").args
    }

    fn check(line: &str) -> String {
        match args(line.split_whitespace().map(str::to_owned)).check() {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn bad_arguments_are_told_before_a_file_is_read() {
        for (line, expected) in [
            ("--history h.csv --horizon 48 --season 24,168", ""),
            ("--history h.csv --horizon 0", "--horizon is 1 to 10080 steps, not 0"),
            ("--history h.csv --horizon 100000", "not 100000"),
            ("--history h.csv --origins 0", "--origins is 1 to 1000, not 0"),
            ("--history h.csv --actual a.csv --origins 2", "leave --origins out"),
            ("--history h.csv --season 168,24", "rising numbers of steps"),
            ("--history h.csv --season 1", "from 2 to 10080"),
            ("--history h.csv --levels 0.5,0.1", "levels must rise strictly"),
            ("--history h.csv --levels 0.5,1", "inside (0, 1)"),
            ("--history h.csv --step 0", "from 1 second"),
        ] {
            let told = check(line);
            assert!(told.contains(expected) && told.is_empty() == expected.is_empty(), "{line}: {told}");
        }
    }
}
