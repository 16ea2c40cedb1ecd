//! Rounds, from open to published.

use crate::{
    accounts::TENANTS,
    world::{RICH, START, World, bid, offer, operator, tenant, window},
};
use forewarm_auction::{LeaseClass, Leg, RoundNumber};
use forewarm_domain::time::TimestampMs;
use forewarm_market::{
    EventQuery, LeaseQuery, MarketConfig, MarketError, PriceQuery, Side,
    model::{EndCause, MarketKind, MarketTopic, NewBid, OrderReason, OrderState, RoundState, TimeInForce},
};
use forewarm_tests::Postgres;
use proptest::{prelude::*, test_runner::TestRunner};
use std::collections::BTreeSet;

#[tokio::test]
async fn a_round_goes_from_open_to_published() {
    let world = World::new().await;
    let open = world.market.open_rounds().await.expect("rounds");
    let seals: Vec<_> = open.iter().map(|round| (round.kind, round.seals_at)).collect();
    let at = |s: i64| TimestampMs(START + s * 1_000);
    assert_eq!(seals, [(MarketKind::NearTerm, at(60)), (MarketKind::DayAhead, at(900))]);
    let listed = world.offer(offer("farm", 8, 3)).await.expect("listed");
    let high = world.bid(bid("shop", 5, 9)).await.expect("placed");
    let low = world.bid(bid("lab", 5, 4)).await.expect("placed");
    world.pass(60).await;
    let round = world.market.round(open[0].number).await.expect("a round");
    let RoundState::Published { seal, settlement, .. } = &round.state else { panic!("{round:?}") };
    assert_eq!((seal.orders, settlement.trades, settlement.units), (3, 2, 8));
    assert_eq!(blake3_hex(&settlement.seed.0), round.commitment, "the seed that was committed to");
    let (high, low) = (world.market.bid(&operator(), high.id).await, world.market.bid(&operator(), low.id).await);
    let (high, low) = (high.expect("a bid"), low.expect("a bid"));
    assert!(matches!(high.state, OrderState::Ended { cause: EndCause::Filled, .. }));
    assert_eq!((low.filled, low.last_reason, low.state), (3, Some(OrderReason::PartlyFilled), OrderState::Open));
    assert_eq!(low.held.0, 2 * 4 * 300);
    // The bid that fell short makes the price: 4.
    assert_eq!(world.money("shop").await.0, RICH - 5 * 4 * 300);
    let sold = world.market.offer(&operator(), listed.id).await.expect("its owner sees it");
    assert_eq!(sold.sold, 8);
    let prices = world.market.prices(PriceQuery { limit: 10, ..PriceQuery::default() }).await.expect("prices");
    assert_eq!(prices.iter().map(|point| point.price.map(i64::from)).collect::<Vec<_>>(), [Some(4)]);
    world.check_accounts().await;
}

