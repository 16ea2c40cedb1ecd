//! The pool's promises about leased instances.

use super::*;
use crate::core::pool::lending::Leased;
use crate::store::{CalledBack, Lent};
use forewarm_bus::message::market::{GrantCall, LeaseState, UnitState};
use forewarm_domain::id::LeaseId;
use forewarm_domain::instance::InstanceState;
use forewarm_domain::lending::{LeaseClass, Notice as LeaseNotice};

const LEASE: LeaseId = LeaseId(Uuid::from_u128(77));

fn moment() -> Moment {
    Moment { at: NOW, uptime_ms: 5_000, boot: "one".into() }
}

fn grant(units: u32, class: LeaseClass) -> GrantCall {
    let (tenant, until) = ("lab".parse().expect("valid"), NOW + 60_000);
    GrantCall { lease: LEASE, persona: persona(), tenant, class, units, until, min_run_s: 0 }
}

/// A pool with three warm instances, two of which were handed over, and nothing unsaved.
fn lent(class: LeaseClass) -> (Pool, Lent) {
    let mut pool = warm(3);
    pool.lend(grant(2, class), &moment()).expect("enough are warm");
    let lent = pool.lease(LEASE).expect("granted").clone();
    (pool, lent)
}

fn tell_all(pool: &mut Pool) {
    while let Some(news) = pool.lease(LEASE).and_then(|lent| lent.untold.first()).map(|news| news.id) {
        pool.told(LEASE, news);
    }
}

fn states(pool: &Pool) -> Vec<UnitState> {
    pool.lease(LEASE).expect("known").units.iter().map(|unit| unit.state.clone()).collect()
}

#[test]
fn a_grant_is_all_or_nothing_and_one_transaction() {
    let mut pool = warm(1);
    assert!(pool.lend(grant(2, LeaseClass::Firm), &moment()).is_none());
    assert_eq!((stock(&pool), pool.take_unsaved().len()), ((0, 1, 0, 0, 0), 0), "nothing was changed");

    let (mut pool, lent) = lent(LeaseClass::Firm);
    assert_eq!(pool.leased(&persona()), Leased { kept: 2, reclaimable: 0, returning: 0 });
    assert_eq!((stock(&pool).0, pool.own_stock(&persona()).active), (2, 0));
    let writes = save(&mut pool);
    assert_eq!(writes.len(), 5, "a lease, two claims, two instances: {writes:?}");
    for unit in &lent.units {
        let claim = pool.claim(unit.claim).expect("open");
        assert_eq!((claim.lease, claim.expires_at), (Some(LEASE), Some(NOW + 60_000)));
        assert!(matches!(claim.state, ClaimState::Served { instance, .. } if instance == unit.instance));
    }
}

#[test]
fn the_pool_comes_back_from_the_store_as_it_was() {
    let (mut pool, lent) = lent(LeaseClass::Reclaimable);
    save(&mut pool);
    let instances = pool.instances_of(&persona());
    let claims = pool.open_claims(&persona());
    let restored = Pool::restore(instances, claims, vec![], vec![lent.clone()]);
    assert_eq!(restored.leased(&persona()), pool.leased(&persona()));
    assert_eq!(restored.open_leases(&persona()), [lent]);
}

#[test]
fn leased_instances_are_wiped_before_they_are_the_owners_again() {
    let (mut pool, lent) = lent(LeaseClass::Firm);
    pool.take_back(LEASE, EndCause::Expired, NOW);
    assert_eq!(states(&pool), vec![UnitState::Sanitizing { since: NOW }; 2]);
    assert_eq!((stock(&pool), pool.leased(&persona()).all()), ((0, 1, 0, 2, 0), 0));
    carry_out_all(&mut pool);
    for unit in &lent.units {
        pool.ready(unit.instance, "ref", NOW + 9);
    }
    assert_eq!(states(&pool), vec![UnitState::Returned { at: NOW + 9 }; 2]);
    let ended = pool.lease(LEASE).expect("remembered");
    assert_eq!((ended.state(), ended.ended_at), (LeaseState::Ended, Some(NOW + 9)));
    assert_eq!(stock(&pool), (0, 3, 0, 0, 0));
    assert!(pool.open_leases(&persona()).is_empty());
    tell_all(&mut pool);
    pool.forget_leases(NOW + 9);
    assert!(pool.lease(LEASE).is_some());
    pool.forget_leases(NOW + 10);
    assert!(pool.lease(LEASE).is_none());
}

#[test]
fn a_tenant_may_leave_early_and_a_lost_instance_is_told() {
    let (mut pool, lent) = lent(LeaseClass::Firm);
    pool.end_claim(lent.units[0].claim, EndCause::Released, NOW).expect("open");
    pool.forget(lent.units[1].instance, "gone", NOW);
    assert_eq!(states(&pool), [UnitState::Sanitizing { since: NOW }, UnitState::Lost { at: NOW }]);
    assert_eq!(pool.lease(LEASE).expect("known").state(), LeaseState::Sanitizing);
    pool.discard(lent.units[0].instance, "no wipe", NOW + 1);
    assert_eq!(states(&pool), [UnitState::Lost { at: NOW + 1 }, UnitState::Lost { at: NOW }]);
    assert_eq!(pool.lease(LEASE).expect("known").ended_at, Some(NOW + 1));
}

