//! The measures of the forecasting literature, per task (one series at one origin) and over many tasks.
//!
//! sMAPE in percent (M4), MASE (in-sample seasonal naive), OWA (against Naive2 on the same tasks), WQL = 2 x pinball
//! loss over the sum of the truth, SQL = scaled pinball loss, cov90 = share of truth inside the 90% band, and geometric
//! means over series of the ratio to the seasonal naive forecast.

use crate::reference::{Banded, naive2, seasonal_naive};
use serde::Serialize;
use std::collections::BTreeMap;

/// The levels of the deciles.
pub const DECILES: [f64; 9] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
/// Keeps a ratio finite where a forecast is without error.
const TINY: f64 = 1e-9;

/// 2 x the pinball (quantile) loss of one quantile.
#[must_use]
pub fn pinball(outcome: f64, quantile: f64, level: f64) -> f64 {
    let over = outcome - quantile;
    2.0 * (level * over).max((level - 1.0) * over)
}

/// The mean absolute difference from the value one season before: the scale of MASE. `None` where it is zero or the
/// history is no longer than a season; pairs with a missing value do not count.
#[must_use]
pub fn scale(history: &[f64], season: usize) -> Option<f64> {
    let pairs = history.iter().zip(history.get(season..)?);
    let apart = pairs.map(|(before, value)| (value - before).abs()).filter(|apart| apart.is_finite());
    let (count, sum) = apart.fold((0_u32, 0.0), |(count, sum), apart| (count + 1, sum + apart));
    (sum > 0.0).then(|| sum / f64::from(count))
}

/// The measures of one forecast of one task.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Symmetric mean absolute percentage error, in percent.
    pub smape: f64,
    /// Mean absolute scaled error; `None` where the history has no scale.
    pub mase: Option<f64>,
    /// Scaled quantile loss.
    pub sql: Option<f64>,
    /// Quantile loss, summed over the steps and averaged over the deciles.
    pub loss: f64,
    /// The sum of the absolute truth.
    pub truth: f64,
    /// The share of truth inside the 90% band.
    pub cov90: f64,
}

/// Scores one forecast. Steps whose truth is missing do not count; `None` where none is left.
#[must_use]
pub fn score(scale: Option<f64>, truth: &[f64], forecast: &Banded) -> Option<Score> {
    let mut sum = Score { smape: 0.0, mase: None, sql: None, loss: 0.0, truth: 0.0, cov90: 0.0 };
    let (mut errors, mut steps) = (0.0, 0_u32);
    let rows = forecast.point.iter().zip(&forecast.deciles).zip(&forecast.band);
    for (outcome, ((point, deciles), (low, high))) in truth.iter().zip(rows).filter(|(outcome, _)| outcome.is_finite())
    {
        let (error, size) = ((outcome - point).abs(), outcome.abs() + point.abs());
        sum.smape += if size > 0.0 { 200.0 * error / size } else { 0.0 };
        let loss: f64 = DECILES.iter().zip(deciles).map(|(level, value)| pinball(*outcome, *value, *level)).sum();
        sum.loss += loss / DECILES.len() as f64;
        sum.truth += outcome.abs();
        sum.cov90 += f64::from(u8::from(low <= outcome && outcome <= high));
        errors += error;
        steps += 1;
    }
    let count = f64::from(steps);
    (steps > 0).then(|| Score {
        smape: sum.smape / count,
        mase: scale.map(|scale| errors / count / scale),
        sql: scale.map(|scale| sum.loss / count / scale),
        cov90: sum.cov90 / count,
        ..sum
    })
}

/// Means over many tasks, as they are reported.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    /// How many tasks were scored.
    pub tasks: usize,
    /// Symmetric mean absolute percentage error, in percent.
    pub smape: Option<f64>,
    /// Mean absolute scaled error.
    pub mase: Option<f64>,
    /// Overall weighted average against Naive2.
    pub owa: Option<f64>,
    /// Weighted quantile loss over the deciles.
    pub wql: Option<f64>,
    /// Scaled quantile loss over the deciles.
    pub sql: Option<f64>,
    /// Share of truth inside the 90% band.
    pub cov90: Option<f64>,
    /// Geometric mean over series of MASE over that of the seasonal naive forecast.
    pub relative_mase: Option<f64>,
    /// Geometric mean over series of SQL over that of the seasonal naive forecast.
    pub relative_sql: Option<f64>,
}

