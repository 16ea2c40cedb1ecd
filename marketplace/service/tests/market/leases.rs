//! Leases, from granted to returned, with a host over the bus.

use crate::world::{RICH, START, World, bid, offer, operator, persona, tenant, window};
use forewarm_auction::{LeaseClass, MicroCredits};
use forewarm_bus::message::market::{AnnounceCall, ReclaimCall, ServeMarket, SoldCall, Surplus, WindowsCall};
use forewarm_domain::{id::ReclaimId, time::TimestampMs};
use forewarm_market::{
    LeaseQuery, MarketConfig, OrderQuery, Side,
    model::{Lease, LeaseEnd, LeaseState, NewBid, NewOffer, OfferSource, ReclaimRequest},
};
use uuid::Uuid;

/// Notice of half a minute, and reclaims from the first minute on.
fn quick() -> MarketConfig {
    MarketConfig { notice_s: 30, min_run_s: 60, ..MarketConfig::default() }
}

async fn leases(world: &World) -> Vec<Lease> {
    let query = LeaseQuery { side: Side::Buyer, tenant: None, live_only: false, limit: 100 };
    world.market.leases(&operator(), query).await.expect("leases")
}

/// A lease of 4 instances at 5 for five minutes, active since the 300th second.
async fn active(class: LeaseClass) -> World {
    let world = World::with(quick()).await;
    world.offer(NewOffer { class, ..offer("farm", 4, 5) }).await.expect("listed");
    world.bid(NewBid { class, ..bid("shop", 4, 9) }).await.expect("placed");
    world.pass(60).await;
    world.pass(240).await;
    let lease = leases(&world).await.remove(0);
    assert_eq!((lease.state, lease.instances.len()), (LeaseState::Active, 4));
    world.check_accounts().await;
    world
}

fn reclaim(units: i64) -> ReclaimRequest {
    ReclaimRequest { seller: tenant("farm"), persona: persona(), units, reason: "needed".into() }
}

#[tokio::test]
async fn a_lease_runs_to_its_end_and_comes_back_wiped() {
    let world = active(LeaseClass::Firm).await;
    assert_eq!(world.money("farm").await.1, 0, "a firm lease that began needs no security");
    world.pass(270).await;
    assert!(matches!(leases(&world).await[0].state, LeaseState::Expiring { .. }));
    world.pass(30).await;
    for _ in 0..3 {
        world.pass(10).await;
    }
    let lease = leases(&world).await.remove(0);
    assert!(matches!(lease.state, LeaseState::Returned { end: LeaseEnd::Expired, .. }), "{lease:?}");
    assert_eq!(world.money("shop").await.0, RICH - 4 * 5 * 300);
    world.check_accounts().await;
}

#[tokio::test]
async fn calling_back_refunds_and_compensates_the_unused_time() {
    let world = active(LeaseClass::Reclaimable).await;
    let early = world.market.reclaim(&operator(), reclaim(1)).await.expect("a look");
    assert_eq!(early.units, 0, "its least run is not over");
    world.pass(60).await;
    let preview = world.market.reclaim_preview(&operator(), reclaim(3)).await.expect("a look");
    // Notice ends at the 390th second: 210 are left of 4 x 5 a second, and a quarter on top.
    let expected = (4, MicroCredits(4_200), MicroCredits(1_050));
    assert_eq!((preview.units, preview.refund, preview.compensation), expected);
    assert_eq!(world.market.reclaim(&operator(), reclaim(3)).await, Ok(preview));
    world.pass(29).await;
    assert!(matches!(leases(&world).await[0].state, LeaseState::Reclaiming { .. }));
    assert_eq!(world.host.leases.lock().expect("lock").values().map(|held| held.notices).sum::<u32>(), 1);
    world.pass(1).await;
    world.pass(10).await;
    let lease = leases(&world).await.remove(0);
    assert!(matches!(lease.state, LeaseState::Returned { end: LeaseEnd::Reclaimed, .. }), "{lease:?}");
    assert_eq!(world.money("shop").await.0, RICH - 6_000 + 4_200 + 1_050);
    assert_eq!(world.money("farm").await, (RICH + 5_940 - 5_250, 0, RICH + 5_940 - 5_250));
    world.check_accounts().await;
}

