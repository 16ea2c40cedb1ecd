//! The load that one instance serves at its objective: from the line through processor use over load.

use crate::usage::VALUES_MIN;
use forewarm_sdk::Series;

/// The least share of the variance of processor use that load must explain.
const R_SQUARED_MIN: f64 = 0.3;

/// Processor use as a line over load: `idle + per_request * load`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Cores in use without load, not negative.
    pub idle: f64,
    /// Cores per unit of load, positive.
    pub per_request: f64,
    /// How much of the variance of processor use load explains, 0 to 1.
    pub r_squared: f64,
}

impl Line {
    /// Fits by least squares, over the times at which both are there. `None` when these are too few, load does not
    /// vary, or explains too little.
    #[must_use]
    pub fn fit(requests: &Series, cpu: &Series) -> Option<Self> {
        let pairs = pairs(requests, cpu);
        if pairs.len() < VALUES_MIN {
            return None;
        }
        let count = pairs.len() as f64;
        let (sum_x, sum_y) = pairs.iter().fold((0.0, 0.0), |(x, y), pair| (x + pair.0, y + pair.1));
        let (mean_x, mean_y) = (sum_x / count, sum_y / count);
        let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
        for (x, y) in pairs {
            xx += (x - mean_x) * (x - mean_x);
            yy += (y - mean_y) * (y - mean_y);
            xy += (x - mean_x) * (y - mean_y);
        }
        let r_squared = xy * xy / (xx * yy);
        if !r_squared.is_finite() || xy <= 0.0 || r_squared < R_SQUARED_MIN {
            return None;
        }
        let slope = xy / xx;
        // A line below zero without load is one through zero.
        let idle = mean_y - slope * mean_x;
        let (idle, per_request) = if idle < 0.0 { (0.0, mean_y / mean_x) } else { (idle, slope) };
        (per_request > 0.0).then_some(Self { idle, per_request, r_squared })
    }

    /// The load at which `cores` are in use; `None` when that many are in use without any.
    #[must_use]
    pub fn load_at(&self, cores: f64) -> Option<f64> {
        let load = (cores - self.idle) / self.per_request;
        (load.is_finite() && load > 0.0).then_some(load)
    }
}

/// The values of both series at the same times; none when their steps differ.
fn pairs(a: &Series, b: &Series) -> Vec<(f64, f64)> {
    let step = i64::from(a.step_ms.max(1));
    if a.step_ms != b.step_ms || (b.start_ms - a.start_ms) % step != 0 {
        return Vec::new();
    }
    let shift = (b.start_ms - a.start_ms) / step;
    let (skip_a, skip_b) = (shift.max(0), (-shift).max(0));
    let skip = |series: &Series, count: i64| {
        series.values.iter().copied().skip(usize::try_from(count).unwrap_or(usize::MAX)).collect::<Vec<_>>()
    };
    let both = skip(a, skip_a).into_iter().zip(skip(b, skip_b));
    both.filter(|(x, y)| !x.is_nan() && !y.is_nan()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(start_ms: i64, values: Vec<f64>) -> Series {
        Series { start_ms, step_ms: 60_000, values }
    }

    fn load() -> Vec<f64> {
        (0..200).map(|step| f64::from(step % 50) * 2.0).collect()
    }

    #[test]
    fn the_line_is_found_and_read_backwards() {
        let cpu = load().iter().map(|load| 0.2 + 0.01 * load).collect();
        let line = Line::fit(&series(0, load()), &series(0, cpu)).expect("a line");
        assert!((line.idle - 0.2).abs() < 1e-9 && (line.per_request - 0.01).abs() < 1e-9 && line.r_squared > 0.999);
        assert!((line.load_at(0.7).expect("above idle") - 50.0).abs() < 1e-6);
        assert_eq!(line.load_at(0.1), None);
    }

    #[test]
    fn series_are_aligned_by_time_and_gaps_left_out() {
        let mut cpu: Vec<f64> = load().iter().map(|load| 0.01 * load).collect();
        cpu[70] = f64::NAN;
        let shifted = cpu.split_off(20);
        let line = Line::fit(&series(0, load()), &series(20 * 60_000, shifted)).expect("a line");
        assert!((line.per_request - 0.01).abs() < 1e-9);
    }

    #[test]
    fn no_line_without_a_relation() {
        let flat = vec![1.0; 200];
        assert_eq!(Line::fit(&series(0, load()), &series(0, flat.clone())), None);
        assert_eq!(Line::fit(&series(0, flat), &series(0, load())), None);
        let falling = load().iter().map(|load| 5.0 - 0.01 * load).collect();
        assert_eq!(Line::fit(&series(0, load()), &series(0, falling)), None);
        assert_eq!(Line::fit(&series(0, vec![1.0, 2.0]), &series(0, vec![1.0, 2.0])), None);
        let coarse = Series { start_ms: 0, step_ms: 300_000, values: load() };
        assert_eq!(Line::fit(&series(0, load()), &coarse), None);
    }
}
