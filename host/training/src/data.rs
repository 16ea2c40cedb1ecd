//! The series as training sees them: on the network's grid, gaps filled, what is held out cut off.

use forecaster_lstm::grid::Grid;
use forecaster_lstm::shape::Shape;
use forecaster_lstm::weights::{Card, DataCard};
use forewarm_sdk::numerics::fill::fill;
use sha2::{Digest, Sha256};

use crate::{LENGTH, TrainingError, TrainingSettings, generate};

/// One series to train on.
#[derive(Debug, Clone, Copy)]
pub struct TrainingSeries<'a> {
    /// Its name.
    pub id: &'a str,
    /// One value per step, oldest first; NaN (or infinite) where missing.
    pub values: &'a [f64],
}

/// A series on the network's grid.
pub(crate) struct Prepared {
    /// Without gaps.
    pub(crate) values: Vec<f64>,
    /// How much of each value was measured, 0 to 1.
    pub(crate) present: Vec<f32>,
}

/// What training knows: nothing of what is held out.
pub(crate) struct Data {
    pub(crate) series: Vec<Prepared>,
    /// Made-up series that are trained on beside them, so that few series do not make a network forget all others.
    pub(crate) made_up: Vec<Prepared>,
    pub(crate) card: DataCard,
}

/// How many series are made up to be trained on beside the user's.
const MADE_UP: usize = 2_000;
/// Fewest patches of history in a training window.
pub(crate) const PATCHES_MIN: usize = 3;

impl Data {
    /// Prepares the series, those that are too short or never move left out, with made-up ones beside them if wanted.
    pub(crate) fn new(
        series: &[TrainingSeries<'_>],
        settings: &TrainingSettings,
        beside_made_up: bool,
    ) -> Result<Self, TrainingError> {
        let shape = settings.shape();
        let needed = PATCHES_MIN * shape.patch + shape.patch;
        let known = |series: &TrainingSeries<'_>| known(series.values, settings.hold_out).to_vec();
        let known: Vec<Vec<f64>> = series.iter().map(known).collect();
        let card = card(&known, settings);
        let prepared: Vec<Prepared> = known
            .iter()
            .filter_map(|values| Prepared::new(values, settings.season, &shape))
            .filter(|prepared| prepared.values.len() >= needed && moves(&prepared.values))
            .collect();
        if prepared.is_empty() {
            let longest = known.iter().map(Vec::len).max().unwrap_or(0);
            return Err(TrainingError::TooShort { needed: (needed * settings.season).div_ceil(shape.patch), longest });
        }
        let made_up = if beside_made_up { made_up(settings) } else { Vec::new() };
        Ok(Self { series: prepared, made_up, card })
    }
}

fn made_up(settings: &TrainingSettings) -> Vec<Prepared> {
    let shape = settings.shape();
    let made_up = generate(MADE_UP, LENGTH, settings.seed);
    made_up
        .iter()
        .filter(|values| moves(values))
        .filter_map(|values| Prepared::new(values, shape.patch, &shape))
        .collect()
}

/// The values of a series before those that are held out.
pub(crate) fn known(values: &[f64], hold_out: usize) -> &[f64] {
    &values[..values.len().saturating_sub(hold_out)]
}

impl Prepared {
    fn new(values: &[f64], season: usize, shape: &Shape) -> Option<Self> {
        let first = values.iter().position(|value| value.is_finite())?;
        let values: Vec<f64> =
            values[first..].iter().map(|value| if value.is_finite() { *value } else { f64::NAN }).collect();
        let there: Vec<f64> = values.iter().map(|value| if value.is_nan() { 0.0 } else { 1.0 }).collect();
        let grid = Grid::new(season, shape.patch);
        let present = grid.coarsen(&there, usize::MAX).into_iter().map(|share| share as f32).collect();
        Some(Self { values: grid.coarsen(&fill(&values, Some(season)), usize::MAX), present })
    }
}

fn moves(values: &[f64]) -> bool {
    values.windows(2).any(|pair| pair[0] != pair[1])
}

/// SHA-256 over the values of all series in order, as a card has it.
fn digest<'a>(known: impl Iterator<Item = &'a [f64]>) -> String {
    let mut digest = Sha256::new();
    for value in known.flatten() {
        let value = if value.is_finite() { *value } else { f64::NAN };
        digest.update(value.to_bits().to_le_bytes());
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How many values at the end of each of these series weights have not seen, where their card says that they were trained
/// on just these; `None` where it names other data, of which nothing is known.
#[must_use]
pub fn unseen(card: &Card, series: &[TrainingSeries<'_>]) -> Option<usize> {
    let held_out = card.hold_out.map_or(0, |held_out| held_out.values);
    let same = series.len() == card.data.series
        && digest(series.iter().map(|series| known(series.values, held_out))) == card.data.digest;
    same.then_some(held_out)
}

fn card(known: &[Vec<f64>], settings: &TrainingSettings) -> DataCard {
    let finite = || known.iter().flatten().copied().filter(|value| value.is_finite());
    let range = finite().fold((f64::MAX, f64::MIN), |(low, high), value| (value.min(low), value.max(high)));
    DataCard {
        source: settings.source.clone(),
        series: known.len(),
        values: finite().count(),
        range: if range.0 <= range.1 { range } else { (0.0, 0.0) },
        season: settings.season,
        digest: digest(known.iter().map(Vec::as_slice)),
    }
}
