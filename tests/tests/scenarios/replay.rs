//! Replays: killed again and again they come to the same end as if they never had been; stopped they end cleanly.

use crate::text;
use forewarm_tests::{Api, Host, Setup, Trace, clock, eventually};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const MINUTES: usize = 720;
const FIRST: usize = MINUTES / 2;
/// The personas that a replay makes of the file `waves.csv`.
const PERSONAS: [&str; 2] = ["waves", "waves-reactive"];

fn replay(trace: &Trace) -> Host {
    let host = Setup::plain().set("plugins.compute_threads", 2).prepare();
    let file = host.folder().join("waves.csv");
    trace.write(&file);
    host.with_args(["--replay", file.to_str().expect("text"), "--output", "json"])
}

/// The virtual time of a running replay; `None` when it is gone.
fn virtual_time(api: &Api) -> Option<i64> {
    let answer = api.try_send("GET", "/v1/status", &[], None).ok()?;
    Some(clock::parse(text(&answer.json()["at"])))
}

/// The folder of the one replay in a data folder.
fn folder(data: &Path) -> PathBuf {
    let mut folders = fs::read_dir(data.join("replay")).expect("a replay was begun");
    folders.next().expect("one replay").expect("readable").path()
}

/// The summary at the end of what was written.
fn summary(output: &str) -> Value {
    let begin = output.rfind("\n{\n").map_or(0, |at| at + 1);
    serde_json::from_str(&output[begin..]).unwrap_or_else(|error| panic!("no summary ({error}): {output}"))
}

/// Instances that are demanded minute by minute, by the capacity that the replay has chosen.
fn demands(trace: &Trace, api: &Api) -> Vec<u64> {
    let persona = api.get(&format!("/v1/personas/{}", PERSONAS[0])).json();
    let capacity = persona["spec"]["demand"]["capacity_per_instance"].as_f64().expect("a number");
    trace.values[FIRST..].iter().map(|value| ((value / capacity).ceil() as u64).max(1)).collect()
}

/// Ids of a list, each of which may be in it once.
fn ids(list: &[Value]) -> BTreeSet<String> {
    let ids: BTreeSet<String> = list.iter().map(|one| text(&one["id"]).to_owned()).collect();
    assert_eq!(ids.len(), list.len(), "an id comes twice in {list:?}");
    ids
}

fn is_open(claim: &Value) -> bool {
    claim["state"] != "ended"
}

#[test]
fn a_replay_that_is_killed_again_and_again_ends_as_if_it_never_was() {
    let trace = Trace::generate(11, MINUTES);
    let mut host = replay(&trace).with_args(["--speed", "max"]);
    let mut random = SmallRng::seed_from_u64(5);
    let mut seen = vec![BTreeSet::new(); PERSONAS.len()];
    let mut reached = 0;
    for round in 0..5 {
        host.start();
        let api = host.api();
        let goal = reached.max(trace.at(FIRST)) + random.random_range(1..50) * 60_000;
        eventually("the replay's next minutes", || {
            let now = virtual_time(&api).unwrap_or_else(|| panic!("the replay of round {round} ended too early"));
            (now >= goal).then_some(())
        });
        for (persona, seen) in PERSONAS.iter().zip(&mut seen) {
            // Claims that the API has shown are acknowledged.
            seen.extend(ids(&api.claims(persona)));
        }
        let before = virtual_time(&api).expect("it runs");
        assert!(before >= reached, "a minute that was shown is not replayed again");
        reached = before;
        host.kill();
    }
    host.start();
    let finished = host.finish();
    assert_eq!(finished.code, Some(0), "{}", finished.errors);
    let summary = summary(&finished.output);
    assert_eq!(summary["steps"], MINUTES - FIRST, "{summary}");

    let found = drivers_list(&folder(host.data()));
    let replayed = Setup::plain().start_in(&folder(host.data()));
    let api = replayed.api();
    let (from, to) = (clock::text(trace.at(0)), clock::text(trace.at(MINUTES)));
    let path = format!("/v1/series/values?resource=replay/waves&metric=requests&from={from}&to={to}&limit=100000");
    let series = api.get(&path).json();
    let values: Vec<f64> = series["values"].as_array().expect("values").iter().filter_map(Value::as_f64).collect();
    assert!(values == trace.values, "the samples in the store are those of the file");

    let demands = demands(&trace, &api);
    let grown: u64 = demands.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).sum();
    for ((persona, seen), policy) in PERSONAS.iter().zip(&seen).zip(["forewarm", "reactive"]) {
        let claims = api.claims(persona);
        assert!(claims.len() < 1_000, "one page holds them all");
        let all = ids(&claims);
        assert!(seen.is_subset(&all), "{persona}: a claim that was shown is lost");
        let open: Vec<&Value> = claims.iter().filter(|claim| is_open(claim)).collect();
        assert_eq!(Some(&(open.len() as u64)), demands.last(), "{persona}: open claims are the demand");
        assert_eq!(all.len() as u64, demands[0] + grown, "{persona}: each rise of the demand was claimed once");
        assert_eq!(summary[policy]["claims"], all.len(), "{summary}");
        assert!(claims.iter().all(|claim| claim["cause"] != "instance_lost"), "{persona}: an instance got lost");
        let instances = api.instances(persona);
        holders_agree(&open, &instances);
        let adopted = instances.iter().filter(|one| one["operations"].as_u64() > Some(1 << 30)).count();
        assert_eq!(adopted, 0, "{persona}: the driver had instances that the host did not know");
    }
    if let Some((at_host, at_driver)) = found {
        assert_eq!(at_host, at_driver);
    }
}

