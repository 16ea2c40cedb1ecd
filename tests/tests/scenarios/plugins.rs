//! Plugins that fail and plugins that change, as operators meet them: in plans, events, the API and the command line.

use crate::{persona, text};
use forewarm_tests::guests::{TRAPS_AT_FIT, driver, forecaster};
use forewarm_tests::{Api, Host, Setup, eventually, plugins_dir};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    time::Duration,
};
use tempfile::TempDir;

/// The driver of the first party, and more files.
fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = TempDir::with_prefix("forewarm-plugins-").expect("a temporary folder");
    let driver = "driver-simulated.wasm";
    fs::copy(plugins_dir().join(driver), folder.path().join(driver)).expect("copied");
    for (name, content) in files {
        fs::write(folder.path().join(name), content).expect("written");
    }
    folder
}

fn setup(plugins: &Path) -> Setup {
    Setup::quick()
        .plugins(plugins)
        .set("plugins.allow_unsigned", true)
        .set("plugins.supervision.budget", 2)
        .set("plugins.supervision.backoff_max_ms", 500)
        .set("plugins.supervision.rest_s", 0)
}

fn plugin(api: &Api, name: &str, version: &str) -> Value {
    let plugins = api.get("/v1/plugins").json();
    let found = plugins.as_array().expect("a list").iter().find(|one| one["name"] == name && one["version"] == version);
    found.unwrap_or_else(|| panic!("no {name} {version} in {plugins}")).clone()
}

