//! `settle_plan` beside a ledger of accounts that knows nothing but balances and 128-bit arithmetic.

use crate::orders::Shape;
use crate::two_class::{markets, two_class_book};
use forewarm_auction::{
    FirmPremium, Leg, MicroCredits, OrderId, Orders, Price, SettleError, SettlePlan, Terms, Trade, TwoClassOrders,
    clear_market, settle_plan,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

const WIDE: Shape = Shape { orders_max: 12, units: 1..12, organisations: 4, min_fills: true };
const MILLION: i128 = 1_000_000;

fn terms() -> impl Strategy<Value = Terms> {
    (1..100_000_i64, 0..=1_000_000_i64, 0..=1_000_000_i64).prop_map(|(seconds, fee, compensation)| Terms {
        duration: seconds.try_into().expect("a duration"),
        fee: fee.try_into().expect("a rate"),
        compensation: compensation.try_into().expect("a rate"),
    })
}

fn sum(of: impl Iterator<Item = MicroCredits>) -> i128 {
    of.map(|amount| i128::from(amount.0)).sum()
}

/// What can have money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Account {
    /// Where all money came from.
    World,
    /// What a bid's tenant can spend.
    Available(OrderId),
    /// What a bid holds.
    Held(OrderId),
    Seller(OrderId),
    Market,
}

/// Double entry: what one account loses, another gains.
#[derive(Default)]
struct Ledger(BTreeMap<Account, i128>);

impl Ledger {
    fn transfer(&mut self, from: Account, to: Account, amount: i128) {
        assert!(amount >= 0, "{amount} from {from:?} to {to:?}");
        *self.0.entry(from).or_default() -= amount;
        *self.0.entry(to).or_default() += amount;
    }

    fn balance(&self, account: Account) -> i128 {
        self.0.get(&account).copied().unwrap_or(0)
    }
}

/// What a bid has to hold: its quantity at its limit.
fn holds(orders: &TwoClassOrders, terms: Terms) -> Vec<(OrderId, i128)> {
    let bids = orders.firm.bids.iter().chain(&orders.reclaimable.bids);
    let amount =
        |limit: Price, units: u32| i128::from(limit.get()) * i128::from(units) * i128::from(terms.duration.seconds());
    bids.map(|bid| (bid.id, amount(bid.limit, bid.quantity.get()))).collect()
}

fn opened(orders: &TwoClassOrders, terms: Terms) -> Ledger {
    let mut ledger = Ledger::default();
    for (bid, hold) in holds(orders, terms) {
        ledger.transfer(Account::World, Account::Available(bid), hold);
        ledger.transfer(Account::Available(bid), Account::Held(bid), hold);
    }
    ledger
}

