//! One pass over the bids in the order of service: how many units each gets, how many asks are sold, and which price that
//! makes. Which unit goes to whom is decided later; here only the amounts count.

use crate::{money::Price, order::Quantity, priority::Ranking};

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

/// The outcome of a pass.
#[derive(Debug)]
pub(crate) struct Awards {
    /// One per bid, by rank.
    pub(crate) bids: Vec<Award>,
    /// Units traded: the first ones in the order of the asks.
    pub(crate) units: u64,
    /// What all pay; none without a trade.
    pub(crate) price: Option<Price>,
}

/// Units that may be bought per organisation, by its number.
pub(crate) type Caps = Vec<u64>;

/// Serves each bid from the asks whose reserve it meets. A bid that gets less than it wants ends the pass and bounds the
/// price from below, because whoever comes after would pay no more. A bid whose min-fill or cap can't be met is passed
/// over and bounds nothing.
pub(crate) fn award(ranking: &Ranking<'_>, caps: &Caps) -> Awards {
    let mut left = caps.clone();
    let mut bids = vec![Award::default(); ranking.bids.len()];
    let (mut units, mut rejected) = (0, None);
    let mut supply = Supply::new(ranking);
    for (award, ranked) in bids.iter_mut().zip(&ranking.bids) {
        let (bid, left) = (ranked.order, &mut left[ranked.organisation]);
        let offered = supply.up_to(bid.limit);
        let available = offered.saturating_sub(units);
        let (quantity, min_fill) = (bid.quantity.get(), bid.min_fill.map_or(1, Quantity::get));
        let wanted = at_most(quantity, *left);
        if wanted < min_fill {
            award.passed = (offered > 0).then_some(Passed::SelfTrade);
            continue;
        }
        let filled = at_most(wanted, available);
        if (1..min_fill).contains(&filled) {
            award.passed = Some(Passed::MinFill);
            continue;
        }
        award.units = filled;
        units += u64::from(filled);
        *left -= u64::from(filled);
        if filled < wanted {
            rejected = Some(bid.limit);
            break;
        }
        award.passed = (wanted < quantity).then_some(Passed::SelfTrade);
    }
    let price = last_sold_reserve(ranking, units).map(|reserve| rejected.map_or(reserve, |limit| reserve.max(limit)));
    Awards { bids, units, price }
}

fn at_most(units: u32, bound: u64) -> u32 {
    u32::try_from(bound).map_or(units, |bound| units.min(bound))
}

/// How much is offered at falling prices: each ask is looked at once in a whole pass.
struct Supply<'r, 'a> {
    ranking: &'r Ranking<'a>,
    /// Asks that are still within the price.
    asks: usize,
    units: u64,
}

impl<'r, 'a> Supply<'r, 'a> {
    fn new(ranking: &'r Ranking<'a>) -> Self {
        let units = ranking.asks.iter().map(|ask| u64::from(ask.order.quantity.get())).sum();
        Self { ranking, asks: ranking.asks.len(), units }
    }

    /// Units whose reserve is at most `limit`, which must not rise from call to call.
    fn up_to(&mut self, limit: Price) -> u64 {
        while let Some(last) = self.ranking.asks[..self.asks].last().filter(|ask| ask.order.reserve > limit) {
            self.asks -= 1;
            self.units -= u64::from(last.order.quantity.get());
        }
        self.units
    }
}

/// Units sold per ask, by rank, when `units` are sold in all.
pub(crate) fn sold(ranking: &Ranking<'_>, units: u64) -> impl Iterator<Item = u32> {
    ranking.asks.iter().scan(units, |left, ask| {
        let sold = at_most(ask.order.quantity.get(), *left);
        *left -= u64::from(sold);
        Some(sold)
    })
}

fn last_sold_reserve(ranking: &Ranking<'_>, units: u64) -> Option<Price> {
    let sold = ranking.asks.iter().zip(sold(ranking, units)).take_while(|(_, sold)| *sold > 0);
    sold.last().map(|(ask, _)| ask.order.reserve)
}