#[test]
fn what_can_not_be_wiped_is_nobodys_until_it_is_decided_upon() {
    let (mut pool, lent) = lent(LeaseClass::Firm);
    let id = lent.units[0].instance;
    assert!(!pool.is_sanitizing(id), "it is held");
    pool.take_back(LEASE, EndCause::Expired, NOW);
    assert!(pool.is_sanitizing(id));
    carry_out_all(&mut pool);
    pool.quarantine(id, "the disk is gone", NOW);
    assert!(matches!(&states(&pool)[0], UnitState::Quarantined { reason, .. } if reason == "the disk is gone"));
    assert_eq!((stock(&pool), pool.is_quarantined(id)), ((0, 1, 0, 1, 0), true));
    // Its driver says that it is there: that changes nothing.
    pool.ready(id, "ref", NOW + 5);
    assert_eq!(pool.instance(id).map(|one| one.state), Some(InstanceState::Quarantined { since: NOW }));
    drop(claim(&mut pool, None));
    assert!(pool.lend(GrantCall { lease: LeaseId(Uuid::nil()), ..grant(1, LeaseClass::Firm) }, &moment()).is_none());

    assert!(pool.wipe_again(lent.units[1].instance, NOW).is_none(), "that one is not quarantined");
    pool.wipe_again(id, NOW).expect("quarantined");
    carry_out(&mut pool, DriverOperation::Reset);
    pool.ready(id, "ref", NOW + 7);
    assert_eq!(pool.instance(id).map(|one| one.state), Some(InstanceState::Warm { since: NOW + 7 }));
    assert!(matches!(states(&pool)[0], UnitState::Quarantined { .. }), "the lease has ended with it");
}

#[test]
fn the_first_notice_counts() {
    let (mut pool, _) = lent(LeaseClass::Reclaimable);
    assert_eq!(pool.leased(&persona()).reclaimable, 2);
    for length in [30_000, 1] {
        pool.call_back(LEASE, CalledBack { notice: LeaseNotice::new(moment(), length), reason: "demand".into() }, NOW);
    }
    assert_eq!(pool.leased(&persona()), Leased { kept: 0, reclaimable: 0, returning: 2 });
    let lent = pool.lease(LEASE).expect("known");
    assert_eq!(lent.status(&moment()).notice_left_ms, Some(30_000));
}

#[test]
fn an_instance_that_was_leased_before_is_its_new_leases_alone() {
    let (mut pool, lent) = lent(LeaseClass::Firm);
    pool.take_back(LEASE, EndCause::Expired, NOW);
    carry_out_all(&mut pool);
    lent.units.iter().for_each(|unit| drop(pool.ready(unit.instance, "ref", NOW)));
    let next = LeaseId(Uuid::from_u128(78));
    pool.lend(GrantCall { lease: next, ..grant(3, LeaseClass::Firm) }, &moment()).expect("three are warm");
    pool.take_back(next, EndCause::Expired, NOW + 3);
    assert_eq!(states(&pool), vec![UnitState::Returned { at: NOW }; 2]);
    assert_eq!(pool.lease(next).map(Lent::state), Some(LeaseState::Sanitizing));
}

#[test]
fn news_wait_until_they_are_told_each_under_one_identifier() {
    let (mut pool, lent) = lent(LeaseClass::Firm);
    let granted = lent.untold.first().expect("news").id;
    let changes = pool.take_back(LEASE, EndCause::Expired, NOW + 3);
    let told = |changes: &Changes| {
        let lease = |notice: &Notice| match notice {
            Notice::Lease { news, .. } => Some(*news),
            _ => None,
        };
        changes.notices.iter().filter_map(lease).collect::<Vec<_>>()
    };
    let taken = told(&changes);
    assert_eq!(taken.len(), 1, "both instances at once");
    assert_eq!(pool.untold(), [(LEASE, taken[0])]);
    let waiting = |pool: &Pool| pool.lease(LEASE).expect("known").untold.iter().map(|news| news.id).collect::<Vec<_>>();
    assert_eq!(waiting(&pool), [granted, taken[0]]);
    let (first, status) = (lent.untold[0].clone(), pool.lease(LEASE).expect("known").clone());
    assert_eq!(status.status_at(&first, &moment()).state, LeaseState::Held, "as it stood then");
    pool.told(LEASE, granted);
    assert_eq!(waiting(&pool), [taken[0]]);
    carry_out_all(&mut pool);
    lent.units.iter().for_each(|unit| drop(pool.ready(unit.instance, "ref", NOW)));
    pool.forget_leases(NOW + 10);
    assert_eq!(waiting(&pool).len(), 3, "what is over is kept until it is told");
    tell_all(&mut pool);
    pool.forget_leases(NOW + 10);
    assert!(pool.lease(LEASE).is_none());
}

#[test]
fn no_calendar_ends_a_notice() {
    let (mut pool, lent) = lent(LeaseClass::Reclaimable);
    pool.call_back(LEASE, CalledBack { notice: LeaseNotice::new(moment(), 30_000), reason: "demand".into() }, NOW);
    let later = |ms, passed| Moment { at: NOW + ms, uptime_ms: moment().uptime_ms + passed, ..moment() };
    assert!(pool.overdue(&later(90_000_000, 29_999), |_| None).is_empty());
    let expired = pool.overdue(&later(90_000_000, 30_000), |_| None);
    assert_eq!(expired.len(), lent.units.len());
    assert!(pool.overdue(&later(59_999, 40_000), |_| None).is_empty(), "its window goes on");
}
