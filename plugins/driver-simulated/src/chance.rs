//! Chance without state: every draw is a hash of the seed and of what is drawn for, so that a repeated run, a restarted
//! host and a repeated call all meet the same cloud.

/// A source of draws for one occasion.
#[derive(Debug, Clone, Copy)]
pub struct Chance(u64);

impl Chance {
    /// The draws for the occasion that `parts` name, under a seed.
    #[must_use]
    pub fn new(seed: u64, parts: &[&str]) -> Self {
        let mut hash = mix(seed ^ 0x9E37_79B9_7F4A_7C15);
        for part in parts {
            for byte in part.bytes() {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
            }
            // Ends each part, so that ("ab", "c") and ("a", "bc") differ.
            hash = mix(hash);
        }
        Self(hash)
    }

    /// 64 even bits; `index` tells draws of one occasion apart.
    #[must_use]
    pub fn bits(self, index: u64) -> u64 {
        mix(self.0.wrapping_add(index.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }

    /// An even draw from the open interval (0, 1).
    #[must_use]
    pub fn uniform(self, index: u64) -> f64 {
        ((self.bits(index) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Whether something of this probability happens.
    #[must_use]
    pub fn happens(self, index: u64, probability: f64) -> bool {
        probability > 0.0 && self.uniform(index) < probability
    }

    /// A log-normal draw in milliseconds, around a median in seconds (Box and Muller 1958).
    #[must_use]
    pub fn log_normal_ms(self, index: u64, median_s: f64, sigma: f64) -> i64 {
        let (first, second) = (self.uniform(index), self.uniform(index + 1));
        let normal = (-2.0 * first.ln()).sqrt() * (std::f64::consts::TAU * second).cos();
        (median_s * 1_000.0 * (sigma * normal).exp()).round().clamp(0.0, 1e12) as i64
    }
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_occasion_draws_the_same() {
        let draw = |seed, parts: &[&str]| Chance::new(seed, parts).bits(0);
        assert_eq!(draw(1, &["a", "b"]), draw(1, &["a", "b"]));
        assert_ne!(draw(1, &["a", "b"]), draw(2, &["a", "b"]));
        assert_ne!(draw(1, &["ab", "c"]), draw(1, &["a", "bc"]));
    }

    #[test]
    fn latencies_have_their_median_and_spread() {
        let mut draws: Vec<i64> =
            (0..4_001).map(|index| Chance::new(7, &[&index.to_string()]).log_normal_ms(0, 300.0, 0.1)).collect();
        draws.sort_unstable();
        let at = |share: f64| draws[(share * 4_000.0) as usize] as f64 / 1_000.0;
        assert!((at(0.5) - 300.0).abs() < 4.0, "{}", at(0.5));
        // The 95th percentile of a log-normal lies at the median times e^(1.645 sigma).
        assert!((at(0.95) - 300.0 * (0.1645_f64).exp()).abs() < 6.0, "{}", at(0.95));
    }

    #[test]
    fn without_spread_every_draw_is_the_median() {
        assert_eq!(Chance::new(3, &["x"]).log_normal_ms(5, 5.0, 0.0), 5_000);
    }

    #[test]
    fn rates_are_met() {
        let hits = (0..10_000).filter(|index| Chance::new(1, &[&index.to_string()]).happens(0, 0.2)).count();
        assert!((1_850..2_150).contains(&hits), "{hits}");
        assert!(!Chance::new(1, &[]).happens(0, 0.0));
        assert!(Chance::new(1, &[]).happens(0, 1.0));
    }
}
