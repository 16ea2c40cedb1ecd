//! Both classes of a book at random, and what holds for each of them.

use crate::orders::{Shape, market, strangers};
use ReasonCode::{ParadoxicallyRejected, SelfTrade};
use forewarm_auction::{
    Ask, Bid, ClassOutcome, FirmPremium, LeaseClass, OrderId, Orders, Quantity, ReasonCode, Regime, Seed, TwoClassBook,
    TwoClassClearing, TwoClassOrders, clear_market, clear_round,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const WIDE: Shape = Shape { orders_max: 15, units: 1..12, organisations: 4, min_fills: true };
const PLAIN: Shape = Shape { min_fills: false, ..WIDE };

/// A seed and the orders of both classes, with ids that are unique across them.
pub(crate) fn markets(shape: &Shape) -> impl Strategy<Value = (Seed, TwoClassOrders)> + use<> {
    (market(shape), market(shape), 0..6_i64).prop_map(|((seed, firm), (_, mut reclaimable), premium)| {
        let apart = |id: &mut OrderId| *id = OrderId(uuid::Uuid::from_u128(id.0.as_u128() ^ 1 << 60));
        reclaimable.asks.iter_mut().for_each(|ask| apart(&mut ask.id));
        reclaimable.bids.iter_mut().for_each(|bid| apart(&mut bid.id));
        let premium = FirmPremium::try_from(premium).expect("a premium");
        (seed, TwoClassOrders { firm, reclaimable, premium })
    })
}

pub(crate) fn two_class_book(orders: &TwoClassOrders) -> TwoClassBook {
    TwoClassBook::try_from(orders.clone()).expect("orders that fit together")
}

fn cleared((seed, orders): &(Seed, TwoClassOrders)) -> TwoClassClearing {
    clear_market(&two_class_book(orders), *seed)
}

fn own(orders: &TwoClassOrders, class: LeaseClass) -> &Orders {
    match class {
        LeaseClass::Firm => &orders.firm,
        LeaseClass::Reclaimable => &orders.reclaimable,
    }
}

const CLASSES: [LeaseClass; 2] = [LeaseClass::Firm, LeaseClass::Reclaimable];

/// Units and reason of each order.
fn results(clearing: &TwoClassClearing) -> BTreeMap<OrderId, (u32, ReasonCode)> {
    clearing.results.iter().map(|result| (result.order, (result.filled, result.reason))).collect()
}

/// The asks that may serve a class.
fn askable(orders: &TwoClassOrders, class: LeaseClass) -> BTreeMap<OrderId, &Ask> {
    let also = orders.reclaimable.asks.iter().filter(|_| class == LeaseClass::Reclaimable);
    orders.firm.asks.iter().chain(also).map(|ask| (ask.id, ask)).collect()
}

/// What an owner gets at least for a lease of the class.
fn least(ask: &Ask, class: LeaseClass, orders: &TwoClassOrders) -> u32 {
    ask.reserve.get() + if class == LeaseClass::Firm { orders.premium.get() } else { 0 }
}

fn price(outcome: &ClassOutcome) -> Option<u32> {
    outcome.price.map(forewarm_auction::Price::get)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn units_sold_are_units_bought_and_firm_bids_get_firm_units(market in markets(&WIDE)) {
        let (clearing, orders) = (cleared(&market), &market.1);
        let results = results(&clearing);
        let mut traded = BTreeMap::<OrderId, u32>::new();
        for class in CLASSES {
            let (outcome, asks) = (clearing.outcome(class), askable(orders, class));
            let bids: BTreeMap<_, _> = own(orders, class).bids.iter().map(|bid| (bid.id, bid)).collect();
            let mut pairs = BTreeSet::new();
            for fill in &outcome.fills {
                let (ask, bid) = (asks.get(&fill.ask), bids.get(&fill.bid));
                let (Some(ask), Some(bid)) = (ask, bid) else { panic!("{fill:?} in {class:?}") };
                prop_assert_ne!(&ask.organisation, &bid.organisation);
                prop_assert!(pairs.insert((fill.bid, fill.ask)), "{:?} is named twice", fill);
                *traded.entry(fill.bid).or_default() += fill.quantity.get();
                *traded.entry(fill.ask).or_default() += fill.quantity.get();
            }
            let volume: u64 = outcome.fills.iter().map(|fill| u64::from(fill.quantity.get())).sum();
            let wanted: u64 = bids.values().map(|bid| u64::from(bid.quantity.get())).sum();
            prop_assert_eq!((outcome.volume, outcome.unfilled_demand), (volume, wanted - volume));
            prop_assert_eq!(outcome.price.is_some(), volume > 0);
        }
        for class in CLASSES {
            let Orders { asks, bids } = own(orders, class);
            let offered = asks.iter().map(|ask| (ask.id, ask.quantity));
            for (id, most) in offered.chain(bids.iter().map(|bid| (bid.id, bid.quantity))) {
                prop_assert_eq!(traded.get(&id).copied().unwrap_or(0), results[&id].0);
                prop_assert!(results[&id].0 <= most.get());
            }
        }
    }

    #[test]
    fn prices_suit_all_who_trade_and_keep_their_distance(market in markets(&WIDE)) {
        let (clearing, orders) = (cleared(&market), &market.1);
        let results = results(&clearing);
        for class in CLASSES {
            let (outcome, asks) = (clearing.outcome(class), askable(orders, class));
            let Some(price) = price(outcome) else { continue };
            for fill in &outcome.fills {
                prop_assert!(least(asks[&fill.ask], class, orders) <= price, "{:?}", fill);
            }
            for bid in own(orders, class).bids.iter().filter(|bid| results[&bid.id].0 > 0) {
                let least = bid.min_fill.map_or(1, Quantity::get);
                prop_assert!(bid.limit.get() >= price && (least..).contains(&results[&bid.id].0), "{:?}", bid);
            }
        }
        if let (Some(firm), Some(reclaimable)) = (price(&clearing.firm), price(&clearing.reclaimable)) {
            let apart = i64::from(firm) - i64::from(reclaimable) - i64::from(orders.premium.get());
            match clearing.regime {
                Regime::Apart => prop_assert!(apart >= 0),
                Regime::Pooled => prop_assert_eq!(apart, 0),
                Regime::Flagged => prop_assert!(apart < 0, "{} apart needs no flag", apart),
            }
        }
    }

    #[test]
    fn nobody_in_the_money_is_short_without_a_flag(market in markets(&WIDE)) {
        let (clearing, orders) = (cleared(&market), &market.1);
        let results = results(&clearing);
        for class in CLASSES {
            let Some(price) = price(clearing.outcome(class)) else { continue };
            for bid in &own(orders, class).bids {
                let (filled, reason) = results[&bid.id];
                let told = matches!(reason, ParadoxicallyRejected | SelfTrade);
                prop_assert!(filled == bid.quantity.get() || bid.limit.get() <= price || told, "{:?} {:?}", bid, reason);
            }
            if clearing.regime != Regime::Flagged {
                for ask in askable(orders, class).values() {
                    let sold = results[&ask.id].0 == ask.quantity.get();
                    prop_assert!(sold || least(ask, class, orders) >= price, "{:?} at {} as {:?}", ask, price, class);
                }
            }
        }
    }

    #[test]
    fn nobody_waits_for_units_on_offer_where_a_class_did_not_trade(market in markets(&PLAIN)) {
        let (clearing, orders) = (cleared(&market), strangers(&market.1));
        let clearing = if orders == market.1 { clearing } else { cleared(&(market.0, orders.clone())) };
        let results = results(&clearing);
        for class in CLASSES {
            let waits = |bid: &&Bid| results[&bid.id].0 < bid.quantity.get();
            let best = own(&orders, class).bids.iter().filter(waits).map(|bid| bid.limit.get()).max();
            let left = |ask: &&&Ask| results[&ask.id].0 < ask.quantity.get();
            let asks = askable(&orders, class);
            let cheapest = asks.values().filter(left).map(|ask| least(ask, class, &orders)).min();
            if let (Some(best), Some(cheapest)) = (best, cheapest) {
                prop_assert!(best < cheapest, "a {:?} bid at {} waits beside an ask at {}", class, best, cheapest);
            }
        }
    }

    #[test]
    fn neither_the_order_of_orders_and_books_nor_the_threads_matter(
        (rounds, shuffled) in proptest::collection::vec(markets(&WIDE), 1..6).prop_flat_map(|rounds| {
            let books: Vec<_> = rounds.into_iter().zip(0..).map(|((_, orders), place)| numbered(orders, place)).collect();
            (Just(books.clone()), Just(books).prop_shuffle())
        }),
        seed in any::<[u8; 32]>(), threads in 1..5_usize,
    ) {
        let seed = Seed(seed);
        let books = |orders: &[TwoClassOrders]| orders.iter().map(two_class_book).collect::<Vec<_>>();
        let backwards = |mut orders: TwoClassOrders| {
            for side in [&mut orders.firm, &mut orders.reclaimable] {
                side.asks.reverse();
                side.bids.reverse();
            }
            orders
        };
        let shuffled: Vec<_> = shuffled.into_iter().map(backwards).collect();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let (once, again) = (clear_round(&books(&rounds), seed), pool.install(|| clear_round(&books(&shuffled), seed)));
        prop_assert_eq!(once.hash, again.hash);
        let hashes = |round: &forewarm_auction::RoundClearing| round.books.iter().map(|book| book.hash).collect::<BTreeSet<_>>();
        prop_assert_eq!(hashes(&once), hashes(&again));
        let other = Seed(seed.0.map(|byte| !byte));
        prop_assert_ne!(once.hash, clear_round(&books(&rounds), other).hash);
    }

    #[test]
    fn raising_ones_limit_never_loses_units(
        market in markets(&PLAIN), firm in any::<bool>(), place in any::<proptest::sample::Index>(), by in 1..12_i64,
    ) {
        let (seed, mut orders) = (market.0, strangers(&market.1));
        let before = results(&cleared(&(seed, orders.clone())));
        let side = if firm { &mut orders.firm } else { &mut orders.reclaimable };
        prop_assume!(!side.bids.is_empty());
        let place = place.index(side.bids.len());
        let raised = i64::from(side.bids[place].limit) + by;
        side.bids[place].limit = raised.try_into().expect("a price");
        let id = side.bids[place].id;
        let after = results(&cleared(&(seed, orders)));
        prop_assert!(after[&id].0 >= before[&id].0, "{} units became {}", before[&id].0, after[&id].0);
    }
}

/// Ids of one book among several.
fn numbered(mut orders: TwoClassOrders, place: u128) -> TwoClassOrders {
    for side in [&mut orders.firm, &mut orders.reclaimable] {
        let ids = side.asks.iter_mut().map(|ask| &mut ask.id).chain(side.bids.iter_mut().map(|bid| &mut bid.id));
        ids.for_each(|id| *id = OrderId(uuid::Uuid::from_u128(id.0.as_u128() ^ place << 50)));
    }
    orders
}
