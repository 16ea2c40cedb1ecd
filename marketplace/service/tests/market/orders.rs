//! Placing and taking back: what is refused, and what it does to money.

use crate::world::{RICH, START, World, bid, offer, operator, pay_in, tenant, window};
use forewarm_auction::{LeaseClass, MicroCredits};
use forewarm_domain::time::TimestampMs;
use forewarm_market::{
    EventQuery, MarketConfig, MarketError,
    model::{
        Caller, Currency, EndCause, MarketTopic, NewBid, NewBudget, NewCostCentre, NewDeposit, NewOrganisation,
        OrderReason, OrderState, OrganisationKind, Role, TimeInForce,
    },
};

fn keyed(new: NewBid, key: &str) -> NewBid {
    NewBid { idempotency_key: Some(key.parse().expect("a key")), ..new }
}

#[tokio::test]
async fn what_can_not_be_is_refused_with_a_reason_of_its_own() {
    let world = World::new().await;
    let cases: Vec<(NewBid, &str)> = vec![
        (bid("shop", 0, 5), "invalid-quantity"),
        (bid("shop", -1, 5), "invalid-quantity"),
        (bid("shop", i64::MAX, 5), "invalid-quantity"),
        (bid("shop", 5, 0), "invalid-price"),
        (bid("shop", 5, i64::MIN), "invalid-price"),
        (bid("shop", 1_000_000, 1_000_000_000), "funds-short"),
        (NewBid { window: window(5, 31 * 24 * 60), ..bid("shop", 1_000_000, 1_000_000_000) }, "overflow"),
        (NewBid { window: window(5, 32 * 24 * 60), ..bid("shop", 1, 1) }, "invalid-window"),
        (NewBid { window: window(6, 5), ..bid("shop", 1, 1) }, "window-off-grid"),
        (NewBid { window: window(-5, 5), ..bid("shop", 1, 1) }, "window-past"),
        (NewBid { window: window(0, 5), ..bid("shop", 1, 1) }, "window-past"),
        (NewBid { window: window(30 * 24 * 60, 5), ..bid("shop", 1, 1) }, "window-too-far"),
        (NewBid { min_fill: Some(6), ..bid("shop", 5, 5) }, "min-fill-over-quantity"),
        (NewBid { min_fill: Some(0), ..bid("shop", 5, 5) }, "invalid-quantity"),
        (NewBid { tenant: tenant("nobody"), ..bid("shop", 5, 5) }, "not-found"),
        (
            NewBid { time_in_force: TimeInForce::Until { at: TimestampMs(START + 1) }, ..bid("shop", 5, 5) },
            "ends-before-round",
        ),
        (
            NewBid {
                time_in_force: TimeInForce::Round { number: forewarm_auction::RoundNumber(99) },
                ..bid("shop", 5, 5)
            },
            "wrong-round",
        ),
    ];
    for (new, code) in cases {
        let error = world.bid(new.clone()).await.expect_err("refused");
        assert_eq!(error.code(), code, "{new:?}: {error}");
    }
    assert_eq!(world.money("shop").await, (RICH, 0, RICH), "a refusal leaves nothing behind");
    let error = world.offer(offer("acme", 5, 5)).await.expect_err("refused");
    assert_eq!(error.code(), "not-an-owner");
    world.check_accounts().await;
}

#[tokio::test]
async fn a_bid_holds_its_money_until_it_ends() {
    let world = World::new().await;
    let placed = world.bid(bid("shop", 10, 7)).await.expect("placed");
    assert_eq!(world.money("shop").await, (RICH, 10 * 7 * 300, RICH - 10 * 7 * 300));
    let customer = world.bid(bid("acme", 10, 7)).await.expect("placed");
    assert_eq!((customer.held, customer.currency.as_str()), (MicroCredits(7_000), "EUR"), "a third, rounded up");
    world.check_accounts().await;
    let cancelled = world.market.cancel_bid(&operator(), placed.id).await.expect("cancelled");
    assert!(matches!(cancelled.state, OrderState::Ended { cause: EndCause::Cancelled, .. }));
    let again = world.market.cancel_bid(&operator(), placed.id).await.expect_err("ended");
    assert_eq!(again, MarketError::OrderEnded { order: placed.id });
    assert_eq!(world.money("shop").await, (RICH, 0, RICH));
    world.check_accounts().await;
}

