//! Who buys from whom. Any pairing gives everybody the same units at the same price; this one follows the ranks and then
//! exchanges partners where both are of one organisation.

/// Units that an order trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stake {
    /// The place of the order.
    pub(crate) place: u32,
    pub(crate) organisation: u32,
    pub(crate) units: u32,
}

/// Units that go from an ask to a bid, each by its place among the stakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) bid: usize,
    pub(crate) ask: usize,
    pub(crate) units: u32,
}

/// Pairs of different organisations, each at most once, by rank. Both sides are by rank and come to the same units, and
/// no organisation trades more than half of both sides together.
pub(crate) fn pair(bids: &[Stake], asks: &[Stake]) -> Vec<Pair> {
    let pairs = by_rank(bids, asks);
    if !pairs.iter().any(|pair| bids[pair.bid].organisation == asks[pair.ask].organisation) {
        return pairs;
    }
    let mut pairs = apart(bids, asks, pairs);
    pairs.sort_unstable_by_key(|pair| (pair.bid, pair.ask));
    pairs.dedup_by(|next, kept| {
        let same = (next.bid, next.ask) == (kept.bid, kept.ask);
        if same {
            kept.units += next.units;
        }
        same
    });
    pairs
}

/// The best bid takes the cheapest asks, and so on down.
fn by_rank(bids: &[Stake], asks: &[Stake]) -> Vec<Pair> {
    let mut asks = asks.iter().map(|ask| ask.units).enumerate();
    let (mut ask, mut left) = (0, 0);
    let mut pairs = Vec::with_capacity(bids.len() + asks.len());
    for (bid, stake) in bids.iter().enumerate() {
        let mut wanted = stake.units;
        while wanted > 0 {
            if left == 0 {
                let Some(next) = asks.next() else { return pairs };
                (ask, left) = next;
                continue;
            }
            let units = wanted.min(left);
            pairs.push(Pair { bid, ask, units });
            (wanted, left) = (wanted - units, left - units);
        }
    }
    pairs
}

/// Exchanges partners until no pair is of one organisation: first pairs of two different organisations among each other,
/// and those of the one that may be left with pairs that it has no part in.
fn apart(bids: &[Stake], asks: &[Stake], pairs: Vec<Pair>) -> Vec<Pair> {
    let buyer = |pair: &Pair| bids[pair.bid].organisation;
    let seller = |pair: &Pair| asks[pair.ask].organisation;
    let (own, mut others): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|pair| buyer(pair) == seller(pair));
    // All of one organisation at any time.
    let mut waiting: Vec<Pair> = Vec::new();
    for mut pair in own {
        while let Some(other) = waiting.last_mut().filter(|other| pair.units > 0 && buyer(other) != buyer(&pair)) {
            exchange(&mut pair, other, &mut others);
            waiting.pop_if(|other| other.units == 0);
        }
        if pair.units > 0 {
            waiting.push(pair);
        }
    }
    let mut done = Vec::with_capacity(others.len() + waiting.len());
    for mut pair in others {
        let strange = |own: &&mut Pair| buyer(own) != buyer(&pair) && buyer(own) != seller(&pair);
        let mut free = pair;
        while let Some(own) = waiting.last_mut().filter(strange).filter(|_| free.units > 0) {
            exchange(&mut free, own, &mut done);
            waiting.pop_if(|own| own.units == 0);
        }
        pair.units = free.units;
        if pair.units > 0 {
            done.push(pair);
        }
    }
    debug_assert!(waiting.is_empty(), "the awards left no partner for {waiting:?}");
    done
}

/// Moves as many units as both have to the crosswise pairs.
fn exchange(one: &mut Pair, other: &mut Pair, crosswise: &mut Vec<Pair>) {
    let units = one.units.min(other.units);
    crosswise.push(Pair { bid: one.bid, ask: other.ask, units });
    crosswise.push(Pair { bid: other.bid, ask: one.ask, units });
    one.units -= units;
    other.units -= units;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stakes as (organisation, units).
    fn check(asks: &[(u32, u32)], bids: &[(u32, u32)], expected: &[(usize, usize, u32)]) {
        let stakes = |side: &[(u32, u32)]| -> Vec<Stake> {
            side.iter().zip(0..).map(|(&(organisation, units), place)| Stake { place, organisation, units }).collect()
        };
        let pairs = pair(&stakes(bids), &stakes(asks));
        assert_eq!(pairs.iter().map(|pair| (pair.bid, pair.ask, pair.units)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn strangers_are_paired_by_rank() {
        check(&[(0, 5), (1, 5)], &[(2, 7), (3, 3)], &[(0, 0, 5), (0, 1, 2), (1, 1, 3)]);
    }

    #[test]
    fn own_pairs_exchange_partners() {
        check(&[(0, 5), (1, 5)], &[(0, 5), (1, 5)], &[(0, 1, 5), (1, 0, 5)]);
    }

    #[test]
    fn the_last_organisation_exchanges_with_strangers() {
        check(&[(0, 2), (1, 3)], &[(0, 2), (2, 2), (3, 1)], &[(0, 1, 2), (1, 0, 2), (2, 1, 1)]);
    }
}
