//! The autocorrelation and the periodogram of a series, both by one Fourier transform.

use realfft::RealFftPlanner;

/// A series made fit for the transforms: gaps filled in a straight line, the linear trend taken out.
/// `None` where fewer than three values are there, or all are on one line.
#[must_use]
pub fn prepared(values: &[f64]) -> Option<Vec<f64>> {
    let mut x = filled(values)?;
    if x.len() < 3 {
        return None;
    }
    let middle = (x.len() - 1) as f64 / 2.0;
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let around = |index: usize| index as f64 - middle;
    let (mut xy, mut xx) = (0.0, 0.0);
    for (index, value) in x.iter().enumerate() {
        xy += around(index) * (value - mean);
        xx += around(index) * around(index);
    }
    let size: f64 = x.iter().map(|value| value.abs()).fold(0.0, f64::max);
    x.iter_mut().enumerate().for_each(|(index, value)| *value -= mean + xy / xx * around(index));
    // What rounding leaves of a straight line is no signal.
    x.iter().any(|value| value.abs() > 1e-9 * size).then_some(x)
}

/// Missing values in a straight line between their neighbours, those at the ends like the nearest one.
fn filled(values: &[f64]) -> Option<Vec<f64>> {
    let mut x = values.to_vec();
    let first = x.iter().position(|value| value.is_finite())?;
    let start = x[first];
    x[..first].fill(start);
    let mut last = first;
    for at in first + 1..x.len() {
        if x[at].is_finite() {
            let (from, to, count) = (x[last], x[at], (at - last) as f64);
            for (offset, value) in x[last + 1..at].iter_mut().enumerate() {
                *value = from + (to - from) * (offset + 1) as f64 / count;
            }
            last = at;
        }
    }
    let end = x[last];
    x[last..].fill(end);
    Some(x)
}

/// The power at each frequency from 0 to half a cycle per step, `k / values.len()` at index `k`.
#[must_use]
pub fn periodogram(x: &[f64]) -> Vec<f64> {
    power(x.to_vec()).iter().map(|power| power / x.len().max(1) as f64).collect()
}

/// The autocorrelation at each lag from 0, one value less than the series has.
#[must_use]
pub fn autocorrelation(x: &[f64]) -> Vec<f64> {
    if x.is_empty() {
        return Vec::new();
    }
    // Padded with as many zeros, so that the end does not meet the beginning.
    let padded = (2 * x.len()).next_power_of_two();
    let mut values = x.to_vec();
    values.resize(padded, 0.0);
    let mut planner = RealFftPlanner::<f64>::new();
    let inverse = planner.plan_fft_inverse(padded);
    let mut spectrum = inverse.make_input_vec();
    spectrum.iter_mut().zip(power(values)).for_each(|(to, power)| to.re = power);
    let mut out = inverse.make_output_vec();
    // The lengths are the plan's own and the ends are real, which is all that it asks for.
    if inverse.process(&mut spectrum, &mut out).is_err() || out[0] <= 0.0 {
        return vec![0.0; x.len()];
    }
    out[..x.len()].iter().map(|value| value / out[0]).collect()
}

fn power(mut x: Vec<f64>) -> Vec<f64> {
    if x.is_empty() {
        return x;
    }
    let forward = RealFftPlanner::<f64>::new().plan_fft_forward(x.len());
    let mut spectrum = forward.make_output_vec();
    match forward.process(&mut x, &mut spectrum) {
        Ok(()) => spectrum.iter().map(realfft::num_complex::Complex::norm_sqr).collect(),
        Err(_) => vec![0.0; spectrum.len()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_trend_are_gone() {
        assert_eq!(filled(&[f64::NAN, 1.0, f64::NAN, 3.0, f64::NAN]), Some(vec![1.0, 1.0, 2.0, 3.0, 3.0]));
        assert_eq!(prepared(&[f64::NAN; 5]), None);
        assert_eq!(prepared(&[7.0; 9]), None);
        assert_eq!(prepared(&[1.0, 2.0, 3.0, 4.0]), None, "a straight line");
        let x = prepared(&[0.0, 3.0, 2.0, 5.0]).expect("a signal");
        assert!(x.iter().sum::<f64>().abs() < 1e-12);
    }

    #[test]
    fn a_wave_shows_in_both() {
        let wave: Vec<f64> = (0..96).map(|step| (f64::from(step) / 12.0 * std::f64::consts::TAU).sin()).collect();
        let power = periodogram(&wave);
        let peak = (0..power.len()).max_by(|a, b| power[*a].total_cmp(&power[*b]));
        assert_eq!((peak, power.len()), (Some(8), 49));
        let correlation = autocorrelation(&wave);
        assert!((correlation[0] - 1.0).abs() < 1e-12);
        assert!((correlation[12] - 84.0 / 96.0).abs() < 1e-9 && correlation[6] < -0.9, "{correlation:?}");
    }

    #[test]
    fn it_is_the_sum_of_products() {
        let x = [1.0, -2.0, 0.5, 3.0, -2.5];
        let variance: f64 = x.iter().map(|value| value * value).sum();
        for (lag, found) in autocorrelation(&x).iter().enumerate() {
            let expected: f64 = x.iter().zip(&x[lag..]).map(|(a, b)| a * b).sum::<f64>() / variance;
            assert!((found - expected).abs() < 1e-12, "{lag}");
        }
    }
}