#[tokio::test]
async fn a_key_stands_for_one_order_also_after_a_restart() {
    let mut world = World::new().await;
    let first = world.bid(keyed(bid("shop", 10, 7), "k")).await.expect("placed");
    assert_eq!(world.bid(keyed(bid("shop", 10, 7), "k")).await, Ok(first.clone()));
    assert_eq!(world.bid(keyed(bid("shop", 11, 7), "k")).await, Err(MarketError::KeyReused));
    let other = world.bid(keyed(bid("lab", 11, 7), "k")).await.expect("another tenant's key");
    assert_ne!(other.id, first.id);
    world.market.cancel_bid(&operator(), first.id).await.expect("cancelled");
    world.restart().await;
    let again = world.bid(keyed(bid("shop", 10, 7), "k")).await.expect("the same");
    assert_eq!((again.id, again.held), (first.id, MicroCredits(0)), "it stays cancelled");
    assert_eq!(world.bid(keyed(bid("shop", 11, 7), "k")).await, Err(MarketError::KeyReused));
    world.check_accounts().await;
}

#[tokio::test]
async fn bids_at_the_same_time_never_overdraw() {
    let world = World::new().await;
    let one = 10 * 7 * 300;
    world
        .market
        .create_organisation(
            &operator(),
            NewOrganisation {
                name: tenant("poor"),
                kind: OrganisationKind::Internal,
                currency: Currency::credit(),
                rate: forewarm_market::model::ExchangeRate::PARITY,
            },
        )
        .await
        .expect("made");
    pay_in(&world.market, "poor", Currency::credit(), 5 * one + 1, "p").await;
    let place = |_| {
        let market = world.market.clone();
        tokio::spawn(async move { market.place_bid(&operator(), bid("poor", 10, 7)).await })
    };
    let tasks: Vec<_> = (0..40).map(place).collect();
    let mut placed = 0;
    for task in tasks {
        match task.await.expect("ran") {
            Ok(_) => placed += 1,
            Err(error) => assert_eq!(error.code(), "funds-short", "{error}"),
        }
    }
    assert_eq!((placed, world.money("poor").await), (5, (5 * one + 1, 5 * one, 1)));
}

#[tokio::test]
async fn budgets_bind_the_whole_tree_and_speak_the_accounts_currency() {
    let world = World::new().await;
    let below = NewCostCentre { name: tenant("shop-web"), parent: tenant("shop") };
    world.market.create_cost_centre(&operator(), below).await.expect("made");
    pay_in(&world.market, "shop-web", Currency::credit(), RICH, "w").await;
    let budget = |currency: &str, limit| NewBudget {
        tenant: tenant("shop"),
        currency: currency.parse().expect("a currency"),
        from: TimestampMs(START),
        to: TimestampMs(START + 3_600_000),
        limit: MicroCredits(limit),
    };
    let error = world.market.create_budget(&operator(), budget("EUR", 1)).await.expect_err("refused");
    assert_eq!(error.code(), "currency-mismatch");
    world.market.create_budget(&operator(), budget("CREDIT", 30_000)).await.expect("made");
    let first = world.bid(bid("shop-web", 10, 7)).await.expect("21,000 of 30,000");
    let error = world.bid(bid("shop", 10, 7)).await.expect_err("over the budget");
    assert!(matches!(error, MarketError::BudgetShort { left: MicroCredits(9_000), .. }), "{error}");
    world.market.cancel_bid(&operator(), first.id).await.expect("cancelled");
    world.bid(bid("shop", 10, 7)).await.expect("the budget is free again");
    let budgets = world.market.budgets(&operator(), &tenant("shop-web")).await.expect("budgets");
    assert_eq!(budgets[0].used, MicroCredits(21_000));
}

#[tokio::test]
async fn callers_see_and_do_what_is_theirs() {
    let world = World::new().await;
    let shop = Caller::of(tenant("shop"), "s", [Role::Buyer]);
    let lab = Caller::of(tenant("lab"), "l", [Role::Buyer]);
    let auditor = Caller::of(tenant("shop"), "a", [Role::Auditor]);
    let placed = world.market.place_bid(&shop, bid("shop", 1, 7)).await.expect("placed");
    for foreign in [world.market.bid(&lab, placed.id).await, world.market.cancel_bid(&lab, placed.id).await] {
        assert_eq!(foreign.expect_err("hidden").code(), "not-found");
    }
    assert_eq!(world.market.place_bid(&lab, bid("shop", 1, 7)).await.expect_err("hidden").code(), "not-found");
    let forbidden = world.market.cancel_bid(&auditor, placed.id).await.expect_err("a look only");
    assert_eq!(forbidden, MarketError::Forbidden { role: Role::Buyer });
    assert_eq!(world.market.bid(&auditor, placed.id).await.expect("a look").id, placed.id);
    let none = world.market.bids(&lab, Default::default()).await.expect("a look");
    assert!(none.is_empty(), "{none:?}");
}

