//! The best allocation of small books of both classes, by trying all: a programme over the sets of sold units, one bid
//! after the other. It shares nothing with the mechanism but the rules, and knows min-fills and organisations, too.

use crate::orders::{Shape, strangers};
use crate::two_class::{markets, two_class_book};
use forewarm_auction::{Bid, LeaseClass, Quantity, Regime, TwoClassClearing, TwoClassOrders, clear_market};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What all gain, and how many units are traded for it.
pub(crate) type Welfare = (i64, u32);

/// One unit on offer.
struct Unit<'a> {
    reserve: i64,
    firm: bool,
    organisation: &'a str,
}

/// The greatest welfare, and the most units that it can be had with. A firm unit costs its owner the premium, too.
pub(crate) fn optimum(orders: &TwoClassOrders) -> Welfare {
    let asks = [(true, &orders.firm.asks), (false, &orders.reclaimable.asks)];
    let units: Vec<Unit<'_>> = asks
        .into_iter()
        .flat_map(|(firm, asks)| asks.iter().map(move |ask| (firm, ask)))
        .flat_map(|(firm, ask)| {
            let unit = move || Unit { reserve: ask.reserve.into(), firm, organisation: ask.organisation.as_str() };
            std::iter::repeat_with(unit).take(ask.quantity.get() as usize)
        })
        .collect();
    assert!(units.len() <= 12, "sets of {} units are too many to try", units.len());
    let premium = i64::from(orders.premium.get());
    let firm = orders.firm.bids.iter().map(|bid| (bid, true, i64::from(bid.limit) - premium));
    let reclaimable = orders.reclaimable.bids.iter().map(|bid| (bid, false, i64::from(bid.limit)));
    let mut best: Vec<Option<Welfare>> = vec![None; 1 << units.len()];
    best[0] = Some((0, 0));
    for (bid, firm, worth) in firm.chain(reclaimable) {
        let usable = set(&units, |unit| (unit.firm || !firm) && unit.organisation != bid.organisation.as_str());
        best = served(&best, &units, bid, usable, worth);
    }
    best.into_iter().flatten().max().expect("nothing may be sold, too")
}

fn set(units: &[Unit<'_>], holds: impl Fn(&Unit<'_>) -> bool) -> usize {
    units.iter().enumerate().filter(|(_, unit)| holds(unit)).map(|(place, _)| 1 << place).sum()
}

/// What can be had when one more bid takes any number of units that it may.
fn served(
    before: &[Option<Welfare>],
    units: &[Unit<'_>],
    bid: &Bid,
    usable: usize,
    worth: i64,
) -> Vec<Option<Welfare>> {
    let least = bid.min_fill.map_or(1, Quantity::get);
    let mut after = before.to_vec();
    for (sold, welfare) in before.iter().enumerate() {
        let Some((gain, traded)) = welfare else { continue };
        let free = usable & !sold;
        let mut taken = free;
        while taken > 0 {
            let count = taken.count_ones();
            if (least..=bid.quantity.get()).contains(&count) {
                let of =
                    |(place, unit): (usize, &Unit<'_>)| if taken >> place & 1 == 1 { worth - unit.reserve } else { 0 };
                let gained: i64 = units.iter().enumerate().map(of).sum();
                after[sold | taken] = after[sold | taken].max(Some((gain + gained, traded + count)));
            }
            taken = (taken - 1) & free;
        }
    }
    after
}

/// What a clearing's fills are worth, by the same measure.
pub(crate) fn welfare(orders: &TwoClassOrders, clearing: &TwoClassClearing) -> Welfare {
    let (firm, reclaimable) = (&orders.firm, &orders.reclaimable);
    let reserves = firm.asks.iter().chain(&reclaimable.asks).map(|ask| (ask.id, i64::from(ask.reserve)));
    let limits = firm.bids.iter().chain(&reclaimable.bids).map(|bid| (bid.id, i64::from(bid.limit)));
    let (reserves, limits): (BTreeMap<_, _>, BTreeMap<_, _>) = (reserves.collect(), limits.collect());
    let mut sum = (0, 0);
    for class in [LeaseClass::Firm, LeaseClass::Reclaimable] {
        let premium = if class == LeaseClass::Firm { i64::from(orders.premium.get()) } else { 0 };
        for fill in &clearing.outcome(class).fills {
            let gain = limits[&fill.bid] - reserves[&fill.ask] - premium;
            sum = (sum.0 + gain * i64::from(fill.quantity.get()), sum.1 + fill.quantity.get());
        }
    }
    sum
}

const SMALL: Shape = Shape { orders_max: 2, units: 1..4, organisations: 3, min_fills: false };
const WITH_MIN_FILLS: Shape = Shape { min_fills: true, ..SMALL };

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn without_min_fills_all_that_can_be_gained_is_and_nothing_is_flagged((seed, orders) in markets(&SMALL)) {
        let orders = strangers(&orders);
        let clearing = clear_market(&two_class_book(&orders), seed);
        prop_assert_ne!(clearing.regime, Regime::Flagged);
        prop_assert_eq!(welfare(&orders, &clearing).0, optimum(&orders).0);
        prop_assert_eq!(welfare(&orders, &clearing).1, optimum(&orders).1);
    }

    #[test]
    fn with_min_fills_and_organisations_on_both_sides_no_more_is_gained_than_can_be((seed, orders) in markets(&WITH_MIN_FILLS)) {
        let clearing = clear_market(&two_class_book(&orders), seed);
        let (found, most) = (welfare(&orders, &clearing).0, optimum(&orders).0);
        prop_assert!((0..=most).contains(&found), "{} of {}", found, most);
    }
}
