//! Prints how long one book of a million orders takes to build, and to clear with and without a self-dealer.
//! `cargo run --release -p forewarm-auction --example clear-million`
#![expect(clippy::print_stdout, reason = "the point of the example")]

use forewarm_auction::{Ask, Bid, Book, DominantShare, ORDERS_MAX, OrderId, Orders, RoundNumber, Seed, clear};
use std::{error::Error, time::Instant};
use uuid::Uuid;

/// Numbers that look random and are the same in every run (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 1 to `most`.
    fn upto(&mut self, most: u64) -> i64 {
        (1 + self.next() % most) as i64
    }

    fn id(&mut self) -> OrderId {
        OrderId(Uuid::from_u64_pair(self.next(), self.next()))
    }
}

/// Half asks, half bids. `dealer_in` of 0 means that all are strangers; else every so-many-th pair of orders is of one.
fn orders(dealer_in: usize) -> Result<Orders, Box<dyn Error>> {
    let mut numbers = Numbers(1);
    let mut orders = Orders::default();
    for place in 0..ORDERS_MAX / 2 {
        let dealer = dealer_in > 0 && place % dealer_in > 0;
        let (seller, buyer) = (format!("s{}", place % 1_000), format!("b{}", place % 1_000));
        let (seller, buyer) = if dealer { ("dealer".into(), "dealer".into()) } else { (seller, buyer) };
        orders.asks.push(Ask {
            id: numbers.id(),
            reserve: numbers.upto(10_000).try_into()?,
            quantity: numbers.upto(50).try_into()?,
            entry_round: RoundNumber(numbers.next() % 4),
            organisation: seller.parse()?,
        });
        orders.bids.push(Bid {
            id: numbers.id(),
            limit: numbers.upto(10_000).try_into()?,
            quantity: numbers.upto(50).try_into()?,
            min_fill: None,
            entry_round: RoundNumber(numbers.next() % 4),
            organisation: buyer.parse()?,
            dominant_share: DominantShare::new(numbers.next() % 10, 10)?,
        });
    }
    Ok(orders)
}

fn main() -> Result<(), Box<dyn Error>> {
    for (name, dealer_in) in [("strangers", 0), ("one dealer with two thirds of all orders", 3)] {
        let orders = orders(dealer_in)?;
        let start = Instant::now();
        let book = Book::try_from(orders)?;
        let built = start.elapsed();
        let clearing = clear(&book, Seed([1; 32]));
        let cleared = start.elapsed() - built;
        println!("{name}: {ORDERS_MAX} orders built in {built:.0?}, cleared in {cleared:.0?}");
        println!("  price {:?}, {} units in {} fills", clearing.price, clearing.volume, clearing.fills.len());
    }
    Ok(())
}