#[tokio::test]
async fn a_tenant_may_leave_early_under_notice() {
    let world = active(LeaseClass::Reclaimable).await;
    world.pass(60).await;
    world.market.reclaim(&operator(), reclaim(1)).await.expect("called back");
    world.clock.pass(10_000);
    let lease = world.market.release(&operator(), leases(&world).await[0].id).await.expect("given back");
    assert!(matches!(lease.state, LeaseState::Revoking { end: LeaseEnd::LeftEarly, .. }), "{lease:?}");
    // 230 seconds are left.
    assert_eq!(world.money("shop").await.0, RICH - 6_000 + 4_600 + 1_150);
    let again = world.market.release(&operator(), lease.id).await.expect_err("over");
    assert_eq!(again.code(), "lease-state");
    world.check_accounts().await;
}

#[tokio::test]
async fn no_clock_shortens_a_notice() {
    let world = active(LeaseClass::Reclaimable).await;
    world.pass(60).await;
    world.market.reclaim(&operator(), reclaim(1)).await.expect("called back");
    let reclaiming = async || matches!(leases(&world).await[0].state, LeaseState::Reclaiming { .. });
    world.clock.set(3_600_000);
    world.pass(29).await;
    assert!(reclaiming().await, "the calendar was set an hour ahead");
    world.clock.set(-3_600_000);
    world.pass(0).await;
    assert!(reclaiming().await);
    world.pass(1).await;
    assert!(!reclaiming().await, "half a minute has passed by both clocks");
    world.check_accounts().await;
}

#[tokio::test]
async fn a_notice_goes_on_over_a_restart() {
    let mut world = active(LeaseClass::Reclaimable).await;
    world.pass(60).await;
    world.market.reclaim(&operator(), reclaim(1)).await.expect("called back");
    world.clock.pass(20_000);
    world.restart().await;
    world.pass(9).await;
    assert!(matches!(leases(&world).await[0].state, LeaseState::Reclaiming { .. }));
    world.pass(1).await;
    assert!(!matches!(leases(&world).await[0].state, LeaseState::Reclaiming { .. }));
}

#[tokio::test]
async fn what_never_comes_is_paid_back() {
    for (class, back) in [(LeaseClass::Firm, 6_000), (LeaseClass::Reclaimable, 7_500)] {
        let world = World::with(quick()).await;
        *world.host.empty.lock().expect("lock") = true;
        world.offer(NewOffer { class, ..offer("farm", 4, 5) }).await.expect("listed");
        world.bid(NewBid { class, ..bid("shop", 4, 9) }).await.expect("placed");
        world.pass(60).await;
        world.pass(240).await;
        assert!(matches!(leases(&world).await[0].state, LeaseState::HandingOver { .. }));
        world.pass(400).await;
        world.pass(10).await;
        let lease = leases(&world).await.remove(0);
        assert!(matches!(lease.state, LeaseState::Returned { end: LeaseEnd::NotDelivered, .. }), "{lease:?}");
        assert_eq!(world.money("shop").await.0, RICH - 6_000 + back, "{class:?}");
        world.check_accounts().await;
    }
}

#[tokio::test]
async fn what_comes_late_is_paid_back_by_the_second() {
    // Half a second more than 75 without 4 instances at 5; of a reclaimable lease a quarter on top.
    for (class, back, owner_pays) in [(LeaseClass::Firm, 1_500, 1_485), (LeaseClass::Reclaimable, 1_875, 1_875)] {
        let world = World::with(quick()).await;
        *world.host.empty.lock().expect("lock") = true;
        world.offer(NewOffer { class, ..offer("farm", 4, 5) }).await.expect("listed");
        world.bid(NewBid { class, ..bid("shop", 4, 9) }).await.expect("placed");
        world.pass(60).await;
        world.pass(240).await;
        *world.host.empty.lock().expect("lock") = false;
        world.clock.pass(75_500);
        world.market.advance().await.expect("a pass");
        let lease = leases(&world).await.remove(0);
        assert_eq!(lease.state, LeaseState::Active);
        assert_eq!(world.money("shop").await.0, RICH - 6_000 + back, "{class:?}");
        assert_eq!(
            world.money("farm").await.0,
            RICH + 5_940 - owner_pays,
            "a firm one's fee is the market's to give back"
        );
        world.check_accounts().await;
        if class == LeaseClass::Firm {
            assert_eq!(lease.security, MicroCredits::ZERO, "it began");
            continue;
        }
        // What is held still covers calling back the rest: 134 whole seconds at the end of the notice.
        assert_eq!(lease.security, MicroCredits(7_500 - 1_875));
        world.pass(60).await;
        world.market.reclaim(&operator(), reclaim(4)).await.expect("called back");
        world.pass(30).await;
        assert_eq!(world.money("shop").await.0, RICH - 6_000 + back + 2_680 + 670);
        assert_eq!(world.money("farm").await.1, 0);
        world.check_accounts().await;
    }
}

