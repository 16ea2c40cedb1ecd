//! What the plugin answers to histories that are easy, and to odd ones.

#![expect(clippy::expect_used, reason = "helpers of tests fail like tests")]

use forecaster_analog::Analog;
use forewarm_sdk::testing::forecaster::{judge_odd_histories, load, noise};
use forewarm_sdk::testing::set_config;
use forewarm_sdk::{Forecaster, Series};

const LEVELS: [f64; 3] = [0.05, 0.5, 0.95];

fn fit(values: Vec<f64>) -> Analog {
    Analog::fit(Series { start_ms: 0, step_ms: 3_600_000, values }).expect("enough data")
}

fn paths(model: &Analog, horizon: u32) -> Vec<Vec<f64>> {
    model.forecast(horizon, &LEVELS).expect("a forecast")
}

/// The mean error of the median, and the share of outcomes inside the band.
fn judged(law: impl Fn(usize) -> f64, from: usize, horizon: usize) -> (f64, f64) {
    let paths = paths(&fit((0..from).map(&law).collect()), horizon as u32);
    let error = |at: usize| (paths[1][at] - law(from + at)).abs();
    let inside = (0..horizon).filter(|at| (paths[0][*at]..=paths[2][*at]).contains(&law(from + at))).count();
    ((0..horizon).map(error).sum::<f64>() / horizon as f64, inside as f64 / horizon as f64)
}

#[test]
fn odd_histories_are_answered_or_refused() {
    assert_eq!(judge_odd_histories::<Analog>(), Ok(()));
}

#[test]
fn day_and_week_go_on() {
    let (error, inside) = judged(load, 707, 168);
    assert!(error < 8.0 && inside > 0.8, "{error} {inside}");
}

#[test]
fn what_followed_the_like_comes_again() {
    // A busy day is followed by an idle one, whatever the day of the week; which days are busy has no pattern.
    let busy = |day: usize| noise(day) < 0.4;
    let value = |step: usize| {
        let (day, hour) = (step / 24, step % 24);
        let idle = day > 0 && busy(day - 1) && !busy(day);
        100.0
            + 5.0 * noise(step)
            + if busy(day) {
                40.0 * (hour as f64 / 4.0).sin()
            } else if idle {
                -80.0
            } else {
                0.0
            }
    };
    let days: Vec<usize> = (50..80).filter(|day| busy(day - 1) && !busy(*day)).collect();
    let off = |day: &usize| judged(value, day * 24, 24).0;
    let naive = |day: &usize| {
        (0..24).map(|hour| (value(day * 24 + hour) - value(day * 24 + hour - 24)).abs()).sum::<f64>() / 24.0
    };
    let (off, naive) = (days.iter().map(off).sum::<f64>(), days.iter().map(naive).sum::<f64>());
    assert!(off < 0.5 * naive, "{off} {naive} over {} days", days.len());
}

#[test]
fn a_job_of_its_own_interval_comes_when_it_is_due() {
    // A job of one step every 34.5 to 35.3 hours, which lowers a load of 100 to 40; days alone get half of the naive error.
    let mut times = vec![5.0];
    (0..200).for_each(|job| times.push(times[job] + 34.5 + 0.8 * noise(job)));
    let share = |step: usize| times.iter().map(|time| (1.0 - (step as f64 - time).abs()).max(0.0)).sum::<f64>();
    let value = |step: usize| 100.0 + 4.0 * noise(step + 5_000) - 60.0 * share(step);
    let (mut error, mut naive, mut inside) = (0.0, 0.0, 0.0);
    for day in 25..65 {
        let (off, covered) = judged(value, day * 24, 24);
        let last = |step: usize| (value(day * 24 + step) - value(day * 24 + step - 24)).abs();
        (error, inside) = (error + off, inside + covered / 40.0);
        naive += (0..24).map(last).sum::<f64>() / 24.0;
    }
    assert!(error < 0.43 * naive && inside > 0.85, "{error} {naive} {inside}");
}

#[test]
fn a_drift_is_followed() {
    let (error, _) = judged(|step| load(step) + step as f64, 707, 24);
    assert!(error < 20.0, "{error}");
}

#[test]
fn far_ahead_the_band_widens_and_days_stay_days() {
    let paths = paths(&fit((0..700).map(load).collect()), 1_440);
    let width = |at: usize| (0..168).map(|step| paths[2][at + step] - paths[0][at + step]).sum::<f64>();
    assert!(width(1_200) > 1.5 * width(0), "{} {}", width(0), width(1_200));
    let day = |at: usize| (0..24).map(|hour| paths[1][at + hour]).fold(f64::MIN, f64::max);
    assert!((day(24) - day(24 + 168 * 5)).abs() < 40.0);
}

#[test]
fn minutes_are_compared_by_days() {
    set_config("{}");
    let values: Vec<f64> = (0..10 * 1_440).map(|minute| load(minute / 60) + noise(minute)).collect();
    let model = Analog::fit(Series { start_ms: 0, step_ms: 60_000, values }).expect("enough data");
    let paths = model.forecast(120, &LEVELS).expect("a forecast");
    let off = (0..120).map(|at| (paths[1][at] - load((10 * 1_440 + at) / 60)).abs()).sum::<f64>() / 120.0;
    assert!(off < 12.0, "{off}");
}
