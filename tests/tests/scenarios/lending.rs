//! Lending over the real bus, with the market's side played by the test: announced, handed over, wiped, quarantined,
//! called back with notice; and all of it through power cuts.

mod clocks;
mod news;
mod outage;
mod played;
mod points;

use crate::{text, warmed};
use forewarm_bus::message::market::{
    CapacityRefusal, GrantCall, Handover, HoldingsCall, LeaseState, LeaseStatus, NoticeCall, ReclaimCandidate,
    ReleaseCall, ReleaseCause, StatusCall, UnitState,
};
use forewarm_domain::{
    id::{InstanceId, LeaseId, PersonaName},
    lending::LeaseClass,
    time::TimestampMs,
};
use forewarm_tests::{Api, Host, NatsServer, Postgres, Setup, clock, eventually};
use played::{DRIVER, Played};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};
use uuid::Uuid;

/// Seconds of history that are given.
const HISTORY_S: i64 = 1_200;

fn web() -> PersonaName {
    "web".parse().expect("a name")
}

/// A persona that keeps `count` instances, and lends all of them but those that it needs and one.
fn lender(count: u32, driver: &str) -> Value {
    let mut persona = crate::persona("web", count, count);
    persona["plugins"] = json!({ "driver": driver });
    persona["lending"] = json!({ "owner": "shop", "limit": 4, "keep_min": 1, "carrying_cost": 100_000 });
    persona
}

/// Says that the load was `load` for a while.
fn measured(api: &Api, load: f64) {
    let start = clock::now_ms() / 1_000 * 1_000 - HISTORY_S * 1_000;
    let series = json!({
        "resource": "web", "metric": "requests", "start": clock::text(start), "step_ms": 1000,
        "values": vec![load; HISTORY_S as usize],
    });
    api.post("/v1/ingest/json", &json!({ "series": [series] })).ok();
}

fn grant(lease: u128, units: u32, class: LeaseClass, seconds: i64) -> GrantCall {
    GrantCall {
        lease: LeaseId(Uuid::from_u128(lease)),
        persona: web(),
        tenant: "lab".parse().expect("a name"),
        class,
        units,
        until: TimestampMs(clock::now_ms() + seconds * 1_000),
        min_run_s: 0,
    }
}

fn release(grant: &GrantCall, cause: ReleaseCause) -> ReleaseCall {
    ReleaseCall { lease: grant.lease, persona: web(), cause }
}

fn status(played: &Played, grant: &GrantCall) -> LeaseStatus {
    played.insist(&StatusCall { lease: grant.lease, persona: web() }).expect("known")
}

/// Waits until every instance of a lease has come to its end.
fn ended(played: &Played, grant: &GrantCall) -> LeaseStatus {
    eventually("the lease's instances to be wiped", || {
        let status = status(played, grant);
        (status.state == LeaseState::Ended).then_some(status)
    })
}

fn lent_by(api: &Api) -> Value {
    api.get("/v1/personas/web/lending").json()
}

/// What a command prints.
fn told(host: &Host, args: &[&str]) -> String {
    let done = host.command(args);
    assert_eq!(done.code, Some(0), "{}", done.errors);
    done.output
}

fn host(nats: &NatsServer) -> Host {
    Setup::quick().args(["--nats", &nats.url()]).start()
}

