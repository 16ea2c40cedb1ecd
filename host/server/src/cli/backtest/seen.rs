//! Whether weights were trained on what is to be scored: their card says what they have seen.

use super::BacktestArgs;
use crate::cli::error::CliError;
use crate::cli::files::read_series;
use forewarm_domain::time::SECOND_MS;
use forewarm_forecasting::long::{self, LongSeries};
use forewarm_forecasting::weights::WINDOWS_MIN;
use forewarm_training::{Card, TrainingSeries, Weights, unseen};

/// Refuses weights that have seen what is scored, and warns of those that have seen the windows before. Nothing is said of
/// weights of other data, nor of a file that is none of weights: the plugin refuses that.
pub(super) fn check(args: &BacktestArgs) -> Result<(), CliError> {
    let Some(file) = &args.weights else { return Ok(()) };
    let bytes = std::fs::read(file).map_err(|error| CliError::file(file, "can't be read", error))?;
    let Ok(weights) = Weights::from_bytes(&bytes) else { return Ok(()) };
    let series = read_series(&args.history, |source| long::read(source, i64::from(args.step) * SECOND_MS))?;
    match judge(&weights.card, &series, args) {
        Seen::Scored(needed) => {
            let what =
                format!("these weights were trained on values that are scored here: train with --holdout {needed}");
            Err(CliError::file(file, "can't be used", what))
        }
        Seen::Windows(needed) => {
            eprintln!(
                "warning: the weights in {} have seen values that forecasters are weighed by here, which flatters \
                 forecaster-lstm: train with --holdout {needed}",
                file.display()
            );
            Ok(())
        }
        Seen::Nothing => Ok(()),
    }
}

/// What weights have seen of a backtest, and the values to hold out so that they have not.
#[derive(Debug, PartialEq)]
enum Seen {
    Nothing,
    Windows(usize),
    Scored(usize),
}

fn judge(card: &Card, series: &[LongSeries], args: &BacktestArgs) -> Seen {
    let series: Vec<TrainingSeries<'_>> =
        series.iter().map(|series| TrainingSeries { id: &series.id, values: &series.values }).collect();
    let Some(unseen) = unseen(card, &series) else { return Seen::Nothing };
    let scored = if args.actual.is_some() { 0 } else { args.horizon * args.origins };
    match scored + args.horizon * WINDOWS_MIN {
        needed if unseen < scored => Seen::Scored(needed),
        needed if unseen < needed => Seen::Windows(needed),
        _ => Seen::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::args;
    use super::*;
    use forewarm_domain::time::TimestampMs;
    use forewarm_training::{TrainingSettings, generate, train};

    #[test]
    fn what_was_trained_on_is_not_scored() {
        let series = |(id, values): (usize, Vec<f64>)| LongSeries {
            id: id.to_string(),
            start: TimestampMs(0),
            step_ms: 3_600_000,
            rows: (0..values.len()).collect(),
            values,
        };
        let series: Vec<LongSeries> = generate(4, 400, 1).into_iter().enumerate().map(series).collect();
        let known: Vec<TrainingSeries<'_>> =
            series.iter().map(|one| TrainingSeries { id: &one.id, values: &one.values }).collect();
        let settings = TrainingSettings {
            members: 1,
            epochs: 1,
            batches: 1,
            batch: 2,
            hidden: 2,
            hold_out: 48,
            ..TrainingSettings::default()
        };
        let card = train(&known, &settings, &()).expect("trained").card;
        let judged = |line: &str| judge(&card, &series, &args(line.split_whitespace().map(str::to_owned)));
        assert_eq!(judged("--history h --horizon 8 --origins 2"), Seen::Nothing);
        assert_eq!(judged("--history h --horizon 8 --origins 3"), Seen::Windows(56));
        assert_eq!(judged("--history h --horizon 24 --origins 3"), Seen::Scored(168));
        assert_eq!(judged("--history h --actual a --horizon 12"), Seen::Nothing);
        assert_eq!(judged("--history h --actual a --horizon 24"), Seen::Windows(96));
        let other: Vec<LongSeries> = series.iter().skip(1).cloned().collect();
        let args = args("--history h --horizon 24 --origins 3".split_whitespace().map(str::to_owned));
        assert_eq!(judge(&card, &other, &args), Seen::Nothing);
    }
}
