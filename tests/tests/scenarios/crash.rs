//! Power cuts by the machine's clock, while callers are at work: what was acknowledged is there afterwards, once.

use crate::{persona, text, warmed};
use forewarm_tests::{Api, Host, Postgres, Setup, clock, eventually, on_path};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

const CLAIMERS: usize = 3;
const MEASURERS: usize = 2;
const ROUNDS: usize = 3;

/// What one caller knows of what it did.
#[derive(Default)]
struct Account {
    /// Acknowledged claims by key.
    claims: BTreeMap<String, String>,
    /// Claims whose release was acknowledged, and those whose release may or may not have happened.
    released: BTreeSet<String>,
    perhaps_released: BTreeSet<String>,
    /// Keys that were used; a claim under one of them exists once or, unless acknowledged, not at all.
    keys: BTreeSet<String>,
    /// Acknowledged samples by second, and those that may or may not be there.
    samples: BTreeMap<i64, f64>,
    perhaps_samples: BTreeMap<i64, f64>,
}

impl Account {
    /// Claims, and gives back about every second claim, until the host is gone.
    fn claim(&mut self, api: &Api, caller: usize, round: usize, done: &AtomicUsize) {
        let mut random = SmallRng::seed_from_u64((round * CLAIMERS + caller) as u64);
        for number in 0.. {
            let key = format!("{caller}-{round}-{number}");
            self.keys.insert(key.clone());
            let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
            let Ok(answer) = api.try_send("POST", "/v1/personas/web/claims", &headers, Some(b"{}")) else { return };
            let id = text(&answer.json()["id"]).to_owned();
            self.claims.insert(key, id.clone());
            done.fetch_add(1, Ordering::Relaxed);
            if random.random_bool(0.6) {
                self.perhaps_released.insert(id.clone());
                let Ok(answer) = api.try_send("DELETE", &format!("/v1/claims/{id}"), &[], None) else { return };
                assert_eq!(answer.json()["cause"], "released");
                self.released.insert(id);
            }
        }
    }