/// A mean that leaves out what is not there, or not a number that can be written.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: f64,
    count: u32,
}

impl Mean {
    fn add(&mut self, value: impl Into<Option<f64>>) {
        if let Some(value) = value.into().filter(|value: &f64| value.is_finite()) {
            self.sum += value;
            self.count += 1;
        }
    }

    fn get(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / f64::from(self.count))
    }
}

/// What is summed up of one series for the ratios: MASE and SQL, of the forecast and of the seasonal naive one.
#[derive(Debug, Clone, Copy, Default)]
struct Ratios {
    own: [Mean; 2],
    naive: [Mean; 2],
}

impl Ratios {
    fn log_ratio(&self, of: usize) -> Option<f64> {
        let (own, naive) = (self.own[of].get()?, self.naive[of].get()?);
        Some(((own + TINY) / (naive + TINY)).ln())
    }
}

/// One series at one origin: what came, and how the references did. It is made once and scores any number of forecasts.
#[derive(Debug, Clone)]
pub struct Task {
    series: String,
    truth: Vec<f64>,
    scale: Option<f64>,
    /// Naive2's.
    reference: Option<Score>,
    /// That of the seasonal naive forecast.
    naive: Option<Score>,
}

impl Task {
    /// What followed a history of a series; `season` is that of the measures, in steps.
    #[must_use]
    pub fn new(series: &str, history: &[f64], season: usize, truth: Vec<f64>) -> Self {
        let scale = scale(history, season);
        let reference = score(scale, &truth, &Banded::point(naive2(history, truth.len(), season)));
        let naive = seasonal_naive(history, truth.len(), season).and_then(|naive| score(scale, &truth, &naive));
        Self { series: series.to_owned(), truth, scale, reference, naive }
    }
}

/// Gathers scores over tasks.
#[derive(Debug, Clone, Default)]
pub struct Board {
    tasks: usize,
    smape: Mean,
    mase: Mean,
    sql: Mean,
    cov90: Mean,
    reference: [Mean; 2],
    loss: f64,
    truth: f64,
    series: BTreeMap<String, Ratios>,
}

impl Board {
    /// Scores a forecast and adds it. Says nothing of a task without any truth.
    pub fn add(&mut self, task: &Task, forecast: &Banded) {
        let Some(own) = score(task.scale, &task.truth, forecast) else { return };
        self.tasks += 1;
        self.smape.add(own.smape);
        self.mase.add(own.mase);
        self.sql.add(own.sql);
        self.cov90.add(own.cov90);
        self.loss += own.loss;
        self.truth += own.truth;
        self.reference[0].add(task.reference.map(|of| of.smape));
        self.reference[1].add(task.reference.and_then(|of| of.mase));
        let ratios = self.series.entry(task.series.clone()).or_default();
        for (mean, of) in [(&mut ratios.own, Some(own)), (&mut ratios.naive, task.naive)] {
            mean[0].add(of.and_then(|of| of.mase));
            mean[1].add(of.and_then(|of| of.sql));
        }
    }

