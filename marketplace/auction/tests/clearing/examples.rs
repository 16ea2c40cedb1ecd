//! Small books worked out by hand.

use crate::orders::{ask, bid, book, id, quantity};
use ReasonCode::{AbovePrice, BelowPrice, Filled, LostTie, NoMatch, ParadoxicallyRejected, PartlyFilled, SelfTrade};
use forewarm_auction::{Ask, Bid, Orders, ReasonCode, RoundNumber, Seed, clear};

/// The price, the (bid, ask, units) of each fill, and units and reason of each order, asks first.
#[track_caller]
fn check(
    asks: Vec<Ask>,
    bids: Vec<Bid>,
    price: Option<u32>,
    fills: &[(u128, u128, u32)],
    results: &[(u32, ReasonCode)],
) {
    let clearing = clear(&book(&Orders { asks, bids }), Seed([7; 32]));
    let number = |order: forewarm_auction::OrderId| order.0.as_u128();
    let found: Vec<_> =
        clearing.fills.iter().map(|fill| (number(fill.bid), number(fill.ask), fill.quantity.get())).collect();
    assert_eq!((clearing.price.map(forewarm_auction::Price::get), found.as_slice()), (price, fills));
    let found: Vec<_> = clearing.results.iter().map(|result| (result.filled, result.reason)).collect();
    assert_eq!(found, results);
}

#[test]
fn the_first_limit_that_falls_short_makes_the_price() {
    // 9 units at up to 4. Bids take 5 and 4 of them; the third would pay 4, the fourth 3. Below 4 the third would want.
    check(
        vec![ask(1, "s", 2, 6), ask(2, "t", 4, 3), ask(3, "u", 9, 2)],
        vec![bid(11, "a", 8, 5), bid(12, "b", 6, 4), bid(13, "c", 4, 2), bid(14, "d", 3, 1)],
        Some(4),
        &[(11, 1, 5), (12, 1, 1), (12, 2, 3)],
        &[(6, Filled), (3, Filled), (0, AbovePrice), (5, Filled), (4, Filled), (0, LostTie), (0, BelowPrice)],
    );
}

#[test]
fn the_last_reserve_makes_the_price_where_supply_is_left() {
    check(
        vec![ask(1, "s", 2, 6), ask(2, "t", 5, 3)],
        vec![bid(11, "a", 8, 5), bid(12, "b", 6, 2)],
        Some(5),
        &[(11, 1, 5), (12, 1, 1), (12, 2, 1)],
        &[(6, Filled), (1, PartlyFilled), (5, Filled), (2, Filled)],
    );
}

#[test]
fn a_bid_at_the_margin_is_filled_in_part_and_pays_its_limit() {
    check(
        vec![ask(1, "s", 2, 6)],
        vec![bid(11, "a", 8, 5), bid(12, "b", 6, 4)],
        Some(6),
        &[(11, 1, 5), (12, 1, 1)],
        &[(6, Filled), (5, Filled), (1, PartlyFilled)],
    );
}

#[test]
fn without_a_crossing_there_is_no_price() {
    check(vec![ask(1, "s", 5, 1)], vec![bid(11, "a", 4, 1)], None, &[], &[(0, NoMatch), (0, NoMatch)]);
    check(Vec::new(), Vec::new(), None, &[], &[]);
}

#[test]
fn earlier_rounds_go_first_among_equals() {
    let older = Bid { entry_round: RoundNumber(0), ..bid(12, "b", 6, 4) };
    check(
        vec![ask(1, "s", 2, 4)],
        vec![bid(11, "a", 6, 4), older],
        Some(6),
        &[(12, 1, 4)],
        &[(4, Filled), (0, LostTie), (4, Filled)],
    );
}

#[test]
fn a_min_fill_that_is_not_met_is_passed_over_and_makes_no_price() {
    // One unit is left for bid 12, which wants 3 or more; bid 13 takes it, and the last reserve is the price.
    let whole = Bid { min_fill: Some(quantity(3)), ..bid(12, "b", 7, 4) };
    check(
        vec![ask(1, "s", 2, 6)],
        vec![bid(11, "a", 8, 5), whole, bid(13, "c", 4, 1)],
        Some(2),
        &[(11, 1, 5), (13, 1, 1)],
        &[(6, Filled), (5, Filled), (0, ParadoxicallyRejected), (1, Filled)],
    );
}

#[test]
fn purchases_from_oneself_are_cut_and_go_to_others() {
    // `s` would buy 6 of 8 units, yet others sell only 3. Cut to 3 it takes those, and `c` its 5 at the margin.
    check(
        vec![ask(1, "s", 1, 5), ask(2, "t", 2, 3)],
        vec![bid(11, "s", 9, 6), bid(12, "c", 5, 9)],
        Some(5),
        &[(11, 2, 3), (12, 1, 5)],
        &[(5, Filled), (3, Filled), (3, SelfTrade), (5, PartlyFilled)],
    );
}

#[test]
fn cut_bids_make_no_price() {
    // `s` can have the one unit of `t`; all else would be its own. Bid 12 could pay 1, so it has to be told why.
    check(
        vec![ask(1, "t", 1, 1), ask(2, "s", 5, 1)],
        vec![bid(11, "s", 5, 2), bid(12, "s", 2, 1)],
        Some(1),
        &[(11, 1, 1)],
        &[(1, Filled), (0, AbovePrice), (1, SelfTrade), (0, SelfTrade)],
    );
}

/// The hash is a contract: a change of the encoding, of the lottery or of the rules shows here.
#[test]
fn the_hash_of_a_known_book_is_known() {
    let orders = Orders {
        asks: vec![ask(1, "s", 2, 6), ask(2, "t", 4, 3)],
        bids: vec![bid(11, "a", 8, 5), bid(12, "b", 6, 4), bid(13, "c", 6, 4)],
    };
    let clearing = clear(&book(&orders), Seed([7; 32]));
    assert_eq!((clearing.volume, clearing.unfilled_demand, clearing.unfilled_supply), (9, 4, 0));
    assert_eq!(clearing.hash.to_string(), "b1f3ad13daf3627c9a8969d09e9f53842d3c9aa2051fd19980c3445331914efb");
    assert!(clearing.results.iter().any(|result| result.order == id(13)));
}
