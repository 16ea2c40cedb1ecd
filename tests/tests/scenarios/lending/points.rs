//! Killed at every point of a lease's way, on both databases: after a restart the market gets the same answers, no
//! instance, claim or event is lost or doubled, each instance is wiped once, and no notice is shorter.

use super::{DRIVER, Played, ended, grant, lender, lent_by, measured, news::expect_news, release, web};
use crate::{text, warmed};
use forewarm_bus::message::market::{
    CapacityRefusal, GrantCall, Handover, HoldingsCall, LeaseStatus, NoticeCall, ReclaimCandidate, ReleaseCause,
    StatusCall, UnitState,
};
use forewarm_domain::{id::InstanceId, lending::LeaseClass};
use forewarm_tests::{Host, NatsServer, Postgres, Setup, Trial, eventually};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

/// While a lease is granted, called back by the market, taken back.
const CALLS: &[&str] = &["Granting", "Granted", "CallingBack", "CalledBack", "TakingBack", "TakenBack"];
/// While its instances are wiped, and what happens is told.
const WIPES: &[&str] = &["Wiping", "Wiped", "WipeNoted", "EventDue", "EventSent"];
/// While those that can't be wiped are kept apart.
const QUARANTINES: &[&str] = &["Quarantining", "Quarantined"];
/// While an operator decides on those.
const DECISIONS: &[&str] = &["Deciding", "Decided"];
/// While the host calls leases back.
const RECLAIMS: &[&str] = &["ReclaimAsked", "ReclaimAnswered", "ReclaimNoted", "ReclaimOver"];

const NOTICE_MS: i64 = 400;
const UNITS: usize = 2;

/// A tried host with its surroundings.
struct Bench {
    played: Played,
    trial: Trial,
    host: Host,
    /// The instances that it began with.
    instances: BTreeSet<InstanceId>,
}

impl Bench {
    fn start(nats: &NatsServer, database: Option<&Postgres>, count: u32) -> Self {
        let (played, trial) = (Played::start(nats), Trial::new());
        let setup = Setup::quick().tried(&trial).args(["--nats", &nats.url()]);
        let setup = match database {
            Some(postgres) => setup.args(["--database", &postgres.url()]),
            None => setup,
        };
        let host = setup.start();
        host.api().apply(&lender(count, DRIVER));
        warmed(&host.api(), "web", count.into());
        let instances = played.driver.instances();
        Self { played, trial, host, instances }
    }

    /// Runs `life` while the host is killed at the point, and started again.
    fn killed_at<R: Send>(&mut self, point: &str, life: impl FnOnce(&Played) -> R + Send) -> R {
        self.trial.end_at(point);
        let (played, host) = (&self.played, &mut self.host);
        thread::scope(|scope| {
            let living = scope.spawn(|| life(played));
            assert_eq!(host.finish().code, None, "{point}: killed, not ended");
            host.start();
            living.join().unwrap_or_else(|_| panic!("{point}: the market met something else than it should"))
        })
    }

    /// Everything is as if nothing had happened; `leases` have been.
    fn is_whole(&self, leases: &[(GrantCall, Handover)], cause: &str) {
        let api = self.host.api();
        warmed(&api, "web", self.instances.len() as u64);
        assert!(self.played.insist(&HoldingsCall { persona: web() }).expect("told").is_empty(), "nothing is held");
        let claims: Vec<Value> = api.claims("web").into_iter().filter(|claim| !claim["lease"].is_null()).collect();
        assert_eq!(claims.len(), leases.len() * UNITS, "a claim for each instance of each lease");
        assert!(claims.iter().all(|claim| claim["state"] == "ended" && claim["cause"] == cause), "{claims:?}");
        for (lease, handover) in leases {
            assert_eq!(self.played.insist(lease).as_ref(), Ok(handover), "the same instances to the end");
        }
        let instances = api.instances("web");
        assert_eq!(instances.len(), self.instances.len(), "no instance was lost or doubled: {instances:?}");
        assert_eq!(self.played.driver.instances(), self.instances, "nor at the driver");
        assert!(instances.iter().all(|one| one["operations"].as_u64() < Some(1 << 30)), "none was found again");
        let wipes: usize = self.instances.iter().map(|id| self.played.driver.wipes(*id)).sum();
        assert_eq!(wipes, leases.len() * UNITS, "each was wiped once after each lease");
    }
}

/// Grants, whatever becomes of the host meanwhile.
fn granted(played: &Played, number: u128) -> (GrantCall, Handover) {
    let lease = grant(number, UNITS as u32, LeaseClass::Reclaimable, 600);
    let handover = eventually("a grant", || match played.insist(&lease) {
        Ok(handover) => Some(handover),
        // Those of the lease before are still being wiped.
        Err(CapacityRefusal::NotEnough { .. } | CapacityRefusal::Unavailable { .. }) => None,
        Err(other) => panic!("{other}"),
    });
    assert_eq!(played.insist(&lease).as_ref(), Ok(&handover), "a repetition gets the same instances");
    (lease, handover)
}

