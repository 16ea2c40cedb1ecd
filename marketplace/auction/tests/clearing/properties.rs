//! What holds for every book.

use crate::orders::{Shape, book, market};
use ReasonCode::{ParadoxicallyRejected, SelfTrade};
use forewarm_auction::{Clearing, OrderId, Orders, Price, Quantity, ReasonCode, Seed, clear};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const WIDE: Shape = Shape { orders_max: 40, units: 1..30, organisations: 3, min_fills: true };
const PLAIN: Shape = Shape { min_fills: false, ..WIDE };

fn cleared((seed, orders): &(Seed, Orders)) -> Clearing {
    clear(&book(orders), *seed)
}

fn results(clearing: &Clearing) -> BTreeMap<OrderId, (u32, ReasonCode)> {
    clearing.results.iter().map(|result| (result.order, (result.filled, result.reason))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn units_are_conserved(market in market(&WIDE)) {
        let clearing = cleared(&market);
        let results = results(&clearing);
        prop_assert_eq!(results.len(), market.1.asks.len() + market.1.bids.len());
        let mut traded = BTreeMap::<OrderId, u32>::new();
        for fill in &clearing.fills {
            *traded.entry(fill.bid).or_default() += fill.quantity.get();
            *traded.entry(fill.ask).or_default() += fill.quantity.get();
        }
        for (order, (filled, _)) in &results {
            prop_assert_eq!(traded.get(order).copied().unwrap_or(0), *filled);
        }
        let sum = |ids: Vec<OrderId>| ids.iter().map(|id| u64::from(results[id].0)).sum::<u64>();
        let (asks, bids) = (&market.1.asks, &market.1.bids);
        prop_assert_eq!(sum(asks.iter().map(|ask| ask.id).collect()), clearing.volume);
        prop_assert_eq!(sum(bids.iter().map(|bid| bid.id).collect()), clearing.volume);
        let wanted: u64 = bids.iter().map(|bid| u64::from(bid.quantity.get())).sum();
        let offered: u64 = asks.iter().map(|ask| u64::from(ask.quantity.get())).sum();
        prop_assert_eq!(clearing.unfilled_demand + clearing.volume, wanted);
        prop_assert_eq!(clearing.unfilled_supply + clearing.volume, offered);
        prop_assert_eq!(clearing.price.is_some(), clearing.volume > 0);
    }

    #[test]
    fn one_price_suits_all_who_trade(market in market(&WIDE)) {
        let clearing = cleared(&market);
        let results = results(&clearing);
        for ask in market.1.asks.iter().filter(|ask| results[&ask.id].0 > 0) {
            prop_assert!(clearing.price.is_some_and(|price| ask.reserve <= price));
            prop_assert!(results[&ask.id].0 <= ask.quantity.get());
        }
        for bid in market.1.bids.iter().filter(|bid| results[&bid.id].0 > 0) {
            prop_assert!(clearing.price.is_some_and(|price| price <= bid.limit));
            let least = bid.min_fill.map_or(1, Quantity::get);
            prop_assert!((least..=bid.quantity.get()).contains(&results[&bid.id].0));
        }
    }

    #[test]
    fn nobody_in_the_money_is_short_without_a_flag(market in market(&WIDE)) {
        let clearing = cleared(&market);
        let results = results(&clearing);
        let Some(price) = clearing.price else { return Ok(()) };
        for bid in &market.1.bids {
            let (filled, reason) = results[&bid.id];
            let flagged = matches!(reason, ParadoxicallyRejected | SelfTrade);
            prop_assert!(filled == bid.quantity.get() || bid.limit <= price || flagged, "{:?} {:?}", bid, reason);
            prop_assert!(!flagged || (bid.limit >= price && filled < bid.quantity.get()));
            prop_assert!(reason != ParadoxicallyRejected || (bid.min_fill.is_some() && filled == 0));
        }
        for ask in &market.1.asks {
            prop_assert!(results[&ask.id].0 == ask.quantity.get() || ask.reserve >= price, "{:?}", ask);
        }
    }

    #[test]
    fn reasons_say_what_happened(market in market(&WIDE)) {
        let clearing = cleared(&market);
        let results = results(&clearing);
        let asks = market.1.asks.iter().map(|ask| (ask.id, ask.quantity, ask.reserve));
        let bids = market.1.bids.iter().map(|bid| (bid.id, bid.quantity, bid.limit));
        for (id, quantity, limit) in asks.chain(bids) {
            let (filled, reason) = results[&id];
            let against = |test: fn(&Price, &Price) -> bool| clearing.price.is_some_and(|price| test(&limit, &price));
            let holds = match reason {
                ReasonCode::Filled => filled == quantity.get(),
                ReasonCode::PartlyFilled => filled > 0 && filled < quantity.get() && against(Price::eq),
                ReasonCode::BelowPrice => filled == 0 && against(Price::lt),
                ReasonCode::AbovePrice => filled == 0 && against(Price::gt),
                ReasonCode::LostTie => filled == 0 && against(Price::eq),
                ReasonCode::NoMatch => filled == 0 && clearing.price.is_none(),
                ParadoxicallyRejected | SelfTrade => filled < quantity.get(),
            };
            prop_assert!(holds, "{} of {} at {} for {:?}: {:?}", filled, quantity, limit, clearing.price, reason);
        }
    }

    #[test]
    fn nobody_trades_with_itself_and_no_pair_is_named_twice(market in market(&WIDE)) {
        let clearing = cleared(&market);
        let asks = market.1.asks.iter().map(|ask| (ask.id, &ask.organisation));
        let of: BTreeMap<_, _> = asks.chain(market.1.bids.iter().map(|bid| (bid.id, &bid.organisation))).collect();
        let mut pairs = BTreeSet::new();
        for fill in &clearing.fills {
            prop_assert_ne!(of[&fill.bid], of[&fill.ask]);
            prop_assert!(pairs.insert((fill.bid, fill.ask)));
        }
    }

    #[test]
    fn the_order_of_the_input_does_not_matter(
        (market, asks, bids) in market(&WIDE).prop_flat_map(|market| {
            let (asks, bids) = (market.1.asks.clone(), market.1.bids.clone());
            (Just(market), Just(asks).prop_shuffle(), Just(bids).prop_shuffle())
        })
    ) {
        let shuffled = Orders { asks, bids };
        prop_assert_eq!(book(&shuffled).hash(), book(&market.1).hash());
        prop_assert_eq!(clear(&book(&shuffled), market.0), cleared(&market));
    }

    #[test]
    fn raising_ones_limit_never_loses_units(
        market in market(&PLAIN), place in any::<proptest::sample::Index>(), by in 1..12_i64,
    ) {
        prop_assume!(!market.1.bids.is_empty());
        let (seed, mut orders) = market;
        let place = place.index(orders.bids.len());
        let id = orders.bids[place].id;
        let before = results(&clear(&book(&orders), seed))[&id].0;
        let raised = i64::from(orders.bids[place].limit) + by;
        orders.bids[place].limit = raised.try_into().expect("a price");
        let after = results(&clear(&book(&orders), seed))[&id].0;
        prop_assert!(after >= before, "{} units became {}", before, after);
    }
}
