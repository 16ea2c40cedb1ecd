//! Training from series to weights: the networks of an ensemble side by side, then the scores of what was held out.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use candle_core::Tensor;
use forecaster_lstm::fan::LEVELS;
use forecaster_lstm::shape::TENSORS;
use forecaster_lstm::weights::{Card, FORMAT, Weights};
use sha2::{Digest, Sha256};

use crate::checkpoint::Checkpoint;
use crate::data::Data;
use crate::initial;
use crate::member::Member;
use crate::sample::Sampler;
use crate::score;
use crate::{TrainingError, TrainingSeries, TrainingSettings};

/// What became of one epoch of one network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epoch {
    /// The network, from 0.
    pub member: usize,
    /// Epochs done, from 1.
    pub epoch: usize,
    /// The most epochs.
    pub epochs: usize,
    /// The mean loss of the epoch's windows: weighted pinball loss, in units of each window's scale.
    pub training_loss: f64,
    /// The same on windows at the end of series that this network is not trained on; `None` where all series are short.
    pub validation_loss: Option<f64>,
    /// Whether this was its last epoch because the validation got no better.
    pub stopped_early: bool,
}

/// Whoever watches training. The networks call from threads of their own.
pub trait Watch: Sync {
    /// Told after every epoch.
    fn epoch(&self, epoch: &Epoch) {
        let _ = epoch;
    }

    /// Asked before every step; true ends training with [`TrainingError::Stopped`].
    fn is_stopped(&self) -> bool {
        false
    }
}

/// Nobody watches.
impl Watch for () {}

