//! Odd histories for a forecaster's own tests: what the contract allows and nobody thinks of, with what every answer
//! to them has in common.

use crate::{Forecaster, Series};

/// Levels that are asked for: far tails, near neighbours, and a middle that is not 0.5.
pub const LEVELS: [f64; 7] = [0.000_1, 0.05, 0.333, 0.334, 0.8, 0.95, 0.999_9];

/// A repeatable value in [0, 1) for each step.
#[must_use]
pub fn noise(step: usize) -> f64 {
    let mixed = (step as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

/// A load of hours with a day, a week and noise.
#[must_use]
pub fn load(step: usize) -> f64 {
    let day = ((step % 24) as f64 / 24.0 * std::f64::consts::TAU).sin();
    let weekend = if step % 168 < 120 { 1.0 } else { 0.6 };
    100.0 * weekend * (1.2 + day) + 10.0 * noise(step)
}

/// Named histories of 0 to 20,160 values.
#[must_use]
pub fn odd_histories() -> Vec<(&'static str, Vec<f64>)> {
    let loads = |count: usize| (0..count).map(load).collect::<Vec<_>>();
    let changed = |change: fn(usize, f64) -> f64| (0..700).map(|step| change(step, load(step))).collect::<Vec<_>>();
    vec![
        ("empty", vec![]),
        ("all missing", vec![f64::NAN; 200]),
        ("one value", vec![3.0]),
        ("two values", vec![3.0, 4.0]),
        ("two equal values", vec![3.0, 3.0]),
        ("three values with a gap", vec![3.0, f64::NAN, 5.0, 4.0]),
        ("a few", loads(30)),
        ("less than two weeks", loads(300)),
        ("a constant", vec![42.0; 500]),
        ("zeros", vec![0.0; 500]),
        ("negative zeros", vec![-0.0; 500]),
        ("the most values", loads(20_160)),
        ("mostly missing", changed(|step, value| if step % 9 == 0 { value } else { f64::NAN })),
        ("a gap of a week", changed(|step, value| if (400..568).contains(&step) { f64::NAN } else { value })),
        ("a gap at the end", changed(|step, value| if step >= 650 { f64::NAN } else { value })),
        ("clocks go forward", (0..700).map(|step| load(if step < 500 { step } else { step + 1 })).collect()),
        ("clocks go back", (0..700).map(|step| load(if step < 500 { step } else { step - 1 })).collect()),
        ("negative values", changed(|_, value| value - 150.0)),
        ("only negative values", changed(|_, value| -value)),
        ("a level shift", changed(|step, value| if step < 500 { value } else { value * 20.0 })),
        ("a counter reset", changed(|step, _| (step % 400) as f64 * 1e6)),
        ("a series that dies", changed(|step, value| if step < 600 { value } else { 0.0 })),
        ("a series that begins late", changed(|step, value| if step < 600 { 0.0 } else { value })),
        ("rare bursts", changed(|step, _| if step % 97 == 0 { 50.0 } else { 0.0 })),
        ("a leap at every step", changed(|step, _| if step % 2 == 0 { 0.0 } else { 1e12 })),
        ("the largest numbers", changed(|step, _| if step % 2 == 0 { f64::MAX } else { f64::MIN })),
        ("the smallest numbers", changed(|step, _| if step % 3 == 0 { 5e-324 } else { 0.0 })),
        ("huge values", changed(|_, value| value * 1e305)),
    ]
}

/// Fits `F` to each of [`odd_histories`], shows it a few more values, saves and restores it, and forecasts from 1 step to
/// as many as it promises. With fewer values than it needs the answer must be `not-enough-data`; any other must be a
/// forecast of the right shape, finite, without crossing, not below zero where the history never was, and the same
/// after restoring.
///
/// # Errors
/// The first history that is answered otherwise, with what was wrong.
pub fn judge_odd_histories<F: Forecaster>() -> Result<(), String> {
    for (name, values) in odd_histories() {
        judge::<F>(&values).map_err(|wrong| format!("{name}: {wrong}"))?;
    }
    Ok(())
}

/// What a forecaster of whole days should do with [`load`] in hours, whatever its method: go on with day and week so that
/// outcomes fall inside its band, follow a new level once it was shown four days of it, and follow a walk in a band that
/// widens where it is told that there are no seasons (`season_lengths`, set on this thread and taken back).
///
/// # Errors
/// What it does otherwise.
pub fn judge_days<F: Forecaster>() -> Result<(), String> {
    let fit = |values| F::fit(Series { start_ms: 0, step_ms: 3_600_000, values }).map_err(|error| error.to_string());
    let held = |holds: bool, wrong: String| if holds { Ok(()) } else { Err(wrong) };

    let mut model = fit((0..700).map(load).collect())?;
    model.observe(&(700..707).map(load).collect::<Vec<_>>()).map_err(|error| error.to_string())?;
    let paths = forecast_at(&model, 168)?;
    let error = (0..168).map(|at| (paths[1][at] - load(707 + at)).abs()).sum::<f64>() / 168.0;
    held(error < 5.0, format!("day and week: the error is {error} with noise of 2.5"))?;
    let inside = (0..168).filter(|at| (paths[0][*at]..=paths[2][*at]).contains(&load(707 + at))).count();
    held(inside >= 130, format!("day and week: {inside} of 168 inside a band of 90%"))?;

    let mut model = fit((0..700).map(load).collect())?;
    model.observe(&(700..796).map(|step| load(step) + 500.0).collect::<Vec<_>>()).map_err(|error| error.to_string())?;
    let paths = forecast_at(&model, 24)?;
    let error = (0..24).map(|at| paths[1][at] - load(796 + at) - 500.0).sum::<f64>() / 24.0;
    held(error.abs() < 100.0, format!("a new level: the error is {error}"))?;

    let mut walk = vec![1_000.0];
    (1..600).for_each(|step| walk.push(walk[step - 1] + noise(step) - 0.5));
    let last = walk[599];
    super::set_config(r#"{"season_lengths": []}"#);
    let walked = fit(walk).and_then(|model| forecast_at(&model, 100));
    super::set_config("{}");
    let paths = walked?;
    held((paths[1][0] - last).abs() < 1.0, format!("a walk at {last}: {} comes next", paths[1][0]))?;
    let widths = (paths[2][0] - paths[0][0], paths[2][99] - paths[0][99]);
    held(widths.1 > 3.0 * widths.0, format!("a walk: the band goes from {} to {}", widths.0, widths.1))
}

fn forecast_at<F: Forecaster>(model: &F, horizon: u32) -> Result<Vec<Vec<f64>>, String> {
    model.forecast(horizon, &[0.05, 0.5, 0.95]).map_err(|error| error.to_string())
}

fn judge<F: Forecaster>(values: &[f64]) -> Result<(), String> {
    let series = Series { start_ms: 0, step_ms: 3_600_000, values: values.to_vec() };
    let enough = series.count_present() >= F::MIN_HISTORY as usize;
    let mut model = match F::fit(series) {
        Err(crate::Error::NotEnoughData(_)) if !enough => return Ok(()),
        Err(error) => return Err(format!("refused: {error:?}")),
        Ok(_) if !enough => return Err("was fitted to too few values".to_owned()),
        Ok(model) => model,
    };
    let floor = if values.iter().any(|value| *value < 0.0) { f64::MIN } else { 0.0 };
    let next = values.iter().rev().copied().find(|value| !value.is_nan()).unwrap_or(0.0);
    for observed in [&[][..], &[f64::NAN; 3], &[next, f64::NAN, next]] {
        model.observe(observed).map_err(|error| format!("observing: {error:?}"))?;
        for horizon in [1, 48, F::MAX_HORIZON] {
            judge_paths(&forecast(&model, horizon)?, horizon as usize, floor)?;
        }
    }
    let saved = model.to_bytes().map_err(|error| format!("saving: {error:?}"))?;
    if saved.len() > 1_000_000 {
        return Err(format!("its state has {} bytes", saved.len()));
    }
    let restored = F::from_bytes(&saved).map_err(|error| format!("restoring: {error:?}"))?;
    if forecast(&restored, 48)? != forecast(&model, 48)? {
        return Err("another forecast after restoring".to_owned());
    }
    Ok(())
}

fn forecast<F: Forecaster>(model: &F, horizon: u32) -> Result<Vec<Vec<f64>>, String> {
    model.forecast(horizon, &LEVELS).map_err(|error| format!("forecasting {horizon} steps: {error:?}"))
}

fn judge_paths(paths: &[Vec<f64>], horizon: usize, floor: f64) -> Result<(), String> {
    if paths.len() != LEVELS.len() || paths.iter().any(|path| path.len() != horizon) {
        return Err(format!("paths of the wrong shape for {horizon} steps"));
    }
    let mut before = vec![floor; horizon];
    for (level, path) in LEVELS.iter().zip(paths) {
        for (step, (value, before)) in path.iter().zip(&mut before).enumerate() {
            if !value.is_finite() || *value < *before {
                return Err(format!("level {level} at step {} is {value} after {before}", step + 1));
            }
            *before = *value;
        }
    }
    Ok(())
}