/// Takes a lease back as soon as the host lets it, which is not before its notice is over.
fn taken_after_notice(played: &Played, lease: &GrantCall) {
    let asked = Instant::now();
    let status = played.insist(&StatusCall { lease: lease.lease, persona: web() }).expect("known");
    let left = status.notice_left_ms.expect("called back");
    eventually("the release", || match played.insist(&release(lease, ReleaseCause::Reclaimed)) {
        Ok(_) => Some(()),
        Err(CapacityRefusal::NotYet { .. } | CapacityRefusal::Unavailable { .. }) => None,
        Err(other) => panic!("{other}"),
    });
    let had = asked.elapsed();
    assert!(had >= Duration::from_millis(left.unsigned_abs()), "{left} ms were left, and it was taken after {had:?}");
}

fn same_instances(handover: &Handover, status: &LeaseStatus) {
    let told: BTreeSet<_> = handover.units.iter().map(|unit| (unit.instance, unit.claim)).collect();
    let found: BTreeSet<_> = status.units.iter().map(|unit| (unit.instance, unit.claim)).collect();
    assert_eq!(told, found, "what was handed over is what came back");
}

/// One lease from its grant until all of it is wiped, called back by the market.
fn life(played: &Played, number: u128) -> (GrantCall, Handover) {
    let (lease, handover) = granted(played, number);
    let began = Instant::now();
    let reason = "demand".to_owned();
    let notice = NoticeCall { lease: lease.lease, persona: web(), notice_ms: NOTICE_MS, reason };
    let status = played.insist(&notice).expect("noted");
    assert!(status.notice_left_ms.is_some_and(|left| left <= NOTICE_MS), "{status:?}");
    taken_after_notice(played, &lease);
    assert!(began.elapsed() >= Duration::from_millis(NOTICE_MS.unsigned_abs()), "a shorter notice");
    let end = ended(played, &lease);
    assert!(end.units.iter().all(|unit| matches!(unit.state, UnitState::Returned { .. })), "{end:?}");
    same_instances(&handover, &end);
    (lease, handover)
}

fn killed_along(points: &[&str], database: Option<&Postgres>) {
    let nats = NatsServer::start();
    let mut bench = Bench::start(&nats, database, 4);
    let mut leases = Vec::new();
    for (number, point) in points.iter().enumerate() {
        let lease = bench.killed_at(point, |played| life(played, 100 + number as u128));
        // Granted, called back, taken, and each of its instances wiped.
        expect_news(&bench.played, lease.0.lease, 3 + UNITS, point);
        leases.push(lease);
    }
    bench.is_whole(&leases, "reclaimed");
}

/// The host's own reclaims: the market hears of each once, and its leases are called back with their notice.
fn killed_while_reclaiming(database: Option<&Postgres>) {
    let nats = NatsServer::start();
    let mut bench = Bench::start(&nats, database, 4);
    measured(&bench.host.api(), 15.0);
    let mut leases = Vec::new();
    for (number, point) in RECLAIMS.iter().enumerate() {
        let (lease, handover) = granted(&bench.played, 300 + number as u128);
        let candidate = ReclaimCandidate { lease: lease.lease, units: UNITS as u32, cost: 1_000, notice_ms: NOTICE_MS };
        bench.trial.end_at(point);
        bench.played.book().candidates = vec![candidate];
        let (host, played) = (&mut bench.host, &bench.played);
        eventually("the host to need all of its instances", || {
            let sample = json!({ "samples": [{
                "resource": "web", "metric": "requests", "at": forewarm_tests::clock::text(forewarm_tests::clock::now_ms()),
                "value": 39.0,
            }]});
            let json = [("content-type", "application/json")];
            // It may be killed while it answers.
            drop(host.api().try_send("POST", "/v1/ingest/json", &json, Some(sample.to_string().as_bytes())));
            (!host.is_running()).then_some(())
        });
        assert_eq!(host.finish().code, None, "{point}: killed, not ended");
        host.start();
        let api = host.api();
        eventually("the notice on the host's side", || {
            api.measure("web", 39.0);
            (lent_by(&api)["called_back"] == UNITS).then_some(())
        });
        assert_eq!(played.book().reclaims.len(), number + 1, "{point}: one reclaim, however often it was sent");
        taken_after_notice(played, &lease);
        same_instances(&handover, &ended(played, &lease));
        expect_news(played, lease.lease, 3 + UNITS, point);
        leases.push((lease, handover));
    }
    bench.is_whole(&leases, "reclaimed");
}

