//! One pass over the bids in the order of service: how many units each gets, how many asks are sold, and which price that
//! makes. Which unit goes to whom is decided later; here only the amounts count.

use crate::priority::{Ranked, Ranking};

/// Why a bid that asks were on offer for was passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passed {
    /// Less than its min-fill was left.
    MinFill,
    /// Its organisation has bought all that it can without buying from itself.
    SelfTrade,
}

/// The outcome for one bid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Award {
    pub(crate) units: u32,
    pub(crate) passed: Option<Passed>,
}

/// The outcome of a pass. Prices are on the scale of the ranking.
#[derive(Debug)]
pub(crate) struct Awards {
    /// One per bid, by rank.
    pub(crate) bids: Vec<Award>,
    /// Units traded: the first ones in the order of the asks.
    pub(crate) units: u64,
    /// What all pay, the least that suits everybody; none without a trade.
    pub(crate) price: Option<u32>,
}

/// Units that may be bought per organisation, by its number.
pub(crate) type Caps = Vec<u64>;

/// Serves each bid from the asks whose reserve it meets. A bid that gets less than it wants ends the pass and bounds the
/// price from below, because whoever comes after would pay no more. A bid whose min-fill or cap can't be met is passed
/// over and bounds nothing.
pub(crate) fn award(ranking: &Ranking, caps: &Caps) -> Awards {
    let mut left = caps.clone();
    let mut bids = vec![Award::default(); ranking.bids.len()];
    let (mut units, mut rejected) = (0, None);
    let mut supply = Supply::new(&ranking.asks);
    for (award, bid) in bids.iter_mut().zip(&ranking.bids) {
        let left = &mut left[bid.organisation as usize];
        let offered = supply.up_to(bid.price);
        let available = offered.saturating_sub(units);
        let wanted = at_most(bid.units, *left);
        if wanted < bid.min_fill {
            award.passed = (offered > 0).then_some(Passed::SelfTrade);
            continue;
        }
        let filled = at_most(wanted, available);
        if (1..bid.min_fill).contains(&filled) {
            award.passed = Some(Passed::MinFill);
            continue;
        }
        award.units = filled;
        units += u64::from(filled);
        *left -= u64::from(filled);
        if filled < wanted {
            rejected = Some(bid.price);
            break;
        }
        award.passed = (wanted < bid.units).then_some(Passed::SelfTrade);
    }
    let reserve = sold(ranking, units).last().map(|(ask, _)| ask.price);
    let price = reserve.map(|reserve| rejected.map_or(reserve, |limit| reserve.max(limit)));
    Awards { bids, units, price }
}

fn at_most(units: u32, bound: u64) -> u32 {
    u32::try_from(bound).map_or(units, |bound| units.min(bound))
}

/// How much is offered at falling prices: each ask is looked at once in a whole pass.
struct Supply<'r> {
    /// Asks that are still within the price.
    asks: &'r [Ranked],
    units: u64,
}

impl<'r> Supply<'r> {
    fn new(asks: &'r [Ranked]) -> Self {
        Self { asks, units: asks.iter().map(|ask| u64::from(ask.units)).sum() }
    }

    /// Units whose reserve is at most `limit`, which must not rise from call to call.
    fn up_to(&mut self, limit: u32) -> u64 {
        while let Some((last, rest)) = self.asks.split_last().filter(|(ask, _)| ask.price > limit) {
            self.asks = rest;
            self.units -= u64::from(last.units);
        }
        self.units
    }
}

/// The asks that sell, by rank, and how much each does when `units` are sold in all.
pub(crate) fn sold(ranking: &Ranking, units: u64) -> impl Iterator<Item = (&Ranked, u32)> {
    let sold = ranking.asks.iter().scan(units, |left, ask| {
        let sold = at_most(ask.units, *left);
        *left -= u64::from(sold);
        Some((ask, sold))
    });
    sold.take_while(|(_, sold)| *sold > 0)
}

/// The highest price at which everybody would trade the same: what the last winner pays at most, or what the first owner
/// with units left asks for. `u32::MAX` where nobody sets a bound.
pub(crate) fn highest_price(ranking: &Ranking, awards: &Awards) -> u32 {
    let winner = ranking.bids.iter().zip(&awards.bids).rev().find(|(_, award)| award.units > 0);
    let bounds = winner.map(|(bid, _)| bid.price).into_iter().chain(first_unsold(ranking, awards).map(|ask| ask.price));
    bounds.min().unwrap_or(u32::MAX)
}

/// The cheapest ask that has units left.
pub(crate) fn first_unsold<'r>(ranking: &'r Ranking, awards: &Awards) -> Option<&'r Ranked> {
    let full = sold(ranking, awards.units).take_while(|(ask, sold)| *sold == ask.units).count();
    ranking.asks.get(full)
}

/// The best bid that got less than it wants, other than those that were passed over.
pub(crate) fn first_waiting<'r>(ranking: &'r Ranking, awards: &Awards) -> Option<&'r Ranked> {
    let by_rank = ranking.bids.iter().zip(&awards.bids);
    let waiting = |(bid, award): &(&Ranked, &Award)| award.passed.is_none() && award.units < bid.units;
    by_rank.into_iter().find(waiting).map(|(bid, _)| bid)
}

/// The lowest price at which everybody would trade the same. Without a trade, that which the best bid waits at; none
/// where nobody waits.
pub(crate) fn lowest_price(ranking: &Ranking, awards: &Awards) -> Option<u32> {
    awards.price.or_else(|| first_waiting(ranking, awards).map(|bid| bid.price))
}