fn blake3_hex(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

#[tokio::test]
async fn a_named_round_takes_no_bids_once_it_is_sealed() {
    let world = World::new().await;
    let number = world.market.open_rounds().await.expect("rounds")[0].number;
    let named = NewBid { time_in_force: TimeInForce::Round { number }, ..bid("shop", 5, 9) };
    let placed = world.bid(named.clone()).await.expect("placed");
    world.pass(60).await;
    let error = world.bid(named).await.expect_err("sealed");
    assert!(matches!(error, MarketError::RoundSealed { number: sealed, .. } if sealed == number), "{error}");
    let ended = world.market.bid(&operator(), placed.id).await.expect("a bid");
    assert!(matches!(ended.state, OrderState::Ended { cause: EndCause::Expired, .. }), "{ended:?}");
    assert_eq!(ended.last_reason, Some(OrderReason::NoMatch));
    world.check_accounts().await;
}

#[tokio::test]
async fn orders_end_when_their_time_is_over() {
    let world = World::new().await;
    let once = world.bid(NewBid { time_in_force: TimeInForce::NextRound, ..bid("shop", 1, 9) }).await.expect("placed");
    let until = TimeInForce::Until { at: TimestampMs(START + 100_000) };
    let timed = world.bid(NewBid { time_in_force: until, ..bid("shop", 1, 9) }).await.expect("placed");
    let standing = world.bid(bid("shop", 1, 9)).await.expect("placed");
    let cause = async |id| match world.market.bid(&operator(), id).await.expect("a bid").state {
        OrderState::Open => None,
        OrderState::Ended { cause, .. } => Some(cause),
    };
    world.pass(60).await;
    assert_eq!((cause(once.id).await, cause(timed.id).await), (Some(EndCause::Expired), None));
    world.pass(60).await;
    assert_eq!((cause(timed.id).await, cause(standing.id).await), (Some(EndCause::Expired), None));
    for _ in 0..4 {
        world.pass(60).await;
    }
    assert_eq!(cause(standing.id).await, Some(EndCause::WindowBegan));
    assert_eq!(world.money("shop").await, (RICH, 0, RICH));
    world.check_accounts().await;
}

#[tokio::test]
async fn later_windows_are_cleared_day_ahead() {
    let world = World::new().await;
    let far = window(10 * 60, 60);
    world.offer(forewarm_market::model::NewOffer { window: far, ..offer("farm", 5, 3) }).await.expect("listed");
    let placed = world.bid(NewBid { window: far, ..bid("shop", 5, 9) }).await.expect("placed");
    world.pass(60).await;
    assert_eq!(world.market.bid(&operator(), placed.id).await.expect("a bid").filled, 0);
    world.pass(14 * 60).await;
    let filled = world.market.bid(&operator(), placed.id).await.expect("a bid");
    assert_eq!(filled.filled, 5);
    let days = world.market.rounds(Some(MarketKind::DayAhead), None, 10).await.expect("rounds");
    assert_eq!(days[1].state.settlement().map(|settled| settled.trades), Some(1));
    world.check_accounts().await;
}

#[tokio::test]
async fn of_a_group_at_most_one_trades() {
    let world = World::new().await;
    let group = || Some("either".parse().expect("a group"));
    let other = window(10, 5);
    world.offer(offer("farm", 5, 3)).await.expect("listed");
    world.offer(forewarm_market::model::NewOffer { window: other, ..offer("farm", 5, 3) }).await.expect("listed");
    let one = world.bid(NewBid { exclusive_group: group(), ..bid("shop", 5, 9) }).await.expect("placed");
    let two = world.bid(NewBid { exclusive_group: group(), window: other, ..bid("shop", 5, 9) }).await.expect("placed");
    world.pass(60).await;
    let (one, two) = (world.market.bid(&operator(), one.id).await, world.market.bid(&operator(), two.id).await);
    let (one, two) = (one.expect("a bid"), two.expect("a bid"));
    assert_eq!(one.filled + two.filled, 5, "exactly one");
    let loser = if one.filled == 0 { one } else { two };
    assert!(matches!(loser.state, OrderState::Ended { cause: EndCause::GroupFilled, .. }), "{loser:?}");
    world.check_accounts().await;
}

#[tokio::test]
async fn nobody_buys_from_its_own_organisation() {
    let world = World::new().await;
    world.offer(offer("farm", 5, 3)).await.expect("listed");
    let own = world.bid(bid("farm", 5, 9)).await.expect("placed");
    world.pass(60).await;
    let own = world.market.bid(&operator(), own.id).await.expect("a bid");
    assert_eq!((own.filled, own.last_reason), (0, Some(OrderReason::SelfTrade)));
}

#[tokio::test]
async fn customers_pay_in_their_own_currency() {
    let world = World::new().await;
    world.offer(offer("farm", 5, 3)).await.expect("listed");
    world.bid(bid("acme", 5, 9)).await.expect("placed");
    world.pass(60).await;
    // 5 x 3 x 300 credits at a third, rounded up.
    assert_eq!(world.money("acme").await, (RICH - 1_500, 0, RICH - 1_500));
    assert_eq!(world.money("farm").await.0, RICH + 4_500 - 45, "less a hundredth");
    world.check_accounts().await;
}

#[tokio::test]
async fn every_event_leaves_once_and_in_order() {
    let world = World::new().await;
    world.offer(offer("farm", 5, 3)).await.expect("listed");
    world.bid(bid("shop", 5, 9)).await.expect("placed");
    world.pass(60).await;
    let events = world.market.events(EventQuery { after: 0, limit: 100 }).await.expect("events");
    let ids: BTreeSet<_> = events.iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), events.len());
    let topics: Vec<_> = events.iter().map(|event| event.topic).collect();
    let expected =
        [MarketTopic::RoundSealed, MarketTopic::OrderFilled, MarketTopic::OrderFilled, MarketTopic::RoundSettled];
    assert_eq!(topics, expected);
    assert_eq!(world.market.last_event().await, Ok(4));
}

#[tokio::test]
async fn the_audit_chain_links_every_settlement() {
    let world = World::new().await;
    for _ in 0..3 {
        world.bid(bid("shop", 5, 9)).await.expect("placed");
        world.pass(60).await;
    }
    let rounds = world.market.rounds(Some(MarketKind::NearTerm), None, 10).await.expect("rounds");
    let links: Vec<_> = rounds.iter().rev().filter_map(|round| round.state.settlement().cloned()).collect();
    assert_eq!(links.len(), 3);
    for pair in links.windows(2) {
        assert_eq!(pair[1].previous, pair[0].chain);
        assert_ne!(pair[1].chain, pair[0].chain);
    }
}

