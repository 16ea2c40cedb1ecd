//! Launches on their way, by the step in which each ends.

use super::fleet::Launch;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Launches that end with the next step, the one after, and so on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Underway(VecDeque<Ends>);

/// Launches that end in the same step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ends {
    /// Turn out well.
    pub good: u32,
    /// Turn out to have failed.
    pub doomed: u32,
}

impl Underway {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.0.iter().fold(0, |sum, ends| sum.saturating_add(ends.good).saturating_add(ends.doomed))
    }

    /// One more launch.
    pub fn add(&mut self, Launch { steps, fails }: Launch) {
        let ends = self.slot(steps);
        *(if fails { &mut ends.doomed } else { &mut ends.good }) += 1;
    }

    /// `count` more that end well after `steps`.
    pub fn add_surely(&mut self, count: u32, steps: usize) {
        if count > 0 {
            self.slot(steps).good += count;
        }
    }

    fn slot(&mut self, steps: usize) -> &mut Ends {
        let slot = steps.max(1) - 1;
        if self.0.len() <= slot {
            self.0.resize(slot + 1, Ends::default());
        }
        &mut self.0[slot]
    }

    /// A step passes: gives what ends with it.
    pub fn advance(&mut self) -> Ends {
        self.0.pop_front().unwrap_or_default()
    }

    /// Takes up to `count` away, those first that would end last. Gives how many.
    pub fn give_up(&mut self, count: u32) -> u32 {
        let mut left = count;
        for ends in self.0.iter_mut().rev() {
            for number in [&mut ends.doomed, &mut ends.good] {
                let gone = left.min(*number);
                *number -= gone;
                left -= gone;
            }
        }
        count - left
    }

    /// Moves up to `count` over to `other`, each to end when it would have: those first that end last. Gives how many.
    pub fn hand_over_latest(&mut self, count: u32, other: &mut Self) -> u32 {
        self.hand_over((0..self.0.len()).rev(), count, other)
    }

    /// [`Self::hand_over_latest`], but those first that end soonest.
    pub fn hand_over_soonest(&mut self, count: u32, other: &mut Self) -> u32 {
        self.hand_over(0..self.0.len(), count, other)
    }

    fn hand_over(&mut self, slots: impl Iterator<Item = usize>, count: u32, other: &mut Self) -> u32 {
        let mut left = count;
        for slot in slots {
            let from = self.slot(slot + 1);
            let doomed = left.min(from.doomed);
            let good = (left - doomed).min(from.good);
            (from.doomed, from.good) = (from.doomed - doomed, from.good - good);
            left -= doomed + good;
            if doomed + good > 0 {
                let to = other.slot(slot + 1);
                (to.doomed, to.good) = (to.doomed + doomed, to.good + good);
            }
        }
        count - left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_handed_over_ends_when_it_would_have() {
        let (mut from, mut to) = (Underway::default(), Underway::default());
        from.add_surely(3, 1);
        from.add(Launch { steps: 2, fails: true });
        from.add_surely(2, 2);
        assert_eq!(from.hand_over_latest(2, &mut to), 2);
        assert_eq!((from.count(), to.count()), (4, 2));
        assert_eq!((to.advance(), to.advance()), (Ends::default(), Ends { good: 1, doomed: 1 }));
        assert_eq!(from.hand_over_soonest(2, &mut to), 2);
        assert_eq!((to.advance(), from.count()), (Ends { good: 2, doomed: 0 }, 2));
        assert_eq!(from.hand_over_latest(9, &mut to), 2);
        assert_eq!(to.advance(), Ends { good: 1, doomed: 0 }, "one of those that were left ends soonest");
    }

    #[test]
    fn those_that_would_end_last_are_given_up_first() {
        let mut underway = Underway::default();
        underway.add_surely(3, 1);
        underway.add_surely(2, 4);
        assert_eq!((underway.give_up(3), underway.count()), (3, 2));
        assert_eq!(underway.advance(), Ends { good: 2, doomed: 0 });
        assert_eq!(underway.give_up(1), 0);
    }
}