fn settle(ledger: &mut Ledger, plan: &SettlePlan) {
    for Trade { bid, ask, proceeds, fee, .. } in &plan.trades {
        ledger.transfer(Account::Held(*bid), Account::Seller(*ask), proceeds.0.into());
        ledger.transfer(Account::Held(*bid), Account::Market, fee.0.into());
    }
    for change in &plan.holds {
        ledger.transfer(Account::Held(change.bid), Account::Available(change.bid), change.freed.0.into());
        ledger.transfer(Account::Held(change.bid), Account::Available(change.bid), change.remaining.0.into());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_hold_ends_once_and_nothing_is_made_or_lost((seed, orders) in markets(&WIDE), terms in terms()) {
        let book = two_class_book(&orders);
        let plan = settle_plan(&book, &clear_market(&book, seed), terms).expect("small amounts");
        let mut ledger = opened(&orders, terms);
        settle(&mut ledger, &plan);
        prop_assert_eq!(ledger.0.values().sum::<i128>(), 0);
        let ended: BTreeSet<_> = plan.holds.iter().map(|change| change.bid).collect();
        prop_assert_eq!(ended.len(), plan.holds.len(), "a hold ends twice");
        for (bid, hold) in holds(&orders, terms) {
            prop_assert!(ended.contains(&bid));
            prop_assert_eq!(ledger.balance(Account::Held(bid)), 0);
            let spent = sum(plan.trades.iter().filter(|trade| trade.bid == bid).map(|trade| trade.cost));
            prop_assert_eq!(ledger.balance(Account::Available(bid)), hold - spent);
            prop_assert!(spent <= hold);
        }
        prop_assert_eq!(ledger.balance(Account::Market), i128::from(plan.fees.0));
        prop_assert_eq!(sum(plan.trades.iter().map(|trade| trade.cost)), i128::from(plan.turnover.0));
        prop_assert_eq!(sum(plan.holds.iter().map(|change| change.posted)), i128::from(plan.turnover.0));
    }

    #[test]
    fn fees_favour_the_seller_and_securities_cover_every_reclaim(
        (seed, orders) in markets(&WIDE), terms in terms(), unused in 0..200_000_u32,
    ) {
        let book = two_class_book(&orders);
        let plan = settle_plan(&book, &clear_market(&book, seed), terms).expect("small amounts");
        for trade in &plan.trades {
            let seconds = i128::from(terms.duration.seconds());
            let per_second = i128::from(trade.price.get()) * i128::from(trade.units.get());
            let cost = i128::from(trade.cost.0);
            prop_assert_eq!(cost, per_second * seconds);
            prop_assert_eq!(i128::from(trade.fee.0), cost * i128::from(terms.fee.get()) / MILLION);
            prop_assert_eq!(i128::from(trade.proceeds.0 + trade.fee.0), cost);
            let reclaim = terms.reclaim(trade.price, trade.units, unused).expect("small amounts");
            let refund = per_second * i128::from(unused).min(seconds);
            let millionths = refund * i128::from(terms.compensation.get());
            prop_assert_eq!(i128::from(reclaim.refund.0), refund);
            prop_assert_eq!(i128::from(reclaim.compensation.0), (millionths + MILLION - 1) / MILLION);
            let owed = i128::from(reclaim.total().expect("small amounts").0);
            match trade.class {
                forewarm_auction::LeaseClass::Firm => prop_assert_eq!(trade.security, MicroCredits::ZERO),
                forewarm_auction::LeaseClass::Reclaimable => prop_assert!(owed <= i128::from(trade.security.0)),
            }
        }
    }

    #[test]
    fn transfers_have_one_id_each_and_the_same_one_again((seed, orders) in markets(&WIDE), terms in terms(), round in any::<u128>()) {
        let book = two_class_book(&orders);
        let plan = settle_plan(&book, &clear_market(&book, seed), terms).expect("small amounts");
        let ids = |round: u128| {
            let legs = [Leg::Proceeds, Leg::Fee, Leg::Security];
            let of = move |trade: &Trade| legs.map(|leg| leg.transfer_id(Uuid::from_u128(round), trade.bid, trade.ask));
            plan.trades.iter().flat_map(of).collect::<BTreeSet<_>>()
        };
        prop_assert_eq!(ids(round).len(), 3 * plan.trades.len());
        prop_assert_eq!(ids(round), ids(round));
        prop_assert!(ids(round).is_disjoint(&ids(!round)));
    }

    #[test]
    fn what_does_not_fit_is_refused_and_never_wrapped(
        limit in 999_999_990..=1_000_000_000_i64, units in 1..=1_000_000_i64, seconds in 1..=2_678_400_i64,
        offered in 1..=1_000_000_i64, rate in prop_oneof![Just(0), Just(1_000_000), 0..=1_000_000_i64], reclaimable in any::<bool>(),
    ) {
        let orders = Orders {
            asks: vec![crate::orders::ask(1, "seller", limit, offered)],
            bids: vec![crate::orders::bid(2, "buyer", limit, units)],
        };
        let (firm, other) = if reclaimable { (Orders::default(), orders) } else { (orders, Orders::default()) };
        let orders = TwoClassOrders { firm, reclaimable: other, premium: FirmPremium::default() };
        let rate = rate.try_into().expect("a rate");
        let terms = Terms { duration: seconds.try_into().expect("a duration"), fee: rate, compensation: rate };
        let book = two_class_book(&orders);
        let plan = settle_plan(&book, &clear_market(&book, forewarm_auction::Seed([3; 32])), terms);
        let traded = units.min(offered);
        let cost = |units: i64| i128::from(limit) * i128::from(units) * i128::from(seconds);
        let with_compensation = (cost(traded) * (MILLION + i128::from(rate.get())) + MILLION - 1) / MILLION;
        let security = if reclaimable { with_compensation } else { 0 };
        let largest = cost(traded).max(cost(units - traded)).max(security);
        match plan {
            Ok(plan) => {
                prop_assert!(largest <= i128::from(i64::MAX));
                let mut ledger = opened(&orders, terms);
                settle(&mut ledger, &plan);
                prop_assert!(ledger.0.iter().all(|(account, balance)| *account == Account::World || *balance >= 0));
            }
            Err(error) => {
                prop_assert!(largest > i128::from(i64::MAX), "{} fits: {}", largest, error);
                prop_assert!(matches!(error, SettleError::Overflow { .. }), "{}", error);
            }
        }
    }
}

#[test]
fn a_turnover_beyond_all_amounts_is_an_error() {
    let each = |number: u128| {
        (
            crate::orders::ask(number, "seller", 1_000_000_000, 1_000_000),
            crate::orders::bid(100 + number, "buyer", 1_000_000_000, 1_000_000),
        )
    };
    let (asks, bids) = (1..=4).map(each).unzip();
    let orders = TwoClassOrders { firm: Orders { asks, bids }, ..TwoClassOrders::default() };
    let rate = 0_i64.try_into().expect("a rate");
    let terms = Terms { duration: 3_600_i64.try_into().expect("a duration"), fee: rate, compensation: rate };
    let book = two_class_book(&orders);
    let error = settle_plan(&book, &clear_market(&book, forewarm_auction::Seed([3; 32])), terms).expect_err("too much");
    assert!(matches!(error, SettleError::Turnover(_)), "{error}");
}

#[test]
fn a_clearing_of_another_book_is_refused() {
    let orders = |id| TwoClassOrders {
        firm: Orders {
            asks: vec![crate::orders::ask(id, "seller", 3, 5)],
            bids: vec![crate::orders::bid(id + 1, "buyer", 4, 5)],
        },
        ..TwoClassOrders::default()
    };
    let (one, other) = (two_class_book(&orders(1)), two_class_book(&orders(11)));
    let rate = 0_i64.try_into().expect("a rate");
    let terms = Terms { duration: 60_i64.try_into().expect("a duration"), fee: rate, compensation: rate };
    let error = settle_plan(&one, &clear_market(&other, forewarm_auction::Seed([3; 32])), terms).expect_err("foreign");
    assert!(matches!(error, SettleError::Foreign { .. }), "{error}");
}