    /// Sends one sample after the other, each in a second of its own, until the host is gone.
    fn measure(&mut self, api: &Api, resource: &str, first: i64, done: &AtomicUsize) {
        for second in first.. {
            let value = second as f64 + 0.25;
            let sample =
                json!({"resource": resource, "metric": "requests", "at": clock::text(second * 1_000), "value": value});
            let body = json!({"samples": [sample]}).to_string();
            self.perhaps_samples.insert(second, value);
            let headers = [("content-type", "application/json")];
            let Ok(answer) = api.try_send("POST", "/v1/ingest/json", &headers, Some(body.as_bytes())) else { return };
            let report = answer.json();
            assert_eq!((&report["accepted"], &report["refused_total"]), (&json!(1), &json!(0)), "{report}");
            self.samples.insert(second, value);
            done.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Callers at work until the host is killed at a point that the seed chooses.
fn work_until_killed(host: &mut Host, accounts: &mut [Account], round: usize, start: i64) {
    let api = host.api();
    let done = AtomicUsize::new(0);
    let goal = SmallRng::seed_from_u64(40 + round as u64).random_range(60..160);
    thread::scope(|scope| {
        for (caller, account) in accounts.iter_mut().enumerate() {
            let (api, done) = (&api, &done);
            scope.spawn(move || match caller.checked_sub(CLAIMERS) {
                None => account.claim(api, caller, round, done),
                Some(measurer) => {
                    let next = account.perhaps_samples.last_key_value().map_or(start, |(second, _)| second + 1);
                    account.measure(api, &format!("load-{measurer}"), next, done);
                }
            });
        }
        eventually("callers to be served", || (done.load(Ordering::Relaxed) >= goal).then_some(()));
        host.kill();
    });
}

/// Every acknowledged claim is what its caller was told, and there is none that nobody asked for.
fn claims_are_right(api: &Api, accounts: &[Account]) {
    let claims = api.claims("web");
    assert!(claims.len() < 1_000, "one page holds them all");
    let by_id: BTreeMap<&str, &Value> = claims.iter().map(|claim| (text(&claim["id"]), claim)).collect();
    assert_eq!(by_id.len(), claims.len(), "an id comes twice");
    let keys: BTreeSet<&str> = claims.iter().map(|claim| text(&claim["idempotency_key"])).collect();
    assert_eq!(keys.len(), claims.len(), "a key comes twice");
    let asked: BTreeSet<&str> = accounts.iter().flat_map(|account| &account.keys).map(String::as_str).collect();
    assert!(keys.is_subset(&asked), "a claim that nobody asked for");
    for account in accounts {
        for (key, id) in &account.claims {
            let claim = by_id.get(id.as_str()).unwrap_or_else(|| panic!("acknowledged claim {id} is lost"));
            assert_eq!(claim["idempotency_key"], key.as_str());
            if account.released.contains(id) {
                assert_eq!((&claim["state"], &claim["cause"]), (&json!("ended"), &json!("released")), "{claim}");
            } else if !account.perhaps_released.contains(id) {
                assert_ne!(claim["state"], "ended", "{claim}");
            }
        }
    }
    // Two answers are two moments: claims that waited may be served in between.
    eventually("claims and instances to agree on who holds what", || {
        let pair = |one: &Value, other: &Value| (text(one).to_owned(), text(other).to_owned());
        let instances = api.instances("web");
        let active = instances.iter().filter(|one| one["state"]["state"] == "active");
        let active: BTreeSet<_> = active.map(|one| pair(&one["state"]["claim"], &one["id"])).collect();
        let claims = api.claims("web");
        let served = claims.iter().filter(|claim| claim["state"] == "served");
        let served: BTreeSet<_> = served.map(|claim| pair(&claim["id"], &claim["instance"])).collect();
        (served == active).then_some(())
    });
}

/// A key that was acknowledged still stands for its claim.
fn keys_are_remembered(api: &Api, accounts: &[Account]) {
    for (key, id) in accounts.iter().filter_map(|account| account.claims.last_key_value()) {
        let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
        let again = api.send("POST", "/v1/personas/web/claims", &headers, Some(b"{}")).json();
        assert_eq!(again["id"], id.as_str());
    }
}

/// Every acknowledged sample is there, sent again it is a duplicate, and there is nothing that nobody sent.
fn samples_are_right(api: &Api, accounts: &[Account], start: i64) {
    for (measurer, account) in accounts[CLAIMERS..].iter().enumerate() {
        let (last, value) = account.samples.last_key_value().expect("some were acknowledged");
        let (from, to) = (clock::text(start * 1_000), clock::text((start + 7_000) * 1_000));
        let query = format!("resource=load-{measurer}&metric=requests&from={from}&to={to}&limit=100000");
        let series = api.get(&format!("/v1/series/values?{query}")).json();
        let first = clock::parse(text(&series["start"])) / 1_000;
        let values = series["values"].as_array().expect("values").iter().map(Value::as_f64);
        let stored: BTreeMap<i64, f64> = (first..).zip(values).filter_map(|(at, value)| Some((at, value?))).collect();
        for (second, value) in &account.samples {
            assert_eq!(stored.get(second), Some(value), "second {second} of load-{measurer}");
        }
        for (second, value) in &stored {
            assert_eq!(account.perhaps_samples.get(second), Some(value), "second {second} of load-{measurer}");
        }
        let sample = json!({"resource": format!("load-{measurer}"), "metric": "requests", "at": clock::text(last * 1_000), "value": value});
        let report = api.post("/v1/ingest/json", &json!({"samples": [sample]})).json();
        assert_eq!((&report["accepted"], &report["duplicates"]), (&json!(0), &json!(1)), "{report}");
    }
}

/// The instances settle, and then `ask(SQL)` finds the very same ones at the driver.
fn instances_are_right(api: &Api, ask: impl Fn(&str) -> String) {
    eventually("the host's and the driver's instances to be the same, with nothing left to do", || {
        let stock = &api.standing("web")["stock"];
        let quiet = ["booting", "resetting", "waiting"].iter().all(|state| stock[state] == 0);
        let open = ask("select count(*) from intent");
        let hosts: BTreeSet<String> = api.instances("web").iter().map(|one| text(&one["id"]).to_owned()).collect();
        let listed = ask("select substr(key, 3) from plugin_state where key like 'i/%'");
        let drivers: BTreeSet<String> = listed.lines().map(str::to_owned).collect();
        (quiet && open == "0" && !hosts.is_empty() && hosts == drivers).then_some(())
    });
    let adopted = api.instances("web").iter().filter(|one| one["operations"].as_u64() > Some(1 << 30)).count();
    assert_eq!(adopted, 0, "the driver had instances that the host did not know");
    assert!(api.claims("web").iter().all(|claim| claim["cause"] != "instance_lost"), "an instance got lost");
}

/// Rounds of work, each ended by a power cut.
fn survive(host: &mut Host) {
    let start = clock::now_ms() / 1_000 - 7_000;
    let mut accounts: Vec<Account> = (0..CLAIMERS + MEASURERS).map(|_| Account::default()).collect();
    host.api().apply(&persona("web", 4, 200));
    warmed(&host.api(), "web", 2);
    for round in 0..ROUNDS {
        work_until_killed(host, &mut accounts, round, start);
        host.start();
        let api = host.api();
        claims_are_right(&api, &accounts);
        keys_are_remembered(&api, &accounts);
        samples_are_right(&api, &accounts, start);
    }
}

fn setup() -> Setup {
    Setup::quick().set("ingest.late_limit_s", 7_200)
}

#[test]
fn what_was_acknowledged_survives_a_power_cut() {
    let mut host = setup().start();
    survive(&mut host);
    // The same is looked at in PostgreSQL wherever the tests run.
    if let Some(sqlite) = on_path("sqlite3") {
        let database = host.data().join("forewarm.db");
        instances_are_right(&host.api(), |sql| {
            let output = Command::new(&sqlite).arg("-readonly").arg(&database).arg(sql).output().expect("sqlite3 runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).expect("text").trim().to_owned()
        });
    }
}

#[test]
fn what_was_acknowledged_survives_a_power_cut_with_postgresql() {
    let postgres = Postgres::start();
    let mut host = setup().args(["--database", &postgres.url()]).start();
    survive(&mut host);
    instances_are_right(&host.api(), |sql| postgres.psql(sql));
    assert!(!host.data().join("forewarm.db").exists(), "nothing goes to SQLite");
    host.stop();
}

#[test]
fn a_database_server_that_is_away_for_a_while_loses_nothing() {
    let mut postgres = Postgres::start();
    let host = setup().args(["--database", &postgres.url()]).start();
    let api = host.api();
    api.apply(&persona("web", 3, 9));
    warmed(&api, "web", 3);
    let claimed = api.post("/v1/personas/web/claims", &json!({})).json();
    postgres.kill();
    let problem = api.post("/v1/personas/web/claims", &json!({}));
    problem.problem(503, "unavailable");
    api.get("/readyz").problem(503, "unavailable");
    assert_eq!(api.get("/healthz").status, 200);
    postgres.restart();
    eventually("the host ready again", || (api.get("/readyz").status == 200).then_some(()));
    let later = eventually("a claim served again", || {
        let answer = api.post("/v1/personas/web/claims", &json!({}));
        (answer.status == 201).then(|| answer.json())
    });
    assert_ne!(later["instance"], claimed["instance"]);
    assert_eq!(api.get(&format!("/v1/claims/{}", text(&claimed["id"]))).json()["state"], "served");
    instances_are_right(&api, |sql| postgres.psql(sql));
    // The refused claim was not made: it holds nothing.
    let open = api.claims("web").into_iter().filter(|claim| claim["state"] != "ended").count();
    assert_eq!(open, 2);
}

#[test]
fn a_host_that_is_killed_while_it_makes_its_database_starts_all_the_same() {
    for file in ["forewarm.db", "forewarm.db-wal", "forewarm.db-shm"] {
        let mut host = Setup::quick().prepare();
        host.launch();
        let path = host.data().join(file);
        eventually("the database's file", || path.exists().then_some(()));
        host.kill();
        host.start();
        host.api().apply(&persona("web", 1, 1));
        warmed(&host.api(), "web", 1);
    }
}