/// One order of a random market.
#[derive(Debug, Clone)]
struct Random {
    sells: bool,
    tenant: usize,
    quantity: i64,
    price: i64,
    min_fill: bool,
    class: LeaseClass,
}

fn random() -> impl Strategy<Value = Random> {
    let class = prop_oneof![Just(LeaseClass::Firm), Just(LeaseClass::Reclaimable)];
    (any::<bool>(), 0..4usize, 1..20i64, 1..12i64, any::<bool>(), class).prop_map(
        |(sells, tenant, quantity, price, min_fill, class)| Random { sells, tenant, quantity, price, min_fill, class },
    )
}

/// Whatever is ordered, over several rounds: the books add up after each, and units sold are units leased.
#[test]
fn random_markets_add_up() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let config = ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new(config);
    let markets = prop::collection::vec(prop::collection::vec(random(), 0..12), 1..4);
    let outcome = runner.run(&markets, |rounds| {
        runtime.block_on(play(rounds));
        Ok(())
    });
    outcome.expect("every market adds up");
}

async fn play(rounds: Vec<Vec<Random>>) {
    let world = World::new().await;
    for orders in rounds {
        for order in orders {
            let name = TENANTS[order.tenant];
            if order.sells && name != "acme" {
                let new =
                    forewarm_market::model::NewOffer { class: order.class, ..offer(name, order.quantity, order.price) };
                world.offer(new).await.expect("listed");
            } else {
                let min_fill = order.min_fill.then_some(order.quantity);
                let new = NewBid { class: order.class, min_fill, ..bid(name, order.quantity, order.price) };
                world.bid(new).await.expect("placed");
            }
        }
        world.pass(60).await;
        world.check_accounts().await;
    }
    let all = || forewarm_market::OrderQuery { limit: 1_000, ..Default::default() };
    let bought: u32 = world.market.bids(&operator(), all()).await.expect("bids").iter().map(|bid| bid.filled).sum();
    let offers = world.market.offers(&operator(), all()).await.expect("offers");
    let sold: u32 = offers.iter().map(|offer| offer.sold).sum();
    assert!(offers.iter().all(|offer| offer.sold <= offer.quantity.get()));
    let query = LeaseQuery { side: Side::Buyer, tenant: None, live_only: false, limit: 1_000 };
    let leases = world.market.leases(&operator(), query).await.expect("leases");
    let leased: u32 = leases.iter().map(|lease| lease.units.get()).sum();
    assert_eq!((bought, sold), (leased, leased));
    assert!(leases.iter().all(|lease| lease.buyer != lease.seller));
    assert!(world.market.round(RoundNumber(1)).await.is_ok());
    assert!(world.market.sees(&operator(), &tenant("farm")).await.expect("a look"));
    world.market.close().await;
}

#[tokio::test]
async fn a_transfer_that_is_there_already_fails_the_settlement_and_nothing_is_half_done() {
    let server = Postgres::start();
    let world = World::open(MarketConfig { url: server.url(), ..MarketConfig::default() }, None).await;
    let listed = world.offer(offer("farm", 5, 3)).await.expect("listed");
    let placed = world.bid(bid("shop", 5, 9)).await.expect("placed");
    let round = world.market.open_rounds().await.expect("rounds").remove(0);
    let id = Leg::Proceeds.transfer_id(round.id.0, placed.id, listed.id);
    server.psql(&format!(
        "insert into market_transfer (sequence, id, at, debit, credit, amount, currency, kind) \
         values (1000000, '{id}', 0, 'world:CREDIT', 'fees:CREDIT', 1, 'CREDIT', 'deposit')"
    ));
    world.clock.pass(60_000);
    let error = world.market.advance().await.expect_err("booked twice");
    assert_eq!(error.code(), "damaged", "{error}");
    let state = world.market.round(round.number).await.expect("a round").state;
    assert!(matches!(state, RoundState::Cleared { .. }), "{state:?}");
    assert_eq!(world.money("shop").await, (RICH, 5 * 9 * 300, RICH - 5 * 9 * 300), "it still holds its money");
    let sealed = world.market.cancel_bid(&operator(), placed.id).await.expect_err("sealed");
    assert_eq!(sealed.code(), "order-sealed");
    server.psql("delete from market_transfer where sequence = 1000000");
    world.pass(1).await;
    assert_eq!(world.money("shop").await, (RICH - 4_500, 0, RICH - 4_500));
    world.check_accounts().await;
}