#[tokio::test]
async fn what_can_not_be_wiped_is_kept_apart() {
    let world = active(LeaseClass::Reclaimable).await;
    *world.host.dirty.lock().expect("lock") = true;
    world.market.release(&operator(), leases(&world).await[0].id).await.expect("given back");
    world.pass(1).await;
    world.pass(10).await;
    let lease = leases(&world).await.remove(0);
    assert!(
        matches!(&lease.state, LeaseState::Quarantined { instances, .. } if *instances == [lease.instances[0].instance]),
        "{lease:?}"
    );
    assert_eq!(world.money("shop").await.0, RICH - 6_000, "who leaves unasked gets nothing back");
    world.check_accounts().await;
}

#[tokio::test]
async fn the_cheapest_leases_are_called_back_first_then_the_newest() {
    let world = World::with(quick()).await;
    world.offer(offer("farm", 20, 2)).await.expect("listed");
    world.bid(bid("shop", 2, 9)).await.expect("placed");
    world.pass(60).await;
    // Nobody competes in either round: both pay the reserve.
    world.bid(bid("lab", 3, 9)).await.expect("placed");
    world.pass(60).await;
    world.pass(180).await;
    world.pass(60).await;
    let preview = world.market.reclaim_preview(&operator(), reclaim(1)).await.expect("a look");
    let newest = leases(&world).await.remove(0);
    assert_eq!((preview.leases[0].lease, preview.units), (newest.id, 3), "both cost the same: the newest");
    let all = world.market.reclaim_preview(&operator(), reclaim(4)).await.expect("a look");
    assert_eq!((all.leases.len(), all.units), (2, 5));
}

#[tokio::test]
async fn what_hosts_can_spare_becomes_offers_and_what_they_need_comes_back() {
    let world = World::with(MarketConfig { listed_window_s: 300, listed_windows: 3, ..quick() }).await;
    let windows = world.market.windows(WindowsCall {}).await.expect("windows");
    assert_eq!(windows[0], window(5, 5));
    let surplus = |units| Surplus {
        window: windows[0],
        class: LeaseClass::Reclaimable,
        units,
        carrying_cost: 100,
        reclaim_ppm: 200_000,
        unused_ppm: 500_000,
        reserve_floor: 1,
        shortage_cost: 1_000,
    };
    let call = |units, at| AnnounceCall {
        persona: persona(),
        owner: tenant("farm"),
        made_at: TimestampMs(START + at),
        valid_until: TimestampMs(START + 600_000),
        surplus: vec![surplus(units)],
    };
    let open = async || {
        let query = OrderQuery { open_only: true, limit: 10, ..OrderQuery::default() };
        world.market.offers(&operator(), query).await.expect("offers")
    };
    world.market.announce(call(4, 1)).await.expect("listed");
    world.market.announce(call(6, 3)).await.expect("listed");
    world.market.announce(call(9, 2)).await.expect("an older one counts no more");
    let listed = open().await;
    let facts: Vec<_> = listed.iter().map(|one| (one.quantity.get(), one.reserve.get(), one.source)).collect();
    assert_eq!(facts, [(6, 115, OfferSource::Forecast)]);
    world.bid(bid("shop", 4, 200)).await.expect("placed");
    let sold = async || ServeMarket::sold(&world.market, SoldCall { persona: persona() }).await.expect("what is sold");
    assert_eq!(sold().await, []);
    world.pass(60).await;
    let ahead = sold().await;
    assert_eq!(ahead.iter().map(|one| (one.window, one.units)).collect::<Vec<_>>(), [(windows[0], 4)]);
    world.pass(240).await;
    assert_eq!(sold().await, [], "it was handed over");
    world.pass(60).await;
    let reclaim = ReclaimCall {
        reclaim: ReclaimId(Uuid::from_u128(9)),
        persona: persona(),
        units: 3,
        needed_by: None,
        cost_most: i64::MAX,
        reason: "the forecast rose".into(),
    };
    let answer = ServeMarket::reclaim(&world.market, reclaim.clone()).await.expect("called back");
    assert_eq!(answer.leases.iter().map(|one| one.units).collect::<Vec<_>>(), [4]);
    assert_eq!(ServeMarket::reclaim(&world.market, reclaim.clone()).await, Ok(answer), "the same again");
    assert!(ServeMarket::reclaim(&world.market, ReclaimCall { units: 4, ..reclaim }).await.is_err());
    assert!(matches!(leases(&world).await[0].state, LeaseState::Reclaiming { .. }));
    world.check_accounts().await;
}
