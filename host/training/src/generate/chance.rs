//! Random numbers of the kinds that series are drawn from.

use rand::RngExt;
use rand::rngs::StdRng;

/// A standard normal number (Box and Muller 1958).
pub(super) fn normal(random: &mut StdRng) -> f64 {
    let (radius, angle) = (random.random_range(f64::EPSILON..1.0), random.random_range(0.0..std::f64::consts::TAU));
    (-2.0 * f64::ln(radius)).sqrt() * angle.cos()
}

/// A number whose logarithm is uniform.
pub(super) fn log_uniform(random: &mut StdRng, low: f64, high: f64) -> f64 {
    random.random_range(low.ln()..high.ln()).exp()
}

/// True in so many of 100 cases.
pub(super) fn percent(random: &mut StdRng, share: f64) -> bool {
    random.random_bool(share / 100.0)
}

/// How many events happen at a mean rate: exact for small rates (Knuth 1969), normal for large ones.
pub(super) fn poisson(random: &mut StdRng, rate: f64) -> f64 {
    if rate > 30.0 {
        return (rate + rate.sqrt() * normal(random)).round().max(0.0);
    }
    let (least, mut product, mut count) = ((-rate).exp(), random.random_range(0.0..1.0), 0.0);
    while product > least {
        product *= random.random_range(0.0..1.0);
        count += 1.0;
    }
    count
}

/// Noise of variance 1 that remembers a share of itself at every step; some of it has heavy tails.
pub(super) struct Noise {
    memory: f64,
    heavy: bool,
    state: f64,
}

impl Noise {
    pub(super) fn new(random: &mut StdRng, memory: f64) -> Self {
        Self { memory, heavy: percent(random, 20.0), state: normal(random) }
    }

    /// White in some series, with a memory of hours to days in the others.
    pub(super) fn draw(random: &mut StdRng) -> Self {
        let memory = if percent(random, 35.0) { 0.0 } else { 1.0 - log_uniform(random, 0.01, 1.0) };
        Self::new(random, memory)
    }

    pub(super) fn next(&mut self, random: &mut StdRng) -> f64 {
        let mut fresh = normal(random);
        if self.heavy {
            fresh *= log_uniform(random, 0.2, 3.0);
        }
        self.state = self.memory * self.state + (1.0 - self.memory * self.memory).sqrt() * fresh;
        self.state
    }
}