/// Reads the events that are kept and those to come, until each of `wanted` was among them.
pub(crate) fn events(api: &Api, wanted: &[&str]) -> String {
    let lines: Vec<String> = wanted.iter().map(|topic| format!("event: {topic}\n")).collect();
    events_with(api, &lines.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The same, until each of these texts was read.
fn events_with(api: &Api, wanted: &[&str]) -> String {
    let address = api.base().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("a host");
    stream.set_read_timeout(Some(Duration::from_millis(200))).expect("set");
    let token = api.token().unwrap_or_default();
    write!(
        stream,
        "GET /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nlast-event-id: none\r\n\r\n"
    )
    .expect("sent");
    let (mut seen, mut buffer) = (String::new(), [0; 4_096]);
    eventually(&format!("the events {wanted:?}"), || {
        if let Ok(count) = stream.read(&mut buffer) {
            seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
        wanted.iter().all(|text| seen.contains(text)).then_some(())
    });
    seen
}

fn run(host: &Host, args: &[&str]) -> String {
    let done = host.command(args);
    assert_eq!(done.code, Some(0), "{}", done.errors);
    done.output
}

/// A persona whose load is forecast by `forecasters`, in this order.
fn forecast_by(forecasters: &[&str]) -> Value {
    let mut web = persona("web", 1, 9);
    web["plugins"] = json!({ "forecaster": forecasters[0], "fallback_forecasters": forecasters[1..] });
    web
}

fn plan_by(api: &Api, policy: &str) -> Value {
    eventually(&format!("a plan by the rule {policy}"), || {
        api.measure("web", 35.0);
        let plan = api.get("/v1/personas/web/plan");
        let plan = (plan.status == 200).then(|| plan.json())?;
        (plan["policy"] == policy && plan["wanted"].as_u64()? >= 4).then_some(plan)
    })
}

fn quarantined(api: &Api, name: &str, version: &str) -> Value {
    eventually("a quarantine", || {
        api.measure("web", 35.0);
        Some(plugin(api, name, version)).filter(|plugin| plugin["supervision"] == "quarantined")
    })
}

#[test]
fn a_forecaster_that_traps_is_quarantined_and_another_one_stands_in() {
    let folder = folder(&[
        ("broken.wasm", forecaster("broken", "1", &[TRAPS_AT_FIT])),
        ("steady.wasm", forecaster("steady", "1", &[])),
    ]);
    let mut host = setup(folder.path()).start();
    let api = host.api();
    api.apply(&forecast_by(&["broken", "steady"]));
    plan_by(&api, "level_programme");
    let broken = quarantined(&api, "broken", "1");
    assert!(text(&broken["supervision_reason"]).contains("2 failures within 300 s"), "{broken}");
    let told = events(&api, &["plugin_supervised", "plugin_failed", "forecaster_switched"]);
    assert!(told.contains("steady forecasts web in place of broken"), "{told}");
    let calls = broken["calls"].clone();
    plan_by(&api, "level_programme");
    let metrics = api.get("/metrics").body;
    for line in [
        r#"forewarm_plugin_quarantined{plugin="broken"} 1"#,
        r#"forewarm_forecaster_switches_total{persona="web",to="steady"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line} is missing in\n{metrics}");
    }

    host.restart();
    let api = host.api();
    let broken = plugin(&api, "broken", "1");
    assert_eq!(broken["supervision"], "quarantined", "it survives a restart: {broken}");
    plan_by(&api, "level_programme");
    assert_eq!(plugin(&api, "broken", "1")["calls"], broken["calls"], "{calls} before: nobody calls it");
    assert!(run(&host, &["plugin", "list"]).contains("quarantined"));
    let read = api.with_token(None).post("/v1/plugins/broken/release", &json!({}));
    assert_eq!(read.status, 401);
    assert!(run(&host, &["plugin", "release", "broken"]).contains("let through"));
    eventually("another call", || {
        api.measure("web", 35.0);
        (plugin(&api, "broken", "1")["calls"].as_u64()? > broken["calls"].as_u64()?).then_some(())
    });
}

#[test]
fn with_no_forecaster_left_the_reactive_rule_plans() {
    let folder = folder(&[("broken.wasm", forecaster("broken", "1", &[TRAPS_AT_FIT]))]);
    let host = setup(folder.path()).start();
    let api = host.api();
    api.apply(&forecast_by(&["broken"]));
    let plan = plan_by(&api, "reactive");
    assert_eq!(plan["reasons"][0]["code"], "no_forecast", "{plan}");
    quarantined(&api, "broken", "1");
    let plan = eventually("a plan that names the quarantine", || {
        api.measure("web", 35.0);
        let plan = api.get("/v1/personas/web/plan").json();
        text(&plan["reasons"][0]["detail"]).contains("forewarm plugin release broken").then_some(plan)
    });
    assert_eq!(plan["policy"], "reactive");
}

#[test]
fn a_driver_that_hangs_is_held_back_and_the_plan_says_so() {
    let folder = folder(&[("hangs.wasm", driver("hangs", "1"))]);
    let host = setup(folder.path()).set("plugins.limits.call_ms", 200).start();
    let api = host.api();
    let mut web = persona("web", 2, 2);
    web["plugins"] = json!({ "driver": "hangs" });
    api.apply(&web);
    quarantined(&api, "hangs", "1");
    let plan = eventually("a plan that names the driver", || {
        api.measure("web", 1.0);
        let plan = api.get("/v1/personas/web/plan").json();
        let reasons = plan["reasons"].as_array()?.clone();
        reasons.into_iter().find(|reason| reason["code"] == "driver_down")
    });
    assert!(text(&plan["detail"]).contains("quarantined"), "{plan}");
    let calls = plugin(&api, "hangs", "1")["calls"].clone();
    // Rounds go on: they ask in vain, and the guest is not touched.
    plan_rounds(&api, 3);
    assert_eq!(plugin(&api, "hangs", "1")["calls"], calls);
}

/// Waits for so many more plans.
fn plan_rounds(api: &Api, rounds: usize) {
    let mut seen = std::collections::BTreeSet::new();
    eventually("planning rounds", || {
        api.measure("web", 1.0);
        seen.insert(text(&api.get("/v1/personas/web/plan").json()["at"]).to_owned());
        (seen.len() > rounds).then_some(())
    });
}

#[test]
fn a_version_is_activated_rolled_back_and_kept_over_a_restart() {
    // The bad version passes its probe, whose history is long, and fails at work.
    let body = "(if (i32.lt_u (local.get $count) (i32.const 100)) (then unreachable))";
    let folder = folder(&[("steady-1.wasm", forecaster("steady", "1.0.0", &[]))]);
    let mut host = setup(folder.path()).start();
    let api = host.api();
    api.apply(&forecast_by(&["steady"]));
    plan_by(&api, "level_programme");

    fs::write(folder.path().join("steady-2.wasm"), forecaster("steady", "2.0.0", &[])).expect("written");
    assert!(run(&host, &["plugin", "rescan"]).contains("2.0.0"));
    assert_eq!(plugin(&api, "steady", "2.0.0")["active"], true, "none was chosen: the newer one answers");
    assert!(run(&host, &["plugin", "activate", "steady", "1.0.0"]).contains("1.0.0 answers now"));
    plan_by(&api, "level_programme");
    host.restart();
    let api = host.api();
    assert_eq!(plugin(&api, "steady", "1.0.0")["active"], true, "the choice survives a restart");

    fs::write(folder.path().join("steady-3.wasm"), forecaster("steady", "3.0.0", &[("FIT", body)])).expect("written");
    fs::write(folder.path().join("steady-4.wasm"), forecaster("steady", "4.0.0", &[TRAPS_AT_FIT])).expect("written");
    run(&host, &["plugin", "rescan"]);
    let refused = host.command(&["plugin", "activate", "steady", "4.0.0"]);
    assert!(refused.code == Some(4) && refused.errors.contains("failed its probe"), "{}", refused.errors);
    run(&host, &["plugin", "activate", "steady", "3.0.0"]);
    eventually("the roll-back", || {
        api.measure("web", 35.0);
        (plugin(&api, "steady", "1.0.0")["active"] == true).then_some(())
    });
    // Switching to the bad version was told, too, and before.
    events_with(&api, &["rolled back: version 3.0.0 was quarantined on probation"]);
    plan_by(&api, "level_programme");
    host.restart();
    let api = host.api();
    assert_eq!(plugin(&api, "steady", "1.0.0")["active"], true, "the roll-back survives a restart");
    assert_eq!(plugin(&api, "steady", "3.0.0")["supervision"], "quarantined");
}

#[test]
fn an_outage_takes_nothing_away_and_what_took_over_is_remembered() {
    let folder = folder(&[
        ("broken.wasm", forecaster("broken", "1", &[TRAPS_AT_FIT])),
        ("steady.wasm", forecaster("steady", "1", &[])),
    ]);
    let mut host = setup(folder.path()).start();
    let api = host.api();
    let by = |forecaster: &str| {
        let mut web = forecast_by(&[forecaster]);
        web["scaling"]["policy"] = json!("level_programme");
        web
    };
    api.apply(&by("steady"));
    plan_by(&api, "level_programme");
    api.apply(&by("broken"));
    plan_by(&api, "reactive");
    let switches = |api: &Api| api.get("/v1/personas/web/policies/switches").json();
    let told = switches(&api);
    assert_eq!((&told[0]["from"], &told[0]["to"]), (&json!("level_programme"), &json!("reactive")), "{told}");
    assert!(text(&told[0]["reason"]).contains("broken"), "{told}");
    assert!(run(&host, &["plan", "switches", "web"]).contains("level_programme"));

    // No load is measured from here on.
    let stale = |api: &Api| {
        eventually("a plan without telemetry", || {
            let plan = api.get("/v1/personas/web/plan");
            let plan = (plan.status == 200).then(|| plan.json())?;
            plan["reasons"].to_string().contains("stale_telemetry").then_some(plan)
        })
    };
    let kept = stale(&api)["wanted"].as_u64();
    assert!(kept >= Some(4), "{kept:?}");
    host.restart();
    let api = host.api();
    let plan = stale(&api);
    assert!(plan["wanted"].as_u64() >= kept, "{plan}");
    assert_eq!(switches(&api)[0], told[0], "it is kept over a restart");
}

#[test]
fn a_plan_tells_what_it_costs_and_what_it_would_have_been() {
    let folder = folder(&[("steady.wasm", forecaster("steady", "1", &[]))]);
    let host = setup(folder.path()).start();
    let api = host.api();
    let mut web = forecast_by(&["steady"]);
    web["scaling"]["policy"] = json!("compete");
    api.apply(&web);
    let costs = eventually("a plan that is served", || {
        api.measure("web", 35.0);
        let costs = api.get("/v1/personas/web/plan/costs");
        let costs = (costs.status == 200).then(|| costs.json())?;
        (costs["wanted"].as_u64()? >= 4 && costs["expected"].is_object()).then_some(costs)
    });
    let alternatives = costs["alternatives"].as_array().expect("a list");
    assert!(alternatives.len() > 10 && alternatives[0]["decides"] == true, "{costs}");
    assert!(costs["warm_per_hour"].as_f64() > Some(0.0) && costs["missing_cost"].as_f64() > Some(1.0), "{costs}");
    let static_one = alternatives.iter().find(|one| one["policy"] == "schedule_only").expect("competes");
    assert!(static_one["wanted"].as_u64() <= costs["wanted"].as_u64(), "{costs}");
    assert!(run(&host, &["plan", "explain", "web"]).contains("expected over the forecast's horizon"));
    let diff = run(&host, &["plan", "diff", "web"]);
    assert!(diff.contains("(decides)") && diff.contains("keep_alive"), "{diff}");
    api.get("/v1/personas/nobody/plan/costs").problem(404, "not-found");
}