/// Trains networks on all series together, on the values before those that are held out, and scores them on these.
///
/// # Errors
/// [`TrainingError`], which says what helps.
pub fn train(
    series: &[TrainingSeries<'_>],
    settings: &TrainingSettings,
    watch: &dyn Watch,
) -> Result<Weights, TrainingError> {
    settings.check()?;
    let own = initial::own(settings);
    let data = Data::new(series, settings, own.is_some())?;
    let seeds: Vec<u64> = (0..settings.members).map(|member| seed(settings.seed, member)).collect();
    let members: Vec<Member<'_>> = seeds
        .iter()
        .enumerate()
        .map(|(number, seed)| Member {
            number,
            seed: *seed,
            settings,
            own: own.as_ref(),
            sampler: Sampler::new(&data, settings.shape(), number, *seed),
            checkpoint: settings
                .checkpoints
                .as_deref()
                .map(|folder| Checkpoint::new(folder, number, fingerprint(settings, &data.card.digest, number))),
            watch,
        })
        .collect();
    let card = Card {
        format: FORMAT,
        shape: settings.shape(),
        levels: LEVELS.to_vec(),
        scale: "each window by its own mean and mean deviation".to_owned(),
        data: data.card.clone(),
        begun_from: own.as_ref().map(|own| format!("the plugin's own, of {}", own.card.data.source)),
        seeds,
        date: None,
        hold_out: None,
    };
    let mut weights = Weights::new(card, side_by_side(&members, settings.threads)?);
    weights.card.hold_out = score::hold_out(series, settings, &weights)?;
    Ok(weights)
}

fn seed(seed: u64, member: usize) -> u64 {
    seed.wrapping_add((member as u64).wrapping_mul(0xD1B5_4A32_D192_ED03))
}

/// What decides a network's weights: not how many are trained at once, nor what files are called.
fn fingerprint(settings: &TrainingSettings, data: &str, member: usize) -> String {
    let settings = TrainingSettings { threads: 1, checkpoints: None, source: String::new(), ..settings.clone() };
    let text = format!("{settings:?} {data} {member}");
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

type Trained = Result<[Tensor; TENSORS.len()], TrainingError>;

/// Trains networks on a few threads, each network on one: they are too small to be shared between threads.
fn side_by_side(members: &[Member<'_>], threads: usize) -> Result<Vec<[Tensor; TENSORS.len()]>, TrainingError> {
    let next = AtomicUsize::new(0);
    let trained: Mutex<Vec<Option<Trained>>> = Mutex::new(members.iter().map(|_| None).collect());
    let work = || {
        while let Some((number, member)) = members.iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed)) {
            let result = alone(member);
            if let Ok(mut all) = trained.lock() {
                all[number] = Some(result);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads.min(members.len()) {
            scope.spawn(work);
        }
    });
    let all = trained.into_inner().map_err(|_| TrainingError::Threads("one of them panicked".to_owned()))?;
    all.into_iter()
        .map(|one| one.unwrap_or_else(|| Err(TrainingError::Threads("one of them ended".to_owned()))))
        .collect()
}

/// Inside a pool of one thread, because `candle-core` would otherwise share every product among all processors.
fn alone(member: &Member<'_>) -> Trained {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    pool.map_err(|error| TrainingError::Threads(error.to_string()))?.install(|| member.train())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate;
    use std::sync::Mutex;

    fn settings() -> TrainingSettings {
        TrainingSettings {
            hold_out: 48,
            members: 2,
            epochs: 4,
            batches: 10,
            batch: 16,
            hidden: 4,
            patches: 7,
            ..TrainingSettings::default()
        }
    }

    fn run(values: &[Vec<f64>], settings: &TrainingSettings, watch: &dyn Watch) -> Result<Weights, TrainingError> {
        let series: Vec<_> = values.iter().map(|values| TrainingSeries { id: "x", values }).collect();
        train(&series, settings, watch)
    }

    fn bytes(weights: &Weights) -> Vec<u8> {
        weights.to_bytes().expect("written")
    }

    /// Stops after so many epochs of all networks together.
    struct StopAfter(Mutex<usize>);

    impl Watch for StopAfter {
        fn epoch(&self, _: &Epoch) {
            *self.0.lock().expect("not poisoned") -= 1;
        }

        fn is_stopped(&self) -> bool {
            *self.0.lock().expect("not poisoned") == 0
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_with_any_number_of_threads() {
        let values = generate(9, 500, 3);
        let one = run(&values, &TrainingSettings { threads: 1, ..settings() }, &()).expect("trained");
        let two = run(&values, &TrainingSettings { threads: 2, ..settings() }, &()).expect("trained");
        assert_eq!(bytes(&one), bytes(&two));
        let other = run(&values, &TrainingSettings { seed: 2, ..settings() }, &()).expect("trained");
        assert_ne!(bytes(&one), bytes(&other));
    }

    #[test]
    fn training_that_was_stopped_ends_as_one_that_was_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let values = generate(9, 500, 3);
        let whole = run(&values, &settings(), &()).expect("trained");
        let checked = TrainingSettings { checkpoints: Some(folder.path().join("c")), threads: 1, ..settings() };
        for epochs in [1, 2, 3] {
            let stopped = run(&values, &checked, &StopAfter(Mutex::new(epochs)));
            assert!(matches!(stopped, Err(TrainingError::Stopped)), "{epochs}");
        }
        let elsewhere = TrainingSettings { threads: 2, ..checked.clone() };
        assert_eq!(bytes(&run(&values, &elsewhere, &()).expect("trained")), bytes(&whole));
        let other = TrainingSettings { seed: 9, ..checked.clone() };
        let refused = run(&values, &other, &()).expect_err("not its checkpoints").to_string();
        assert!(refused.contains("other data or settings"), "{refused}");
        std::fs::write(folder.path().join("c/member-0.checkpoint"), "no").expect("writes");
        let refused = run(&values, &checked, &()).expect_err("damaged").to_string();
        assert!(refused.contains("damaged"), "{refused}");
    }

    #[test]
    fn training_goes_on_from_the_plugins_own_weights_where_sizes_fit() {
        let own = forecaster_lstm::loaded::own().expect("its own weights");
        let values = generate(9, 500, 3);
        let settings = TrainingSettings { members: 1, epochs: 1, batches: 1, batch: 4, ..TrainingSettings::default() };
        let far = |from_own: bool| {
            let weights = run(&values, &TrainingSettings { from_own, ..settings.clone() }, &()).expect("trained");
            assert_eq!(weights.card.begun_from.is_some(), from_own, "{:?}", weights.card);
            let flat = |tensor: &Tensor| tensor.flatten_all().and_then(|flat| flat.to_vec1::<f32>()).expect("values");
            let (ours, other) = (flat(&weights.tensors()[0][0]), flat(&own.tensors()[0][0]));
            ours.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
        };
        assert!(far(true) < 0.01 && far(false) > 0.1, "{} {}", far(true), far(false));
    }

    #[test]
    fn what_is_held_out_is_not_trained_on() {
        let values = generate(9, 500, 3);
        let changed: Vec<Vec<f64>> = values
            .iter()
            .map(|values| values.iter().enumerate().map(|(at, value)| if at < 452 { *value } else { 7.0 }).collect())
            .collect();
        let (one, other) = (run(&values, &settings(), &()), run(&changed, &settings(), &()));
        let (mut one, mut other) = (one.expect("trained"), other.expect("trained"));
        assert_ne!(one.card.hold_out, other.card.hold_out);
        (one.card.hold_out, other.card.hold_out) = (None, None);
        assert_eq!(bytes(&one), bytes(&other));
    }

    #[test]
    fn the_card_tells_what_of_the_same_series_was_not_seen() {
        let values = generate(9, 500, 3);
        let card = run(&values, &settings(), &()).expect("trained").card;
        let told = |values: &[Vec<f64>]| {
            let series: Vec<TrainingSeries<'_>> =
                values.iter().map(|values| TrainingSeries { id: "any", values }).collect();
            crate::unseen(&card, &series)
        };
        assert_eq!(told(&values), Some(48));
        assert_eq!(told(&values[1..]), None);
        let mut changed = values.clone();
        changed[0][0] += 1.0;
        assert_eq!(told(&changed), None);
    }

    #[test]
    fn series_with_a_season_are_learned_better_than_repeated() {
        let noise = |step: usize| (step.wrapping_mul(2_654_435_761) % 1_000) as f64 / 500.0 - 1.0;
        let law = |series: usize, step: usize| {
            let day = ((step + series) as f64 / 24.0 * std::f64::consts::TAU).sin();
            100.0 + 30.0 * day + 20.0 * noise(step * 31 + series * 7_919)
        };
        let values: Vec<Vec<f64>> = (0..12).map(|series| (0..600).map(|step| law(series, step)).collect()).collect();
        let settings = TrainingSettings { members: 1, epochs: 10, batches: 30, learning_rate: 0.01, ..settings() };
        let hold_out = run(&values, &settings, &()).expect("trained").card.hold_out.expect("scored");
        assert_eq!((hold_out.forecasts, hold_out.values), (12, 48));
        assert!(hold_out.scores.mase < 0.85 * hold_out.seasonal_naive.mase, "{hold_out:?}");
        assert!(hold_out.scores.sql < 0.85 * hold_out.seasonal_naive.sql, "{hold_out:?}");
        assert!((0.7..1.0).contains(&hold_out.scores.cov90), "{hold_out:?}");
    }

    #[test]
    fn bad_input_is_told_with_what_would_be_right() {
        let told = |values: &[Vec<f64>], settings: &TrainingSettings| {
            run(values, settings, &()).expect_err("refused").to_string()
        };
        for values in [vec![], vec![vec![]], vec![vec![1.0; 900]], vec![vec![f64::NAN; 900]], vec![vec![1.0, 2.0]]] {
            assert!(told(&values, &settings()).contains("no series has enough values"));
        }
        let values = generate(1, 500, 1);
        for (wrong, part) in [
            (TrainingSettings { season: 1, ..settings() }, "`season` must be 2 to 10080, got 1"),
            (TrainingSettings { members: 0, ..settings() }, "`members` must be 1 to 32, got 0"),
            (TrainingSettings { members: 32, hidden: 512, ..settings() }, "for networks of this size"),
            (TrainingSettings { learning_rate: f64::NAN, ..settings() }, "`learning_rate`"),
            (TrainingSettings { hold_out: 9_999, ..settings() }, "`hold_out`"),
        ] {
            assert!(told(&values, &wrong).contains(part), "{part}");
        }
    }

    #[test]
    fn gaps_infinities_and_long_seasons_are_trained_on() {
        let mut values = generate(6, 2_000, 5);
        for values in &mut values {
            values[300..340].fill(f64::NAN);
            values[77] = f64::INFINITY;
        }
        for season in [7, 96] {
            let weights = run(&values, &TrainingSettings { season, ..settings() }, &()).expect("trained");
            assert_eq!(weights.card.data.values, 6 * (2_000 - 48 - 41));
            assert!(weights.card.hold_out.is_some_and(|scored| scored.scores.mase.is_finite()));
        }
    }
}