/// Instances that can't be wiped: quarantined once, and an operator's decision is carried out once.
fn killed_around_quarantines(database: Option<&Postgres>) {
    let nats = NatsServer::start();
    let mut bench = Bench::start(&nats, database, 4);
    let points: Vec<&str> = QUARANTINES.iter().chain(DECISIONS).copied().collect();
    for (number, point) in points.into_iter().enumerate() {
        let (lease, handover) = granted(&bench.played, 500 + number as u128);
        let ids: Vec<InstanceId> = handover.units.iter().map(|unit| unit.instance).collect();
        bench.played.driver.let_wipes_fail(&ids);
        let end = |played: &Played| {
            played.insist(&release(&lease, ReleaseCause::Returned)).expect("taken back");
            ended(played, &lease)
        };
        let end = match QUARANTINES.contains(&point) {
            true => bench.killed_at(point, end),
            false => end(&bench.played),
        };
        assert!(end.units.iter().all(|unit| matches!(unit.state, UnitState::Quarantined { .. })), "{point}: {end:?}");
        same_instances(&handover, &end);
        expect_news(&bench.played, lease.lease, 2 + UNITS, point);
        assert_eq!(lent_by(&bench.host.api())["quarantined"].as_array().map(Vec::len), Some(UNITS), "{point}");
        // They are replaced, and stay.
        warmed(&bench.host.api(), "web", 4);
        assert!(ids.iter().all(|id| bench.played.driver.has(*id)), "{point}");
        bench.played.driver.let_wipes_fail(&[]);
        decide(&mut bench, point, &ids);
    }
    // One too many is let go: at some moment both know of the same.
    let api = bench.host.api();
    eventually("the host and the driver to know the same instances", || {
        let listed: BTreeSet<String> = api.instances("web").iter().map(|one| text(&one["id"]).to_owned()).collect();
        let there = bench.played.driver.instances().iter().map(ToString::to_string).collect();
        (listed == there).then_some(())
    });
}

/// Releases the first and destroys the second, the host killed at the point where it is one of a decision.
fn decide(bench: &mut Bench, point: &str, ids: &[InstanceId]) {
    // It may have been leased, and wiped, before.
    let before = bench.played.driver.wipes(ids[0]);
    for (id, verb) in ids.iter().zip(["release", "destroy"]) {
        let path = format!("/v1/instances/{id}/{verb}");
        if DECISIONS.contains(&point) {
            bench.trial.end_at(point);
            let json = [("content-type", "application/json")];
            assert!(bench.host.api().try_send("POST", &path, &json, Some(b"{}")).is_err(), "{point}: no answer");
            assert_eq!(bench.host.finish().code, None, "{point}: killed, not ended");
            bench.host.start();
        }
        let answer = bench.host.api().post(&path, &json!({}));
        // What was decided before is done, or being done.
        let repeated = point == "Decided" && [404, 409].contains(&answer.status);
        assert!(answer.status == 200 || repeated, "{point}: {answer:?}");
    }
    let (driver, api) = (&bench.played.driver, bench.host.api());
    eventually("the first wiped and the second gone", || {
        (driver.wipes(ids[0]) > before && !driver.has(ids[1])).then_some(())
    });
    eventually("the host to know it", || {
        let listed = api.instances("web");
        let state =
            |id: InstanceId| listed.iter().find(|one| one["id"] == json!(id)).map(|one| text(&one["state"]["state"]));
        (state(ids[0]) != Some("quarantined") && state(ids[1]).is_none()).then_some(())
    });
    assert_eq!(driver.wipes(ids[0]), before + 1, "{point}: wiped once");
}

#[test]
fn every_point_is_tried() {
    let trial = Trial::new();
    drop(Setup::quick().tried(&trial).start());
    let tried: BTreeSet<&str> =
        [CALLS, WIPES, QUARANTINES, DECISIONS, RECLAIMS].into_iter().flatten().copied().collect();
    let known = trial.points();
    assert_eq!(tried, known.iter().map(String::as_str).collect());
}

#[test]
fn killed_in_calls() {
    killed_along(CALLS, None);
}

#[test]
fn killed_in_calls_with_postgresql() {
    killed_along(CALLS, Some(&Postgres::start()));
}

#[test]
fn killed_in_wipes() {
    killed_along(WIPES, None);
}

#[test]
fn killed_in_wipes_with_postgresql() {
    killed_along(WIPES, Some(&Postgres::start()));
}

#[test]
fn killed_in_reclaims() {
    killed_while_reclaiming(None);
}

#[test]
fn killed_in_reclaims_with_postgresql() {
    killed_while_reclaiming(Some(&Postgres::start()));
}

#[test]
fn killed_in_quarantines() {
    killed_around_quarantines(None);
}

#[test]
fn killed_in_quarantines_with_postgresql() {
    killed_around_quarantines(Some(&Postgres::start()));
}
