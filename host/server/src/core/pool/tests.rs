//! The pool's promises, without a store or a driver.

mod lending;
mod placing;
mod tiers;

use super::claims::TooManyWaiting;
use super::*;
use forewarm_domain::instance::{ClaimState, EndCause};
use forewarm_domain::lending::Moment;
use forewarm_domain::plan::Stock;
use forewarm_domain::plugin::DriverOperation;
use forewarm_domain::time::TimestampMs;
use uuid::Uuid;

const NOW: TimestampMs = TimestampMs(1_000_000);

fn persona() -> PersonaName {
    "web".parse().expect("valid")
}

fn claim(pool: &mut Pool, key: Option<&str>) -> Claim {
    let new = NewClaim {
        id: ClaimId(Uuid::now_v7()),
        persona: persona(),
        tenant: "shop".parse().expect("valid"),
        idempotency_key: key.map(Into::into),
        expires_at: None,
        driver: driver(),
        max_instances: 3,
        max_waiting: 5,
    };
    pool.claim_instance(new, &mut anywhere(), NOW, ways).expect("room to wait").0
}

fn anywhere() -> Room {
    Room::anywhere(u32::MAX)
}

fn driver() -> PluginName {
    "driver-simulated".parse().expect("valid")
}

fn ways() -> Ways {
    Ways { boot_ms: 300_000, start_ms: 30_000, specialise_ms: 60_000, class: None }
}

/// Launches so many more than there are.
fn launch(pool: &mut Pool, count: u32) {
    let wanted = pool.stock(&persona()).total() + count;
    let done = pool.follow(
        &persona(),
        &driver(),
        Target { wanted, needed: 0, parked: None, room: &mut anywhere() },
        &ways(),
        NOW,
    );
    assert_eq!(done, Followed { launched: count, ..Followed::default() });
}

/// A pool with `count` warm instances and nothing unsaved.
fn warm(count: u32) -> Pool {
    let mut pool = Pool::default();
    launch(&mut pool, count);
    for instance in pool.instances_of(&persona()) {
        carry_out(&mut pool, DriverOperation::Create);
        pool.ready(instance.id, "ref", NOW);
    }
    save(&mut pool);
    pool
}

fn save(pool: &mut Pool) -> Vec<Write> {
    let writes = pool.take_unsaved();
    pool.saved(&writes);
    writes
}

/// Saves, takes one due intent, checks it and settles it.
fn carry_out(pool: &mut Pool, expected: DriverOperation) {
    save(pool);
    let (intent, _) = pool.take_due(NOW, 1, &HashSet::new()).pop().expect("an intent is due");
    assert_eq!(intent.operation, expected);
    pool.settle(&intent);
}

fn stock(pool: &Pool) -> (u32, u32, u32, u32, u32) {
    let Stock { active, warm, booting, resetting, waiting, .. } = pool.stock(&persona());
    (active, warm, booting, resetting, waiting)
}

#[test]
fn a_warm_instance_is_handed_out_at_once() {
    let mut pool = warm(2);
    let claim = claim(&mut pool, None);
    assert!(matches!(claim.state, ClaimState::Served { warm: true, .. }));
    assert_eq!(claim.wait_ms(), Some(0));
    assert_eq!(stock(&pool), (1, 1, 0, 0, 0));
}

#[test]
fn an_empty_pool_boots_one_per_waiting_claim_up_to_the_maximum() {
    let mut pool = Pool::default();
    for waiting in 1..=4 {
        let claim = claim(&mut pool, None);
        let ClaimState::Waiting { expected_at } = claim.state else { panic!("{claim:?}") };
        assert_eq!(expected_at, NOW + 300_000);
        assert_eq!(stock(&pool), (0, 0, waiting.min(3), 0, waiting));
    }
}

#[test]
fn too_many_waiting_are_refused() {
    let mut pool = Pool::default();
    (0..5).for_each(|_| drop(claim(&mut pool, None)));
    let new = NewClaim {
        id: ClaimId(Uuid::now_v7()),
        persona: persona(),
        tenant: "shop".parse().expect("valid"),
        idempotency_key: None,
        expires_at: None,
        driver: driver(),
        max_instances: 3,
        max_waiting: 5,
    };
    assert_eq!(pool.claim_instance(new, &mut anywhere(), NOW, ways).expect_err("full"), TooManyWaiting { waiting: 5 });
}

