//! Orders by hand and at random.

use forewarm_auction::{Ask, Bid, Book, DominantShare, OrderId, Orders, Quantity, RoundNumber, Seed, TwoClassOrders};
use forewarm_domain::id::TenantName;
use proptest::{collection::vec, option, prelude::*};
use std::ops::Range;
use uuid::Uuid;

pub(crate) fn id(number: u128) -> OrderId {
    OrderId(Uuid::from_u128(number))
}

pub(crate) fn quantity(units: i64) -> Quantity {
    units.try_into().expect("a quantity")
}

pub(crate) fn ask(number: u128, organisation: &str, reserve: i64, units: i64) -> Ask {
    Ask {
        id: id(number),
        reserve: reserve.try_into().expect("a price"),
        quantity: quantity(units),
        entry_round: RoundNumber(1),
        organisation: organisation.parse().expect("a name"),
    }
}

pub(crate) fn bid(number: u128, organisation: &str, limit: i64, units: i64) -> Bid {
    Bid {
        id: id(number),
        limit: limit.try_into().expect("a price"),
        quantity: quantity(units),
        min_fill: None,
        entry_round: RoundNumber(1),
        organisation: organisation.parse().expect("a name"),
        dominant_share: DominantShare::NONE,
    }
}

pub(crate) fn book(orders: &Orders) -> Book {
    Book::try_from(orders.clone()).expect("orders that fit together")
}

/// What a random market may hold. Prices are few, so that ties are many.
#[derive(Clone)]
pub(crate) struct Shape {
    pub(crate) orders_max: usize,
    pub(crate) units: Range<i64>,
    pub(crate) organisations: u8,
    pub(crate) min_fills: bool,
}

/// A seed and up to `orders_max` orders of each side, with unique ids in no order.
pub(crate) fn market(shape: &Shape) -> impl Strategy<Value = (Seed, Orders)> + use<> {
    let organisations = shape.organisations;
    let name = || (0..organisations).prop_map(|number| format!("o{number}"));
    let prices = || 1..12_i64;
    let order = (any::<u64>(), name(), prices(), shape.units.clone(), 0..3_u64);
    let min_fills = shape.min_fills;
    let min_fill = option::of(1..shape.units.end).prop_map(move |least| least.filter(|_| min_fills));
    let asks = vec(order.clone(), 0..=shape.orders_max);
    let bids = vec((order, min_fill, 0..3_u64, 1..3_u64), 0..=shape.orders_max);
    (any::<[u8; 32]>(), asks, bids).prop_map(|(seed, asks, bids)| {
        let number = |noise: u64, place: usize| (u128::from(noise) << 64) | place as u128;
        let first_bid = asks.len();
        let asks = asks.into_iter().enumerate().map(|(place, (noise, name, price, units, round))| Ask {
            entry_round: RoundNumber(round),
            ..ask(number(noise, place), &name, price, units)
        });
        let asks = asks.collect();
        let bids = bids.into_iter().enumerate().map(|(place, (order, min_fill, part, whole))| {
            let (noise, name, price, units, round) = order;
            Bid {
                entry_round: RoundNumber(round),
                min_fill: min_fill.map(|least| quantity(least.min(units))),
                dominant_share: DominantShare::new(part, whole).expect("a ratio"),
                ..bid(number(noise, first_bid + place), &name, price, units)
            }
        });
        (Seed(seed), Orders { asks, bids: bids.collect() })
    })
}

/// The same orders where no organisation stands on both sides.
pub(crate) fn strangers(orders: &TwoClassOrders) -> TwoClassOrders {
    let mut apart = orders.clone();
    let name = |side: &str, name: &TenantName| format!("{side}-{name}").parse().expect("a name");
    for side in [&mut apart.firm, &mut apart.reclaimable] {
        side.asks.iter_mut().for_each(|ask| ask.organisation = name("seller", &ask.organisation));
        side.bids.iter_mut().for_each(|bid| bid.organisation = name("buyer", &bid.organisation));
    }
    apart
}