    /// The means of all that was added.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let ratio = |own: Mean, reference: Mean| Some(own.get()? / reference.get().filter(|mean| *mean > 0.0)?);
        let owa = ratio(self.smape, self.reference[0])
            .zip(ratio(self.mase, self.reference[1]))
            .map(|(smape, mase)| (smape + mase) / 2.0);
        let relative = |of: usize| {
            let mut mean = Mean::default();
            self.series.values().for_each(|ratios| mean.add(ratios.log_ratio(of)));
            mean.get().map(f64::exp)
        };
        Summary {
            tasks: self.tasks,
            smape: self.smape.get(),
            mase: self.mase.get(),
            owa,
            wql: (self.truth > 0.0).then(|| self.loss / self.truth).filter(|ratio| ratio.is_finite()),
            sql: self.sql.get(),
            cov90: self.cov90.get(),
            relative_mase: relative(0),
            relative_sql: relative(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_domain::forecast::Fan;
    use forewarm_domain::time::TimestampMs;

    #[test]
    fn a_fan_is_measured_as_by_hand() {
        let history = [1.0, 2.0, 3.0, 4.0, 5.0, 8.0];
        assert_eq!(scale(&history, 2), Some(2.5));
        let levels = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95];
        let paths: Vec<Vec<f64>> = levels.iter().map(|level| vec![10.0 * level; 2]).collect();
        let fan = Fan::from_paths(TimestampMs(0), 1, &levels, &paths).expect("a fan");
        let found = score(scale(&history, 2), &[5.0, 20.0], &Banded::from(&fan)).expect("two steps");
        assert!((found.smape - 200.0 * 15.0 / 25.0 / 2.0).abs() < 1e-9);
        assert!((found.mase.expect("a scale") - 7.5 / 2.5).abs() < 1e-9);
        assert_eq!((found.cov90, found.truth), (0.5, 25.0));
        let by_hand: f64 = DECILES
            .iter()
            .map(|level| {
                let at = |outcome: f64| pinball(outcome, 10.0 * level, *level);
                (at(5.0) + at(20.0)) / 9.0
            })
            .sum();
        assert!((found.loss - by_hand).abs() < 1e-9);
        assert!((found.sql.expect("a scale") - by_hand / 2.0 / 2.5).abs() < 1e-9);
    }

    #[test]
    fn the_seasonal_naive_forecast_is_one_of_itself() {
        let history: Vec<f64> = (0..60_u32).map(|step| f64::from(step % 6 + step * step % 7)).collect();
        let mut board = Board::default();
        let naive = seasonal_naive(&history, 6, 6).expect("a season");
        board.add(&Task::new("a", &history, 6, vec![3.0, 1.0, 4.0, 1.0, 5.0, 9.0]), &naive);
        let found = board.summary();
        assert_eq!((found.tasks, found.relative_mase, found.relative_sql), (1, Some(1.0), Some(1.0)));
    }

    #[test]
    fn naive2_has_an_owa_of_one_and_means_leave_out_what_is_missing() {
        let history: Vec<f64> = (0..60_u32).map(|step| f64::from(1 + step * step % 7)).collect();
        let mut board = Board::default();
        let task = Task::new("a", &history, 6, vec![3.0, f64::NAN, 4.0]);
        let naive2 = Banded::point(naive2(&history, 3, 6));
        board.add(&task, &naive2);
        board.add(&Task::new("flat", &[2.0; 60], 6, vec![3.0]), &Banded::point(vec![2.5]));
        board.add(&Task::new("nothing", &history, 6, vec![f64::NAN]), &Banded::point(vec![2.5]));
        let found = board.summary();
        assert_eq!(found.tasks, 2);
        assert!(found.mase.is_some_and(f64::is_finite), "the flat one has no scale");
        let mut single = Board::default();
        single.add(&task, &naive2);
        assert!((single.summary().owa.expect("a reference") - 1.0).abs() < 1e-12);
        assert_eq!(Board::default().summary().smape, None);
    }

    #[test]
    fn what_overflows_is_left_out() {
        let history: Vec<f64> = (0..60_u32).map(|step| 1e307 * f64::from(1 + step * step % 7)).collect();
        let naive = seasonal_naive(&history, 6, 6).expect("a season");
        let mut board = Board::default();
        board.add(&Task::new("huge", &history, 6, vec![1e307; 6]), &naive);
        board.add(&Task::new("usual", &[1.0, 2.0, 4.0, 1.0], 2, vec![2.0]), &Banded::point(vec![1.0]));
        let found = board.summary();
        let all = [found.smape, found.mase, found.owa, found.wql, found.sql, found.relative_mase, found.relative_sql];
        assert!(all.into_iter().flatten().all(f64::is_finite), "{found:?}");
        assert!(found.relative_sql.is_some(), "that of the other series");
    }
}