#[tokio::test]
async fn payments_are_booked_once() {
    let world = World::new().await;
    let pay = |amount: i64, currency: &str| NewDeposit {
        tenant: tenant("shop"),
        currency: currency.parse().expect("a currency"),
        amount: MicroCredits(amount),
        reference: "r".parse().expect("a reference"),
    };
    let first = world.market.deposit(&operator(), pay(5, "CREDIT")).await.expect("booked");
    assert_eq!(world.market.deposit(&operator(), pay(5, "CREDIT")).await, Ok(first));
    let codes = [
        (pay(6, "CREDIT"), "transfer-conflict"),
        (pay(5, "EUR"), "currency-mismatch"),
        (pay(0, "CREDIT"), "amount-not-positive"),
    ];
    for (new, code) in codes {
        assert_eq!(world.market.deposit(&operator(), new).await.expect_err("refused").code(), code);
    }
    let error = world.market.withdraw(&operator(), pay(RICH + 6, "CREDIT")).await.expect_err("too much");
    assert_eq!(error.code(), "funds-short");
    assert_eq!(world.money("shop").await.0, RICH + 5);
    world.check_accounts().await;
}

#[tokio::test]
async fn a_tenant_has_only_so_many_open_orders() {
    let world = World::with(MarketConfig { open_orders_max: 2, ..MarketConfig::default() }).await;
    for _ in 0..2 {
        world.bid(bid("shop", 1, 1)).await.expect("placed");
    }
    assert_eq!(world.bid(bid("shop", 1, 1)).await.expect_err("too many").code(), "too-many-orders");
    world.bid(bid("lab", 1, 1)).await.expect("others may");
}

#[tokio::test]
async fn a_ticket_tells_and_changes_nothing() {
    let world = World::new().await;
    let ticket = world.market.ticket(&operator(), bid("shop", 10, 7)).await.expect("a ticket");
    assert_eq!((ticket.hold, ticket.available_after), (MicroCredits(21_000), MicroCredits(RICH - 21_000)));
    assert_eq!((ticket.seals_at, ticket.chance_ppm), (TimestampMs(START + 60_000), None));
    assert_eq!(world.money("shop").await, (RICH, 0, RICH));
}

#[tokio::test]
async fn an_owner_that_can_not_pay_compensations_sells_what_it_can_pay_for() {
    let world = World::new().await;
    let poor = NewOrganisation {
        name: tenant("poor"),
        kind: OrganisationKind::Internal,
        currency: Currency::credit(),
        rate: forewarm_market::model::ExchangeRate::PARITY,
    };
    world.market.create_organisation(&operator(), poor).await.expect("made");
    // One instance at 10 for 300 s is 3,000: 750 compensation, 30 fee, 1 for rounding.
    pay_in(&world.market, "poor", Currency::credit(), 2 * 781, "p").await;
    let listed = world.offer(offer("poor", 5, 1)).await.expect("listed");
    world.bid(NewBid { class: LeaseClass::Reclaimable, ..bid("shop", 5, 10) }).await.expect("placed");
    world.pass(60).await;
    let after = world.market.offer(&operator(), listed.id).await.expect("it stands");
    assert_eq!((after.sold, after.last_reason), (2, Some(OrderReason::BudgetHold)));
    world.check_accounts().await;
}

#[tokio::test]
async fn little_money_is_told_once() {
    let world = World::new().await;
    let below = Some(MicroCredits(RICH - 30_000));
    world.market.set_alert(&operator(), &tenant("shop"), below).await.expect("set");
    for _ in 0..3 {
        world.bid(bid("shop", 10, 7)).await.expect("placed");
    }
    let events = world.market.events(EventQuery { after: 0, limit: 100 }).await.expect("events");
    let told: Vec<_> = events.iter().map(|event| (event.topic, event.tenant.clone())).collect();
    assert_eq!(told, [(MarketTopic::LowBalance, Some(tenant("shop")))], "when it fell below, and not again");
    assert_eq!(events[0].data["available"], RICH - 42_000);
}
