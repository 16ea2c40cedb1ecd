//! How much of what could be gained is gained when bids have min-fills: small books beside the exact optimum, large ones
//! beside a bound of it, namely the optimum without min-fills, which clearing finds exactly.

use crate::exact::{optimum, welfare};
use crate::two_class::two_class_book;
use forewarm_auction::{Ask, Bid, DominantShare, Orders, Quantity, RoundNumber, Seed, TwoClassOrders, clear_market};
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// What at least has to be gained of what could be, over many books.
const SHARE_MIN: f64 = 0.98;

/// A book with so many orders a side and class, a share of whose bids take no less than some part of what they want.
fn market(random: &mut StdRng, orders: usize, units: i64, with_min_fill: f64) -> TwoClassOrders {
    let mut number = 0;
    let mut side = |random: &mut StdRng, shift: i64| {
        let mut next = || {
            number += 1;
            number
        };
        let asks = (0..orders).map(|_| {
            let (reserve, quantity) = (random.random_range(10..=100), random.random_range(1..=units));
            Ask { entry_round: RoundNumber(1), ..crate::orders::ask(next(), "owner", reserve, quantity) }
        });
        let asks: Vec<_> = asks.collect();
        let bids = (0..orders).map(|_| {
            let (limit, quantity) = (random.random_range(20..=120) + shift, random.random_range(1..=units));
            let least = random.random_bool(with_min_fill).then(|| random.random_range(1..=quantity));
            let min_fill = least.map(|least| Quantity::try_from(least).expect("a quantity"));
            Bid {
                min_fill,
                dominant_share: DominantShare::NONE,
                ..crate::orders::bid(next(), "tenant", limit, quantity)
            }
        });
        Orders { asks, bids: bids.collect() }
    };
    let (firm, reclaimable) = (side(random, 10), side(random, 0));
    TwoClassOrders { firm, reclaimable, premium: 10_i64.try_into().expect("a premium") }
}

fn without_min_fills(orders: &TwoClassOrders) -> TwoClassOrders {
    let mut plain = orders.clone();
    for side in [&mut plain.firm, &mut plain.reclaimable] {
        side.bids.iter_mut().for_each(|bid| bid.min_fill = None);
    }
    plain
}

fn gained(orders: &TwoClassOrders) -> i64 {
    welfare(orders, &clear_market(&two_class_book(orders), Seed([5; 32]))).0
}

/// The share of what could be gained in many books together.
fn check(name: &str, markets: impl Iterator<Item = TwoClassOrders>, most: impl Fn(&TwoClassOrders) -> i64, least: f64) {
    let (found, most) = markets.fold((0, 0), |sum, orders| (sum.0 + gained(&orders), sum.1 + most(&orders)));
    let share = found as f64 / most as f64;
    println!("{name}: {:.3}% of the optimum", 100.0 * share);
    assert!(share >= least && share <= 1.0, "{name}: {share}");
}

#[test]
fn small_books_beside_the_exact_optimum() {
    let mut random = StdRng::seed_from_u64(1);
    let markets: Vec<_> = (0..400).map(|_| market(&mut random, 3, 2, 0.3)).collect();
    check(
        "400 books of 12 orders, 30% with a min-fill",
        markets.iter().cloned(),
        |orders| optimum(orders).0,
        SHARE_MIN,
    );
    check("the same without", markets.iter().map(without_min_fills), |orders| optimum(orders).0, 1.0);
}

#[test]
fn thin_supply_beside_the_exact_optimum() {
    let mut random = StdRng::seed_from_u64(3);
    let thin = |random: &mut StdRng| {
        let mut orders = market(random, 6, 12, 0.3);
        for (number, side) in [&mut orders.firm, &mut orders.reclaimable].into_iter().enumerate() {
            side.asks.truncate(1);
            let units = random.random_range(1 + number as i64..=5);
            side.asks.iter_mut().for_each(|ask| ask.quantity = Quantity::try_from(units).expect("a quantity"));
        }
        orders
    };
    let markets: Vec<_> = (0..200).map(|_| thin(&mut random)).collect();
    check(
        "200 books with up to 10 units for 12 bids of up to 12",
        markets.iter().cloned(),
        |orders| optimum(orders).0,
        SHARE_MIN,
    );
}

#[test]
fn large_books_beside_the_bound() {
    for (orders, units, with_min_fill) in [(10, 20, 0.3), (25, 20, 0.3), (250, 20, 0.3), (250, 20, 1.0)] {
        let mut random = StdRng::seed_from_u64(2);
        let markets = (0..60).map(|_| market(&mut random, orders, units, with_min_fill));
        let name = format!("60 books of {} orders, {}% with a min-fill", 4 * orders, 100.0 * with_min_fill);
        check(&name, markets, |orders| gained(&without_min_fills(orders)), SHARE_MIN);
    }
}
