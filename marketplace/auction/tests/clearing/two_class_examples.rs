//! Small books of both classes worked out by hand. The premium is 2.

use crate::orders::{ask, bid};
use crate::two_class::two_class_book;
use forewarm_auction::{Ask, Bid, Orders, Price, Regime, Seed, TwoClassClearing, TwoClassOrders, clear_market};

/// Asks and bids of each class as (price, units); all of different organisations.
type Side<'a> = (&'a [(i64, i64)], &'a [(i64, i64)]);

fn orders(first: u128, (asks, bids): Side<'_>) -> Orders {
    let asks = asks.iter().zip(first..).map(|((price, units), id)| ask(id, &format!("s{id}"), *price, *units));
    let bids = bids.iter().zip(first + 10..).map(|((price, units), id)| bid(id, &format!("b{id}"), *price, *units));
    Orders { asks: asks.collect::<Vec<Ask>>(), bids: bids.collect::<Vec<Bid>>() }
}

/// The regime, and price and volume of each class.
#[track_caller]
fn check(firm: Side<'_>, reclaimable: Side<'_>, regime: Regime, expected: [(Option<u32>, u64); 2]) -> TwoClassClearing {
    let premium = 2_i64.try_into().expect("a premium");
    let orders = TwoClassOrders { firm: orders(1, firm), reclaimable: orders(101, reclaimable), premium };
    let clearing = clear_market(&two_class_book(&orders), Seed([7; 32]));
    let found = [&clearing.firm, &clearing.reclaimable].map(|of| (of.price.map(Price::get), of.volume));
    assert_eq!((clearing.regime, found), (regime, expected));
    clearing
}

#[test]
fn classes_that_keep_their_distance_are_cleared_apart() {
    check((&[(3, 5)], &[(9, 4)]), (&[(2, 5)], &[(5, 3)]), Regime::Apart, [(Some(5), 4), (Some(2), 3)]);
}

#[test]
fn the_firm_price_is_lifted_to_the_premium_over_the_reclaimable_one() {
    // The firm side would trade the same at anything from 5 to 9.
    check((&[(3, 4)], &[(9, 4)]), (&[(2, 3)], &[(6, 5)]), Regime::Apart, [(Some(8), 4), (Some(6), 3)]);
}

#[test]
fn units_that_can_be_firm_go_to_reclaimable_bids_that_pay_more() {
    // In the pool the firm bid is worth 3: it gets the unit that five at 8 leave, and pays 3 and the premium.
    check((&[(1, 6)], &[(5, 2)]), (&[], &[(8, 5)]), Regime::Pooled, [(Some(5), 1), (Some(3), 5)]);
}

#[test]
fn a_reclaimable_bid_at_just_the_reserve_of_a_firm_unit_trades() {
    check((&[(5, 2)], &[]), (&[], &[(5, 2)]), Regime::Pooled, [(None, 0), (Some(5), 2)]);
    check((&[(5, 2)], &[]), (&[], &[(4, 2)]), Regime::Apart, [(None, 0), (None, 0)]);
}

/// The hash is a contract: a change of the encoding, of the lottery or of the rules shows here.
#[test]
fn the_hash_of_a_known_book_is_known() {
    let clearing = check((&[(1, 6)], &[(5, 2)]), (&[], &[(8, 5)]), Regime::Pooled, [(Some(5), 1), (Some(3), 5)]);
    assert_eq!(clearing.hash.to_string(), "62a7e4cd368efaee5a74dc6e98cba7264f2cbf03dd1ced6a3dc5c15b55089349");
}
