//! Calendars that are set, and deadlines that pass while the host is down.

use super::{DRIVER, Played, ended, grant, lender, release, status, web};
use crate::warmed;
use forewarm_bus::message::market::{CapacityRefusal, GrantCall, HoldingsCall, NoticeCall, ReleaseCause, UnitState};
use forewarm_domain::lending::LeaseClass;
use forewarm_tests::{Api, NatsServer, Setup, Trial, clock, eventually};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const DAY_MS: i64 = 24 * 3_600_000;
const NOTICE_MS: i64 = 25_000;

/// How long the host lets the tenant have its instances yet; `None` where it takes them.
fn refused(played: &Played, lease: &GrantCall, cause: ReleaseCause) -> Option<i64> {
    match played.insist(&release(lease, cause)) {
        Ok(_) => None,
        Err(CapacityRefusal::NotYet { remaining_ms, .. }) => Some(remaining_ms),
        Err(other) => panic!("{other}"),
    }
}

fn claims_of(api: &Api, lease: &GrantCall) -> Vec<Value> {
    api.claims("web").into_iter().filter(|claim| claim["lease"] == json!(lease.lease)).collect()
}

fn all_held(api: &Api, lease: &GrantCall) {
    let claims = claims_of(api, lease);
    assert!(claims.len() == 2 && claims.iter().all(|claim| claim["state"] == "served"), "{claims:?}");
}

/// Waits until the host has swept at least once more: its list of the driver's instances is newer than now.
fn swept(played: &Played) {
    let lists = played.driver.lists();
    eventually("two more rounds of the host", || (played.driver.lists() > lists + 1).then_some(()));
}

#[test]
fn no_calendar_that_is_set_shortens_a_notice_also_over_a_restart() {
    let (nats, trial) = (NatsServer::start(), Trial::new());
    let played = Played::start(&nats);
    let mut host = Setup::quick().tried(&trial).args(["--nats", &nats.url()]).start();
    host.api().apply(&lender(4, DRIVER));
    warmed(&host.api(), "web", 4);
    let lease = grant(1, 2, LeaseClass::Reclaimable, 600);
    played.insist(&lease).expect("handed over");
    let began = Instant::now();
    let notice = NoticeCall { lease: lease.lease, persona: web(), notice_ms: NOTICE_MS, reason: "demand".into() };
    played.insist(&notice).expect("noted");

    // A day forward: beyond the notice's end, and the lease's own.
    trial.set_calendar(DAY_MS);
    for cause in [ReleaseCause::Reclaimed, ReleaseCause::Expired] {
        assert!(refused(&played, &lease, cause).is_some_and(|left| left <= NOTICE_MS), "{cause:?}");
    }
    swept(&played);
    all_held(&host.api(), &lease);
    host.kill();
    host.start();
    let left = refused(&played, &lease, ReleaseCause::Reclaimed);
    if began.elapsed() < Duration::from_millis(NOTICE_MS.unsigned_abs()) {
        assert!(left.is_some(), "also after a restart");
    }
    // An hour back: by the calendar there is more than an hour left, which people were told of.
    trial.set_calendar(-3_600_000);
    assert!(refused(&played, &lease, ReleaseCause::Reclaimed).is_some_and(|left| left > 3_500_000));
    host.kill();
    host.start();
    assert!(refused(&played, &lease, ReleaseCause::Reclaimed).is_some_and(|left| left > 3_500_000));
    assert!(status(&played, &lease).notice_left_ms.is_some_and(|left| left > 3_500_000));
    // Right again: over when the notice is.
    trial.set_calendar(0);
    eventually("the end of the notice", || refused(&played, &lease, ReleaseCause::Reclaimed).is_none().then_some(()));
    assert!(began.elapsed() >= Duration::from_millis(NOTICE_MS.unsigned_abs()));
    ended(&played, &lease);
}

#[test]
fn a_lease_that_is_over_while_the_host_is_down_ends_when_it_is_back() {
    let nats = NatsServer::start();
    let played = Played::start(&nats);
    let mut host = super::host(&nats);
    host.api().apply(&lender(4, DRIVER));
    warmed(&host.api(), "web", 4);
    let over = grant(1, 2, LeaseClass::Firm, 3);
    let handover = played.insist(&over).expect("handed over");
    host.kill();
    eventually("the lease's end", || (clock::now_ms() > over.until.0).then_some(()));
    host.start();
    // Without a call of the market's.
    let api = host.api();
    eventually("its claims to be ended", || {
        let claims = claims_of(&api, &over);
        claims.iter().all(|claim| claim["state"] == "ended" && claim["cause"] == "expired").then_some(())
    });
    let end = ended(&played, &over);
    assert!(end.units.iter().all(|unit| matches!(unit.state, UnitState::Returned { .. })), "{end:?}");
    assert!(handover.units.iter().all(|unit| played.driver.wipes(unit.instance) == 1), "wiped once");
    assert_eq!(refused(&played, &over, ReleaseCause::Expired), None, "the market's call changes nothing more");
    assert!(played.insist(&HoldingsCall { persona: web() }).expect("told").is_empty());
    warmed(&api, "web", 4);
}