#[test]
fn who_waits_first_is_served_first_and_a_wipe_comes_between_holders() {
    let mut pool = warm(1);
    let holder = claim(&mut pool, None);
    let ClaimState::Served { instance, .. } = holder.state else { panic!("{holder:?}") };
    let (first, second) = (claim(&mut pool, None), claim(&mut pool, None));
    pool.end_claim(holder.id, EndCause::Released, NOW).expect("open");
    assert_eq!(stock(&pool).3, 1, "being wiped");
    carry_out_all(&mut pool);
    let changes = pool.ready(instance, "ref", NOW + 5_000);
    assert_eq!(changes.served.iter().map(|served| (served.warm, served.wait_ms)).collect::<Vec<_>>(), [(false, 5_000)]);
    assert!(matches!(pool.claim(first.id).expect("open").state, ClaimState::Served { .. }));
    assert!(matches!(pool.claim(second.id).expect("open").state, ClaimState::Waiting { .. }));
}

fn carry_out_all(pool: &mut Pool) {
    save(pool);
    for (intent, _) in pool.take_due(NOW, 100, &HashSet::new()) {
        pool.settle(&intent);
    }
}

#[test]
fn nothing_is_carried_out_before_it_is_recorded() {
    let mut pool = Pool::default();
    launch(&mut pool, 1);
    assert!(pool.take_due(NOW, 10, &HashSet::new()).is_empty());
    let writes = pool.take_unsaved();
    assert_eq!(writes.len(), 2, "the instance and the intent: {writes:?}");
    pool.not_saved(writes);
    assert!(pool.take_due(NOW, 10, &HashSet::new()).is_empty());
    assert_eq!(save(&mut pool).len(), 2, "what was not saved is saved later");
    assert_eq!(pool.take_due(NOW, 10, &HashSet::new()).len(), 1);
    assert!(pool.take_due(NOW, 10, &HashSet::new()).is_empty(), "it is under way");
}

#[test]
fn what_was_not_saved_gives_way_to_what_came_after() {
    let mut pool = warm(1);
    let claim = claim(&mut pool, None);
    let old = pool.take_unsaved();
    pool.end_claim(claim.id, EndCause::Released, NOW).expect("open");
    pool.not_saved(old);
    let saved = save(&mut pool);
    let states: Vec<&ClaimState> = saved
        .iter()
        .filter_map(|write| if let Write::Claim(claim) = write { Some(&claim.state) } else { None })
        .collect();
    assert!(matches!(states[..], [ClaimState::Ended { .. }]), "{states:?}");
}

#[test]
fn the_newest_wish_for_an_instance_supersedes_the_one_before() {
    let mut pool = Pool::default();
    launch(&mut pool, 1);
    save(&mut pool);
    let (creation, _) = pool.take_due(NOW, 1, &HashSet::new()).pop().expect("due");
    pool.release(&persona(), 1, &anywhere(), NOW);
    save(&mut pool);
    assert!(pool.take_due(NOW, 1, &HashSet::new()).is_empty(), "one operation of an instance at a time");
    pool.postpone(&creation, "unavailable", NOW + 1_000);
    let (removal, _) = pool.take_due(NOW, 1, &HashSet::new()).pop().expect("the creation is not tried again");
    assert_eq!(removal.operation, DriverOperation::Destroy);
    assert_ne!(removal.token, creation.token);
}

#[test]
fn a_lost_instance_ends_its_claim() {
    let mut pool = warm(1);
    let claim = claim(&mut pool, None);
    let ClaimState::Served { instance, .. } = claim.state else { panic!("{claim:?}") };
    pool.forget(instance, "gone", NOW);
    assert_eq!(stock(&pool), (0, 0, 0, 0, 0));
    let ended =
        save(&mut pool).into_iter().find_map(|write| if let Write::Claim(claim) = write { Some(claim) } else { None });
    assert!(matches!(ended.expect("written").state, ClaimState::Ended { cause: EndCause::InstanceLost, .. }));
}

