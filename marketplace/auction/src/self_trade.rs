//! Keeps an organisation from buying its own capacity. The trades of a book can be paired without a pair inside one
//! organisation exactly when nobody buys and sells more than all trades together (Hall's theorem for this graph); so at
//! most one organisation at a time can stand in the way. Its lowest-ranked purchases are cut until the rest fits. Its
//! asks stay: what it would have bought from itself it may simply use.

use crate::{
    matching::{Awards, Caps, award, sold},
    priority::Ranking,
};

/// How often an organisation is looked for that has to be cut. Without min-fills two looks are enough; past these few,
/// which only contrived min-fills reach, every organisation on both sides loses its bids, so that the work stays bounded.
const LOOKS_MAX: usize = 8;

/// Awards that can be paired across organisations.
pub(crate) fn award_across(ranking: &Ranking) -> Awards {
    let mut caps: Caps = vec![u64::MAX; ranking.organisations];
    for _ in 0..LOOKS_MAX {
        let awards = award(ranking, &caps);
        let Some((organisation, bought)) = self_dealer(ranking, &awards) else { return awards };
        caps[organisation] = largest_cap(ranking, &mut caps.clone(), organisation, bought);
    }
    ranking.asks.iter().for_each(|ask| caps[ask.organisation as usize] = 0);
    award(ranking, &caps)
}

/// The most units that `organisation` may buy so that it need not buy from itself. Cutting one unit either lets another
/// buyer in, or drops one ask: without min-fills the excess never rises and falls by at most one, so that halving finds
/// the exact place. With min-fills it finds a place that holds.
fn largest_cap(ranking: &Ranking, caps: &mut Caps, organisation: usize, bought: u64) -> u64 {
    let (mut holds, mut fails) = (0, bought);
    while fails - holds > 1 {
        let middle = holds + (fails - holds) / 2;
        caps[organisation] = middle;
        let awards = award(ranking, caps);
        if turnover(ranking, &awards)[organisation].exceeds(awards.units) {
            fails = middle;
        } else {
            holds = middle;
        }
    }
    holds
}

#[derive(Debug, Clone, Copy, Default)]
struct Turnover {
    bought: u64,
    sold: u64,
}

impl Turnover {
    fn exceeds(self, units: u64) -> bool {
        self.bought + self.sold > units
    }
}

fn turnover(ranking: &Ranking, awards: &Awards) -> Vec<Turnover> {
    let mut turnover = vec![Turnover::default(); ranking.organisations];
    for (bid, award) in ranking.bids.iter().zip(&awards.bids) {
        turnover[bid.organisation as usize].bought += u64::from(award.units);
    }
    for (ask, sold) in sold(ranking, awards.units) {
        turnover[ask.organisation as usize].sold += u64::from(sold);
    }
    turnover
}

/// The organisation that would have to trade with itself, and what it buys. One that only buys or only sells never is:
/// its turnover is at most all units.
fn self_dealer(ranking: &Ranking, awards: &Awards) -> Option<(usize, u64)> {
    let turnover = turnover(ranking, awards);
    let dealer = turnover.iter().position(|turnover| turnover.exceeds(awards.units))?;
    Some((dealer, turnover[dealer].bought))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Seed,
        matching::Passed,
        order::{Ask, Bid},
        priority::{Part, Scale},
        test_orders::{ask, bid, book},
    };

    /// Units and flag per bid (by id), and the price.
    fn check(asks: Vec<Ask>, bids: Vec<Bid>, expected: &[(u32, Option<Passed>)], price: Option<u32>) {
        let book = book(asks, bids);
        let part = Part::alone(&book, Scale::PLAIN);
        let ranking = Ranking::new(&[part], book.organisations().len(), Seed([0; 32]));
        let awards = award_across(&ranking);
        let mut found = vec![(0, None); ranking.bids.len()];
        for (bid, award) in ranking.bids.iter().zip(&awards.bids) {
            found[bid.place as usize] = (award.units, award.passed);
        }
        assert_eq!((found.as_slice(), awards.price), (expected, price));
    }

    #[test]
    fn nobody_is_cut_while_a_crosswise_pairing_exists() {
        let (asks, bids) = (vec![ask(1, "a", 1, 5), ask(2, "b", 2, 5)], vec![bid(3, "a", 9, 5), bid(4, "b", 8, 5)]);
        check(asks, bids, &[(5, None), (5, None)], Some(2));
    }

    #[test]
    fn what_is_cut_goes_to_others() {
        // Without the rule `a` buys 6 of the 8 units, 5 of them its own. Cut to 3, it buys all that `b` sells.
        let (asks, bids) = (vec![ask(1, "a", 1, 5), ask(2, "b", 2, 3)], vec![bid(3, "a", 9, 6), bid(4, "c", 5, 9)]);
        check(asks, bids, &[(3, Some(Passed::SelfTrade)), (5, None)], Some(5));
    }

    #[test]
    fn alone_with_itself_nobody_trades() {
        check(vec![ask(1, "a", 1, 5)], vec![bid(2, "a", 9, 5)], &[(0, Some(Passed::SelfTrade))], None);
    }
}