/// What the host and the simulated driver have in a database: instances of both, in order. Only where SQLite's own
/// program is installed; the same is looked at in PostgreSQL wherever the tests run.
fn drivers_list(data: &Path) -> Option<(String, String)> {
    let sqlite = forewarm_tests::on_path("sqlite3")?;
    let ask = |sql: &str| {
        let output = Command::new(&sqlite).arg(data.join("forewarm.db")).arg(sql).output().expect("sqlite3 runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let at_host = ask("select lower(hex(id)) from instance order by 1");
    let at_driver = ask("select replace(substr(key, 3), '-', '') from plugin_state where key like 'i/%' order by 1");
    assert!(!at_host.is_empty(), "a replay ends with instances");
    Some((at_host, at_driver))
}

/// Every open claim that is served holds an instance of its own, and nobody else holds one.
fn holders_agree(open: &[&Value], instances: &[Value]) {
    let served: Vec<Value> =
        open.iter().filter(|claim| claim["state"] == "served").map(|claim| (*claim).clone()).collect();
    let by_claims: BTreeSet<(&str, &str)> =
        served.iter().map(|claim| (text(&claim["id"]), text(&claim["instance"]))).collect();
    let active = instances.iter().filter(|one| one["state"]["state"] == "active");
    let by_instances: BTreeSet<(&str, &str)> =
        active.map(|one| (text(&one["state"]["claim"]), text(&one["id"]))).collect();
    assert_eq!(by_claims, by_instances);
    ids(instances);
}

#[test]
fn a_replay_that_is_interrupted_ends_cleanly_and_begins_anew() {
    let trace = Trace::generate(12, MINUTES);
    let mut host = replay(&trace);
    let first = host.clone_with(["--speed", "max"]).up_to_the_end();
    assert_eq!(first.code, Some(0), "{}", first.errors);
    let whole = summary(&first.output);
    assert_eq!(whole["trace"], "waves");
    assert_eq!(whole["steps"], MINUTES - FIRST);

    // It has ended, so it begins anew; slowly enough to be stopped on the way.
    let folder = folder(host.data());
    assert!(folder.join("ended").exists());
    host = host.with_args(["--speed", "600"]);
    for signal in ["INT", "TERM"] {
        host.start();
        let api = host.api();
        let begun = virtual_time(&api).expect("it runs");
        assert!(begun < trace.at(FIRST), "it begins anew, not at {}", clock::text(begun));
        assert!(!folder.join("ended").exists());
        eventually("some minutes of the replay", || (virtual_time(&api)? > trace.at(FIRST + 1)).then_some(()));
        let stopped = host.end(signal);
        assert_eq!(stopped.code, Some(0), "{}", stopped.errors);
        let part = summary(&stopped.output);
        let steps = part["steps"].as_u64().expect("a number");
        assert!((1..(MINUTES - FIRST) as u64).contains(&steps), "{part}");
        assert!(folder.join("ended").exists(), "an end that was meant");
        assert!(!host.data().join("host.json").exists());
    }
}

#[test]
fn a_replay_for_people_shows_a_table() {
    let trace = Trace::generate(13, 120);
    let host = Setup::plain().prepare();
    let file = host.folder().join("waves.csv");
    trace.write(&file);
    let path = file.to_str().expect("text");
    let host = host.with_args(["--replay", path, "--speed", "max", "--history", "0.4"]);
    let finished = host.up_to_the_end();
    assert_eq!(finished.code, Some(0), "{}", finished.errors);
    for part in ["the replay begins", "waves: 72 minutes from 2026-03-02T00:48:00Z", "REACTIVE RULE", "served warm"] {
        assert!(finished.output.contains(part), "{part:?} is missing in\n{}", finished.output);
    }
}

#[test]
fn a_trace_that_is_none_is_refused_with_its_line() {
    let host = Setup::plain().prepare();
    let file = host.folder().join("bad.csv");
    let path = file.to_str().expect("text").to_owned();
    let host = host.with_args(["--replay", &path]);
    let cases = [
        ("timestamp,value\n2026-03-01T00:00:00Z,1\n2026-03-01T00:01:00Z,NaN\n", "line 3"),
        ("timestamp,value\n2026-03-01T00:01:00Z,1\n2026-03-01T00:00:00Z,1\n", "line 3"),
        ("timestamp,value\n2026-03-01T00:01:00Z,-1\n", "line 2"),
        ("when,what\n2026-03-01T00:01:00Z,1\n", "timestamp,value"),
        ("timestamp,value\n2026-03-01T00:00:00Z,1\n2026-03-01T00:01:00Z,1\n", "minutes"),
        ("", "at least 2"),
    ];
    for (content, told) in cases {
        fs::write(&file, content).expect("written");
        let finished = host.up_to_the_end();
        assert_eq!(finished.code, Some(1), "{content:?}: {}", finished.errors);
        let last = finished.errors.rsplit("Error").next().unwrap_or_default();
        assert!(last.contains(told), "{content:?} should tell {told:?}: {last}");
    }
    fs::remove_file(&file).expect("written before");
    let finished = host.up_to_the_end();
    assert_eq!(finished.code, Some(1));
    assert!(finished.errors.contains("No such file"), "{}", finished.errors);
}
