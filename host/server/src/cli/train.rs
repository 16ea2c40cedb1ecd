//! `forewarm train`: weights for the plugin `forecaster-lstm`, trained on this machine on the user's own history.

mod input;
mod progress;

use super::Global;
use super::error::CliError;
use super::files::refuse_folder;
use super::output::{show, table, text};
use crate::rounds::told_to_stop;
use clap::{ArgGroup, Args};
use forewarm_domain::time::Clock;
use forewarm_training::{Card, Scores, TrainingError, TrainingSeries, TrainingSettings, Weights, train};
use input::Input;
use progress::Bars;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("input").required(true).args(["history", "generated"])))]
pub(super) struct TrainArgs {
    /// Series to train on: a CSV file with the header `series_id,timestamp,value`
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Train on so many made-up hourly series instead
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    generated: Option<u32>,
    /// Where the weights go, in safetensors
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Values at the end of every series that are scored and not trained on
    #[arg(long, value_name = "N", default_value_t = 48)]
    holdout: usize,
    /// Steps in the shortest season; a day of the file's steps unless given
    #[arg(long, value_name = "STEPS")]
    season: Option<usize>,
    /// Networks whose forecasts are averaged
    #[arg(long, alias = "seeds", value_name = "K", default_value_t = TrainingSettings::default().members)]
    members: usize,
    /// The most epochs of a network; it ends sooner when it gets no better
    #[arg(long, value_name = "N", default_value_t = TrainingSettings::default().epochs)]
    epochs: usize,
    /// Units of the LSTM
    #[arg(long, value_name = "N", default_value_t = TrainingSettings::default().hidden)]
    hidden: usize,
    /// Decides everything that is random: the same seed gives the same weights
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Networks that are trained side by side
    #[arg(long, value_name = "N", default_value_t = TrainingSettings::default().threads)]
    threads: usize,
    /// Go on where the last training into this file was interrupted
    #[arg(long)]
    resume: bool,
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Report {
    out: String,
    bytes: usize,
    card: Card,
}

pub(super) async fn run(global: &Global, args: TrainArgs) -> Result<(), CliError> {
    let told = told_to_stop().map_err(|error| CliError::Failed(error.to_string()))?;
    let bars = Arc::new(Bars::new(global.output, args.members, args.epochs));
    let out = args.out.clone();
    let mut training = tokio::task::spawn_blocking({
        let bars = Arc::clone(&bars);
        move || work(&args, &bars)
    });
    let trained = tokio::select! {
        trained = &mut training => trained,
        () = told => {
            bars.stop();
            training.await
        }
    };
    let weights = trained.map_err(|error| CliError::Failed(error.to_string()))??;
    let bytes = write(&weights, &out)?;
    let report = Report { out: out.display().to_string(), bytes, card: weights.card };
    show(global.output, &report, page);
    Ok(())
}

fn work(args: &TrainArgs, bars: &Bars) -> Result<Weights, CliError> {
    refuse_folder(&args.out)?;
    let input = Input::read(args.history.as_deref(), args.generated, args.seed)?;
    let checkpoints = checkpoints(&args.out);
    if !args.resume && checkpoints.exists() {
        let failed = |error| CliError::file(&checkpoints, "can't be removed", error);
        fs::remove_dir_all(&checkpoints).map_err(failed)?;
    }
    let settings = TrainingSettings {
        season: args.season.unwrap_or(input.season),
        hold_out: args.holdout,
        members: args.members,
        epochs: args.epochs,
        hidden: args.hidden,
        seed: args.seed,
        threads: args.threads,
        from_own: args.generated.is_none(),
        source: input.source,
        checkpoints: Some(checkpoints),
        ..TrainingSettings::default()
    };
    let series = input.series.iter().map(|(id, values)| TrainingSeries { id, values }).collect::<Vec<_>>();
    let trained = train(&series, &settings, bars);
    bars.finish();
    let mut weights = trained.map_err(|error| failed(&error))?;
    weights.card.date = Some(crate::clock::SystemClock.now().to_string());
    Ok(weights)
}

fn failed(error: &TrainingError) -> CliError {
    match error {
        TrainingError::Setting { .. } | TrainingError::TooShort { .. } => CliError::Usage(error.to_string()),
        TrainingError::Stopped => CliError::Failed("training was stopped; --resume goes on where it was".to_owned()),
        other => CliError::Failed(other.to_string()),
    }
}

/// Checkpoints lie beside the weights that they become.
fn checkpoints(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".checkpoints");
    PathBuf::from(name)
}

/// Writes the file whole or not at all, then removes what it was made from.
fn write(weights: &Weights, out: &Path) -> Result<usize, CliError> {
    let bytes = weights.to_bytes().map_err(|error| CliError::Failed(error.to_string()))?;
    forewarm_packages::write(out, &bytes).map_err(|error| CliError::file(out, "can't be written", error))?;
    // What is left of checkpoints does no harm.
    let _ = fs::remove_dir_all(checkpoints(out));
    Ok(bytes.len())
}

fn page(report: &Report) -> String {
    let Card { shape, data, begun_from, seeds, hold_out, .. } = &report.card;
    let networks = format!("{} networks of {} hidden units", seeds.len(), shape.hidden);
    let from = if begun_from.is_some() { "going on from the plugin's own" } else { "from random weights" };
    let trained = format!("trained on {} values of {} series, {from}", data.values, data.series);
    let size = report.bytes.div_ceil(1 << 10);
    let head = format!("{}: {networks}, {size} KiB, {trained}", report.out);
    let Some(hold_out) = hold_out else { return format!("{head}\nno values were held out, so that nothing is scored") };
    let mut rows = table(&["", "MASE", "SQL", "WQL", "COV90"]);
    for (name, scores) in [("weights", hold_out.scores), ("seasonal naive", hold_out.seasonal_naive)] {
        let Scores { mase, sql, wql, cov90 } = scores;
        rows.add_row([
            name.to_owned(),
            format!("{mase:.4}"),
            format!("{sql:.4}"),
            format!("{wql:.4}"),
            format!("{cov90:.3}"),
        ]);
    }
    format!("{head}\non the last {} values of {} series:\n{}", hold_out.values, hold_out.forecasts, text(&rows, ""))
}