#[test]
fn boots_are_let_go_before_idle_ones_and_claimed_ones_never() {
    let mut pool = warm(2);
    drop(claim(&mut pool, None));
    launch(&mut pool, 1);
    pool.release(&persona(), 1, &anywhere(), NOW);
    assert_eq!(stock(&pool), (1, 1, 0, 0, 0));
    pool.release(&persona(), 9, &anywhere(), NOW);
    assert_eq!(stock(&pool), (1, 0, 0, 0, 0));
}

#[test]
fn keys_find_open_claims_only() {
    let mut pool = warm(1);
    let tenant: TenantName = "shop".parse().expect("valid");
    let claim = claim(&mut pool, Some("order-7"));
    assert_eq!(pool.claim_by_key(&tenant, "order-7").map(|claim| claim.id), Some(claim.id));
    pool.end_claim(claim.id, EndCause::Released, NOW);
    assert!(pool.claim_by_key(&tenant, "order-7").is_none());
}

#[test]
fn overdue_claims_are_found() {
    let at = |at| Moment { at, uptime_ms: 0, boot: String::new() };
    let mut pool = warm(1);
    let served = claim(&mut pool, None);
    pool.renew(served.id, Some(NOW + 10)).expect("open");
    let waiting = claim(&mut pool, None);
    let mut found = pool.overdue(&at(NOW + 2_000), |_| Some(1_000));
    found.sort_by_key(|(id, _)| *id);
    let mut expected = vec![(served.id, EndCause::Expired), (waiting.id, EndCause::TimedOut)];
    expected.sort_by_key(|(id, _)| *id);
    assert_eq!(found, expected);
    assert!(pool.overdue(&at(NOW + 5), |_| Some(1_000)).is_empty());
}

#[test]
fn a_claim_waits_where_the_driver_has_no_room() {
    let mut pool = Pool::default();
    let new = NewClaim {
        id: ClaimId(Uuid::now_v7()),
        persona: persona(),
        tenant: "shop".parse().expect("valid"),
        idempotency_key: None,
        expires_at: None,
        driver: "driver-simulated".parse().expect("valid"),
        max_instances: 3,
        max_waiting: 5,
    };
    let (claim, _) = pool.claim_instance(new, &mut Room::anywhere(0), NOW, ways).expect("room to wait");
    assert!(matches!(claim.state, ClaimState::Waiting { .. }));
    assert_eq!(stock(&pool), (0, 0, 0, 0, 1));
}

#[test]
fn instances_are_counted_by_driver_until_they_are_gone() {
    let driver = "driver-simulated".parse().expect("valid");
    let mut pool = warm(3);
    claim(&mut pool, None);
    pool.release(&persona(), 1, &anywhere(), NOW);
    assert_eq!(pool.count_of(&driver), 3, "one is on its way out");
    let mut leaving = pool.instances_of(&persona()).into_iter();
    let leaving = leaving.find(|one| matches!(one.state, InstanceState::Destroying { .. })).expect("one");
    pool.forget(leaving.id, "destroyed", NOW);
    assert_eq!((pool.count_of(&driver), pool.count_of(&"other".parse().expect("valid"))), (2, 0));
}

#[test]
fn what_its_driver_takes_away_is_replaced_before_it_is_gone() {
    let mut pool = warm(2);
    let held = claim(&mut pool, None);
    let ClaimState::Served { instance: claimed, .. } = held.state else { panic!("{held:?}") };
    let ids: Vec<InstanceId> = pool.instances_of(&persona()).iter().map(|instance| instance.id).collect();
    let told: usize = ids.iter().map(|id| pool.leaving(*id, NOW).notices.len()).sum();
    assert_eq!((told, stock(&pool)), (2, (1, 0, 0, 0, 0)), "an idle one is taken out of use, a claimed one is not");
    assert_eq!(pool.going(&persona()), 1);
    assert!(pool.leaving(claimed, NOW).notices.is_empty(), "told once");
    let changes = pool.forget(claimed, "it exists no longer", NOW);
    assert!(!changes.notices.is_empty());
    assert_eq!((pool.going(&persona()), stock(&pool)), (0, (0, 0, 0, 0, 0)));
}
