//! How rare a deviation is among all that were seen: a histogram whose bins grow with the numbers, so that it needs no
//! scale, and the tail probability that it gives.

use serde::{Deserialize, Serialize};

/// Nothing is concluded from fewer deviations.
const SEEN_MIN: u32 = 20;
/// Bins that are kept; beyond them the two smallest become one.
const BINS_MAX: usize = 256;
/// A deviation of twice the largest one counts as this many powers of ten rarer.
const BEYOND: f64 = 0.5;
/// Deviations of more than this many times the largest, as a power of two, are told apart no more.
const BEYOND_MAX: f64 = 4.0;
/// The largest deviation is forgotten by this share a value.
const FORGET_LARGEST: f64 = 1e-5;

/// The sizes of past deviations.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Tail {
    /// How many there were in each bin, rising.
    bins: Vec<(u16, u32)>,
    seen: u32,
    largest: f64,
}

/// What of a number's bits does not tell its bin: all but the exponent and two digits, which make four bins for every
/// power of two.
const WITHIN_BIN: u32 = f64::MANTISSA_DIGITS - 1 - 2;

/// The bin of a size.
fn bin(size: f64) -> u16 {
    if size > 0.0 { (size.to_bits() >> WITHIN_BIN) as u16 } else { 0 }
}

/// The least size of a bin.
fn least(bin: u16) -> f64 {
    f64::from_bits(u64::from(bin) << WITHIN_BIN)
}

impl Tail {
    /// Counts the deviations, those that were forgotten left out.
    #[must_use]
    pub fn seen(&self) -> u32 {
        self.seen
    }

    /// Gives how rare a deviation of this size is: minus the logarithm, to the base 10, of the share of past ones that
    /// were as large, and more beyond the largest; 0 while little is known.
    #[must_use]
    pub fn rarity(&self, size: f64) -> f64 {
        if self.seen < SEEN_MIN || size <= 0.0 {
            return 0.0;
        }
        let at = bin(size);
        let larger = self.bins.iter().rev().take_while(|(bin, _)| *bin >= at);
        let above = larger.fold(0.0, |sum, (bin, count)| sum + f64::from(*count) * if *bin == at { 0.5 } else { 1.0 });
        let beyond = if above < 0.75 && self.largest > 0.0 && size > self.largest {
            libm::log2(size / self.largest).min(BEYOND_MAX)
        } else {
            0.0
        };
        BEYOND * beyond - libm::log10((above + 0.5) / (f64::from(self.seen) + 1.0))
    }

    /// Gives the least size, about, that is at least so rare; `None` while that is not known.
    #[must_use]
    pub fn size(&self, rarity: f64) -> Option<f64> {
        if self.seen < SEEN_MIN {
            return None;
        }
        let share = libm::exp10(-rarity);
        let wanted = share * (f64::from(self.seen) + 1.0) - 0.5;
        let mut above = 0.0;
        for (bin, count) in self.bins.iter().rev() {
            above += f64::from(*count);
            if above > wanted && wanted > 0.0 {
                return Some(least(bin + 1).min(self.largest));
            }
        }
        let rarest = -libm::log10(0.5 / (f64::from(self.seen) + 1.0));
        Some(self.largest * libm::exp2(((rarity - rarest) / BEYOND).clamp(0.0, BEYOND_MAX)))
    }

    /// Takes in a deviation; after `memory` of them, older ones count half as much.
    pub fn put(&mut self, size: f64, memory: u32) {
        if self.seen >= memory {
            self.halve();
        }
        match self.bins.binary_search_by_key(&bin(size), |(bin, _)| *bin) {
            Ok(at) => self.bins[at].1 += 1,
            Err(at) => self.bins.insert(at, (bin(size), 1)),
        }
        self.seen += 1;
        if self.bins.len() > BINS_MAX {
            let (_, smallest) = self.bins.remove(0);
            self.bins[0].1 += smallest;
        }
        self.largest = if size > self.largest { size } else { self.largest * (1.0 - FORGET_LARGEST) };
    }

    fn halve(&mut self) {
        self.bins.iter_mut().for_each(|(_, count)| *count /= 2);
        self.bins.retain(|(_, count)| *count > 0);
        self.seen = self.bins.iter().map(|(_, count)| count).sum();
    }
}

/// Deviations upwards and downwards, each judged among its like: a fall stands out in a series that often peaks.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Sides {
    /// Upwards.
    pub up: Tail,
    /// Downwards.
    pub down: Tail,
}

impl Sides {
    /// Gives how rare a deviation is, and takes it in.
    pub fn judge(&mut self, deviation: f64, memory: u32) -> f64 {
        let side = if deviation >= 0.0 { &self.up } else { &self.down };
        let rarity = side.rarity(deviation.abs());
        self.up.put(deviation.max(0.0), memory);
        self.down.put((-deviation).max(0.0), memory);
        rarity
    }

    /// Gives how far a value may lie below and above without being that rare.
    #[must_use]
    pub fn reach(&self, rarity: f64) -> Option<(f64, f64)> {
        self.down.size(rarity).zip(self.up.size(rarity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(sizes: impl IntoIterator<Item = f64>) -> Tail {
        let mut tail = Tail::default();
        sizes.into_iter().for_each(|size| tail.put(size, 100_000));
        tail
    }

    #[test]
    fn rarity_is_a_power_of_ten() {
        let tail = filled((1..=1_000).map(f64::from));
        assert!((tail.rarity(900.0) - 1.0).abs() < 0.35, "{}", tail.rarity(900.0));
        assert!(tail.rarity(2_100.0) > tail.rarity(1_200.0) && tail.rarity(1_200.0) > 3.0);
        assert_eq!(tail.rarity(0.0), 0.0);
        assert_eq!(filled([1.0; 10]).rarity(5.0), 0.0, "ten values say nothing");
    }

    #[test]
    fn a_size_is_as_rare_as_was_asked() {
        let tail = filled((1..=1_000).map(f64::from));
        for (rarity, wanted) in [(0.5, 684.0), (1.0, 900.0), (2.0, 990.0), (3.0, 999.0)] {
            let size = tail.size(rarity).expect("known");
            assert!((size / wanted - 1.0).abs() < 0.26, "{rarity}: {size}");
        }
        let size = tail.size(4.5).expect("known");
        assert!((tail.rarity(size) - 4.5).abs() < 0.01, "{size} {}", tail.rarity(size));
        assert!(tail.size(99.0).expect("known").is_finite());
    }

    #[test]
    fn sizes_of_every_magnitude_are_told_apart_in_bounded_memory() {
        let tail = filled((-300..300).map(|power| libm::exp10(f64::from(power))));
        assert!(tail.bins.len() <= BINS_MAX && tail.seen() == 600);
        assert!(tail.rarity(1e299) > tail.rarity(1e290));
    }

    #[test]
    fn the_old_is_forgotten() {
        let mut tail = filled([100.0; 50]);
        (0..2_000).for_each(|_| tail.put(1.0, 200));
        assert!(tail.seen() <= 200 && tail.rarity(100.0) > 2.0, "{tail:?}");
    }

    #[test]
    fn sides_are_judged_apart() {
        let mut sides = Sides::default();
        (0..500).for_each(|step| {
            sides.judge(if step % 10 == 0 { 50.0 } else { -1.0 }, 100_000);
        });
        assert!(sides.clone().judge(-50.0, 100_000) > sides.clone().judge(50.0, 100_000) + 1.0);
    }
}