#[test]
fn what_is_idle_is_announced_leased_and_comes_back_wiped() {
    let nats = NatsServer::start();
    let played = Played::start(&nats);
    let host = host(&nats);
    let api = host.api();
    api.apply(&lender(8, "driver-simulated"));
    measured(&api, 15.0);
    warmed(&api, "web", 8);
    let announced = eventually("what can be spared to be announced", || {
        api.measure("web", 15.0);
        let call = played.book().announced.get(&web())?.clone();
        (!call.surplus.is_empty()).then_some(call)
    });
    assert_eq!(announced.owner.as_str(), "shop");
    assert!(announced.valid_until > announced.made_at);
    for surplus in &announced.surplus {
        assert!(surplus.units <= 4 && surplus.carrying_cost > 0, "{surplus:?}");
    }

    let lease = grant(1, 3, LeaseClass::Firm, 600);
    let handover: Handover = played.insist(&lease).expect("handed over");
    assert_eq!(played.insist(&lease), Ok(handover.clone()), "a repetition gets the same");
    let other = GrantCall { units: 2, ..lease.clone() };
    assert_eq!(played.insist(&other), Err(CapacityRefusal::Conflict { lease: lease.lease }));
    let more = played.insist(&grant(2, 2, LeaseClass::Firm, 600));
    assert_eq!(more, Err(CapacityRefusal::NotEnough { wanted: 2, available: 1 }), "the limit is four");

    // The tenant reaches its instances by its own token, nobody else's tenant does.
    let (lab, stranger) =
        (api.as_new_caller("lab", "tenant", Some("lab")), api.as_new_caller("other", "tenant", Some("other")));
    for unit in &handover.units {
        let path = format!("/v1/claims/{}", unit.claim);
        let claim = lab.get(&path).json();
        assert_eq!((&claim["state"], &claim["lease"]), (&json!("served"), &json!(lease.lease)), "{claim}");
        assert_eq!(claim["instance"], json!(unit.instance));
        stranger.get(&path).problem(404, "not-found");
        lab.post(&format!("{path}/renew"), &json!({ "lifetime_s": 9_999 })).problem(409, "conflict");
    }
    // Plans keep what is leased beside what is needed, and never beyond the maximum.
    let plan = eventually("a plan with the lease in it", || {
        api.measure("web", 15.0);
        let plan = api.get("/v1/personas/web/plan").json();
        let codes = plan["reasons"].as_array()?.iter().map(|reason| reason["code"].clone()).collect::<Vec<_>>();
        codes.contains(&json!("lease")).then_some(plan)
    });
    assert_eq!(plan["wanted"], 8, "{plan}");
    assert_eq!(lent_by(&api)["leased"], 3);
    let shown = told(&host, &["lending", "web"]);
    for part in ["shop lends up to 4 and keeps 1; 3 are leased, 0 of them called back", "lab", "firm", "3 held", "360"]
    {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
    let lenders: Value = serde_json::from_str(&told(&host, &["lending", "--output", "json"])).expect("JSON");
    assert_eq!((&lenders[0]["persona"], &lenders[0]["leased"]), (&json!("web"), &json!(3)), "{lenders}");

    // One is given back early, the others when the lease is over.
    lab.delete(&format!("/v1/claims/{}", handover.units[0].claim)).ok();
    let early = played.insist(&release(&lease, ReleaseCause::Expired));
    assert!(matches!(early, Err(CapacityRefusal::NotYet { remaining_ms: 500_000.., .. })), "{early:?}");
    let taken = played.insist(&release(&lease, ReleaseCause::Returned)).expect("taken back");
    assert!(taken.units.iter().all(|unit| unit.state != UnitState::Held), "{taken:?}");
    let status = ended(&played, &lease);
    assert!(status.units.iter().all(|unit| matches!(unit.state, UnitState::Returned { .. })), "{status:?}");
    assert_eq!(played.insist(&lease).map(|again| again.units.len()), Ok(3), "it was granted, and is not granted again");
    warmed(&api, "web", 8);
    assert_eq!(lent_by(&api)["leases"], json!([]));
    for unit in &handover.units {
        let instance = api.instances("web").into_iter().find(|one| one["id"] == json!(unit.instance)).expect("there");
        assert_eq!(instance["operations"], 2, "created and wiped: {instance}");
    }
    // A lease that was ended before it was granted stays so.
    let late = grant(9, 1, LeaseClass::Firm, 600);
    played.insist(&release(&late, ReleaseCause::Void)).expect("noted");
    assert_eq!(played.insist(&late), Err(CapacityRefusal::Ended { lease: late.lease }));
}

#[test]
fn what_can_not_be_wiped_is_quarantined_until_an_operator_decides() {
    let nats = NatsServer::start();
    let played = Played::start(&nats);
    let mut host = host(&nats);
    let api = host.api();
    api.apply(&lender(4, DRIVER));
    warmed(&api, "web", 4);
    let lease = grant(3, 2, LeaseClass::Firm, 600);
    let handover = played.insist(&lease).expect("handed over");
    let ids: Vec<InstanceId> = handover.units.iter().map(|unit| unit.instance).collect();
    played.driver.let_wipes_fail(&ids);
    played.insist(&release(&lease, ReleaseCause::Returned)).expect("taken back");
    let status = ended(&played, &lease);
    for unit in &status.units {
        assert!(
            matches!(&unit.state, UnitState::Quarantined { reason, .. } if reason.contains("can't be wiped")),
            "{unit:?}"
        );
    }
    let metrics = api.get("/metrics").body;
    for line in [
        r#"forewarm_lending_calls_total{call="grant",result="done"}"#,
        r#"forewarm_lending_calls_total{call="release",result="done"} 1"#,
        r#"forewarm_lending_wipes_failed_total{persona="web"} 2"#,
    ] {
        assert!(metrics.contains(line), "{line} is missing in\n{metrics}");
    }
    host.kill();
    host.start();
    let api = host.api();
    let state = |id: InstanceId| {
        let found = api.instances("web").into_iter().find(|one| one["id"] == json!(id));
        found.map(|one| text(&one["state"]["state"]).to_owned())
    };
    assert_eq!(ids.iter().map(|id| state(*id)).collect::<Vec<_>>(), vec![Some("quarantined".to_owned()); 2]);
    assert_eq!(lent_by(&api)["quarantined"].as_array().map(Vec::len), Some(2));
    // They are replaced, and neither handed out nor destroyed.
    warmed(&api, "web", 4);
    assert!(ids.iter().all(|id| played.driver.has(*id)));
    let warm = api.instances("web").iter().find(|one| one["state"]["state"] == "warm").expect("one")["id"].clone();
    api.post(&format!("/v1/instances/{}/release", text(&warm)), &json!({})).problem(409, "conflict");

    let shown = told(&host, &["lending", "web"]);
    assert!(ids.iter().all(|id| shown.contains(&id.to_string())) && shown.contains("nothing is leased"), "{shown}");
    eventually("the metric of what is quarantined", || {
        api.get("/metrics")
            .body
            .contains(r#"forewarm_lending_instances{persona="web",state="quarantined"} 2"#)
            .then_some(())
    });

    played.driver.let_wipes_fail(&[]);
    let released = told(&host, &["instance", "release", &ids[0].to_string()]);
    assert!(released.contains("of web is resetting"), "{released}");
    told(&host, &["instance", "destroy", &ids[1].to_string()]);
    eventually("the first wiped and the second gone", || {
        let wiped = played.driver.wipes(ids[0]) == 1;
        (wiped && !played.driver.has(ids[1])).then_some(())
    });
    eventually("the host to have forgotten the second", || {
        (api.post(&format!("/v1/instances/{}/destroy", ids[1]), &json!({})).status == 404).then_some(())
    });
}

#[test]
fn a_rise_calls_leases_back_with_notice_and_the_notice_outlives_the_host() {
    let nats = NatsServer::start();
    let played = Played::start(&nats);
    let mut host = host(&nats);
    let api = host.api();
    api.apply(&lender(8, "driver-simulated"));
    measured(&api, 15.0);
    warmed(&api, "web", 8);
    let lease = grant(5, 3, LeaseClass::Reclaimable, 600);
    played.insist(&lease).expect("handed over");
    let no_notice = played.insist(&release(&lease, ReleaseCause::Reclaimed));
    assert!(matches!(no_notice, Err(CapacityRefusal::NotReclaimable { .. })), "{no_notice:?}");
    let candidate = ReclaimCandidate { lease: lease.lease, units: 3, cost: 1_200_000, notice_ms: 6_000 };
    played.book().candidates = vec![candidate];

    // The load needs all eight of them, and no more may be booted.
    let call = eventually("a reclaim", || {
        api.measure("web", 79.0);
        played.book().reclaims.first().cloned()
    });
    assert_eq!((call.units, call.cost_most), (3, 1_200_000));
    assert!(
        call.reason.starts_with("reclaim ") && call.reason.contains(" for 1.20 credits in 36 s, or boot "),
        "{}",
        call.reason
    );
    eventually("the notice on the host's side", || {
        let view = lent_by(&api);
        (view["called_back"] == 3).then_some(())
    });
    let early = played.insist(&release(&lease, ReleaseCause::Reclaimed));
    assert!(matches!(early, Err(CapacityRefusal::NotYet { .. })), "{early:?}");
    // What a page shows may not be saved yet; what the market is told is.
    status(&played, &lease);
    host.kill();
    host.start();
    let left = status(&played, &lease).notice_left_ms.expect("called back");
    assert!(left <= 6_000, "{left}");
    // A later notice neither shortens nor lengthens the first.
    let notice = NoticeCall { lease: lease.lease, persona: web(), notice_ms: 0, reason: "again".into() };
    assert!(played.insist(&notice).expect("known").notice_left_ms.is_some_and(|again| again <= left));
    let taken =
        eventually("the end of the notice", || match played.insist(&release(&lease, ReleaseCause::Reclaimed)) {
            Ok(status) => Some(status),
            Err(CapacityRefusal::NotYet { remaining_ms, .. }) => {
                thread::sleep(Duration::from_millis(remaining_ms.clamp(1, 1_000).unsigned_abs()));
                None
            }
            Err(other) => panic!("{other}"),
        });
    assert_eq!(taken.notice_left_ms, Some(0), "not a moment before it was over");
    ended(&played, &lease);
    let claims = host.api().claims("web");
    let causes: Vec<&Value> =
        claims.iter().filter(|claim| claim["lease"] == json!(lease.lease)).map(|claim| &claim["cause"]).collect();
    assert_eq!(causes, vec![&json!("reclaimed"); 3]);
    let firm = grant(6, 1, LeaseClass::Firm, 600);
    played.insist(&firm).expect("handed over");
    let refused = played.insist(&NoticeCall { lease: firm.lease, ..notice });
    assert!(matches!(refused, Err(CapacityRefusal::NotReclaimable { .. })), "{refused:?}");
}

/// A market that grants, calls back and releases, one lease after the other, while the host is killed.
fn trade(played: &Played, leases: std::ops::Range<u128>, done: &AtomicBool) -> Vec<(GrantCall, Handover)> {
    let mut granted = Vec::new();
    for number in leases {
        let lease = grant(number, 1 + (number % 2) as u32, LeaseClass::Reclaimable, 600);
        let handover = eventually("a grant", || match played.insist(&lease) {
            Ok(handover) => Some(handover),
            // Those of the lease before are still being wiped.
            Err(CapacityRefusal::NotEnough { .. } | CapacityRefusal::Unavailable { .. }) => None,
            Err(other) => panic!("{other}"),
        });
        assert_eq!(played.insist(&lease).as_ref(), Ok(&handover), "a repetition gets the same instances");
        let notice = NoticeCall { lease: lease.lease, persona: web(), notice_ms: 50, reason: "demand".into() };
        played.insist(&notice).expect("noted");
        eventually("the release", || match played.insist(&release(&lease, ReleaseCause::Reclaimed)) {
            Ok(_) => Some(()),
            Err(CapacityRefusal::NotYet { .. } | CapacityRefusal::Unavailable { .. }) => None,
            Err(other) => panic!("{other}"),
        });
        let end = ended(played, &lease);
        assert!(end.units.iter().all(|unit| matches!(unit.state, UnitState::Returned { .. })), "{end:?}");
        let (told, found): (BTreeSet<_>, BTreeSet<_>) = (
            handover.units.iter().map(|unit| (unit.instance, unit.claim)).collect(),
            end.units.iter().map(|unit| (unit.instance, unit.claim)).collect(),
        );
        assert_eq!(told, found, "what was handed over is what came back");
        granted.push((lease, handover));
    }
    done.store(true, Ordering::Relaxed);
    granted
}

/// Power cuts at moments that the seed chooses, until the market has done its trade.
fn survive(nats: &NatsServer, mut host: Host) {
    const LEASES: u128 = 6;
    let played = Played::start(nats);
    host.api().apply(&lender(4, DRIVER));
    warmed(&host.api(), "web", 4);
    let done = AtomicBool::new(false);
    let granted = thread::scope(|scope| {
        let trading = scope.spawn(|| trade(&played, 100..100 + LEASES, &done));
        let mut random = SmallRng::seed_from_u64(7);
        let mut cuts = 0;
        while !done.load(Ordering::Relaxed) && !trading.is_finished() {
            thread::sleep(Duration::from_millis(random.random_range(500..3_000)));
            host.kill();
            host.start();
            cuts += 1;
        }
        assert!(cuts > 1, "the host was killed while the market traded");
        trading.join().expect("the market found all as it should be")
    });
    let api = host.api();
    warmed(&api, "web", 4);
    assert!(played.insist(&HoldingsCall { persona: web() }).expect("told").is_empty(), "nothing is held any more");
    for (lease, handover) in &granted {
        assert_eq!(played.insist(lease).as_ref(), Ok(handover), "also after the last restart");
        for unit in &handover.units {
            assert!(played.driver.wipes(unit.instance) > 0, "{} was not wiped", unit.instance);
        }
    }
    let claims: Vec<Value> = api.claims("web").into_iter().filter(|claim| !claim["lease"].is_null()).collect();
    let units: usize = granted.iter().map(|(_, handover)| handover.units.len()).sum();
    assert_eq!(claims.len(), units, "a claim per instance, and none twice");
    assert!(claims.iter().all(|claim| claim["state"] == "ended" && claim["cause"] == "reclaimed"), "{claims:?}");
    let instances = api.instances("web");
    assert_eq!(instances.len(), 4, "no instance was lost or doubled: {instances:?}");
    assert!(instances.iter().all(|one| one["operations"].as_u64() < Some(1 << 30)), "none was found again");
}

#[test]
fn leases_survive_power_cuts() {
    let nats = NatsServer::start();
    survive(&nats, host(&nats));
}

#[test]
fn leases_survive_power_cuts_with_postgresql() {
    let (nats, postgres) = (NatsServer::start(), Postgres::start());
    survive(&nats, Setup::quick().args(["--nats", &nats.url(), "--database", &postgres.url()]).start());
}
