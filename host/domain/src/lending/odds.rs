//! How likely what is lent is needed again, and for how much of the window.

use super::DeliveryWindow;
use super::surplus::steps_within;
use crate::forecast::Fan;

/// A whole in parts per million.
pub(super) const WHOLE_PPM: u32 = 1_000_000;

/// How likely what is lent is needed within the window, in parts per million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Odds {
    /// How likely one is needed at all: pi.
    pub reclaim_ppm: u32,
    /// What share of the window is then left: rho.
    pub unused_ppm: u32,
}

/// How likely the load exceeds `kept` at any step, taken as the highest chance of a single one: the steps of a load go
/// together. What is left then is weighed by how the chance grows.
pub(super) fn odds_above(fans: &[&Fan], window: DeliveryWindow, kept: f64) -> Odds {
    let length = window.until().since(window.from()).max(1) as f64;
    let mut chances: Vec<(i64, f64)> = Vec::new();
    for fan in fans {
        for step in steps_within(fan, window) {
            let begin = (fan.start() + fan.step_ms() * step as i64).max(window.from());
            chances.push((begin.0, fan.exceedance(step, kept).clamp(0.0, 1.0)));
        }
    }
    chances.sort_by_key(|(begin, _)| *begin);
    let (mut peak, mut unused) = (0.0_f64, 0.0_f64);
    for (begin, chance) in chances {
        let grown = (chance - peak).max(0.0);
        unused += grown * (window.until().0 - begin) as f64 / length;
        peak += grown;
    }
    let rho = if peak > 0.0 { unused / peak } else { 0.0 };
    Odds { reclaim_ppm: ppm(peak), unused_ppm: ppm(rho) }
}

fn ppm(share: f64) -> u32 {
    // A float converts to an integer saturating, and `NaN` to zero.
    ((share * f64::from(WHOLE_PPM)).ceil() as u32).min(WHOLE_PPM)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{MINUTE_MS, TimestampMs};

    #[test]
    fn chances_add_up_as_they_grow() {
        // Above 10 with 20% from the first of four minutes on, with 50% from the third on.
        let low = vec![0.0, 0.0, 0.0, 0.0];
        let paths = [low, vec![10.0, 10.0, 4.0, 4.0], vec![20.0; 4], vec![20.0; 4]];
        let fan = Fan::from_paths(TimestampMs(0), MINUTE_MS, &[0.1, 0.5, 0.8, 0.9], &paths).expect("valid");
        let window = DeliveryWindow::new(TimestampMs(0), TimestampMs(4 * MINUTE_MS)).expect("valid");
        let found = odds_above(&[&fan], window, 10.0);
        let at_first = fan.exceedance(0, 10.0);
        let later = fan.exceedance(2, 10.0).max(at_first);
        let rho = (at_first + (later - at_first) * 0.5) / later;
        assert_eq!(found, Odds { reclaim_ppm: ppm(later), unused_ppm: ppm(rho) });
        assert_eq!(odds_above(&[&fan], window, 50.0), Odds::default());
    }
}
