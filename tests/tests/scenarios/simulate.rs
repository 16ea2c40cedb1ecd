//! `forewarm simulate` on a user's own trace: what it tells follows from the steps that it writes, nothing that comes later
//! is looked at, the same seed gives the same bytes, and bad input is told.

use forewarm_tests::guests::forecaster;
use forewarm_tests::{Finished, Host, Setup};
use serde_json::{Value, json};
use std::fmt::Write;
use std::fs;

const MINUTES: usize = 4 * 1_440;
const POLICIES: [&str; 3] = ["forewarm", "keep_alive", "reactive"];

/// Four days of a daily wave with noise and a rush at every hour; everything from `changed` on is something else.
fn trace(changed: usize) -> String {
    let mut text = String::from("timestamp,value\n");
    for minute in 0..MINUTES {
        let wave = 60.0 + 40.0 * (minute as f64 / 1_440.0 * std::f64::consts::TAU).sin();
        let noise = 6.0 * (minute as f64 * 0.618_033_988_75).fract();
        let rush = if minute % 60 < 6 { 25.0 } else { 0.0 };
        let value = if minute < changed { wave + noise + rush } else { 10.0 };
        let (day, hour, minute) = (minute / 1_440 + 1, minute / 60 % 24, minute % 60);
        let _ = writeln!(text, "2026-03-{day:02}T{hour:02}:{minute:02}:00Z,{value:.3}");
    }
    text
}

fn simulate(host: &Host, changed: usize, more: &[&str]) -> (Value, Vec<Vec<[u64; 4]>>) {
    let path = |name: &str| host.folder().join(name).display().to_string();
    let (input, json, steps) = (path("shop.csv"), path("figures.json"), path("steps"));
    fs::write(&input, trace(changed)).expect("written");
    let policies = POLICIES.join(",");
    let fixed = ["simulate", "--trace", &input, "--policy", &policies, "--json", &json, "--steps", &steps];
    let Finished { code, errors, .. } = host.command(&[&fixed[..], more].concat());
    assert_eq!(code, Some(0), "{errors}");
    let read = |policy: &&str| {
        let text = fs::read_to_string(format!("{steps}/shop/{policy}.csv")).expect("written");
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("timestamp,demand,wanted,ready,booting"));
        let row = |line: &str| -> [u64; 4] {
            let numbers: Vec<u64> = line.split(',').skip(1).map(|field| field.parse().expect("a number")).collect();
            numbers.try_into().expect("four")
        };
        lines.map(row).collect()
    };
    let report = serde_json::from_str(&fs::read_to_string(&json).expect("written")).expect("JSON");
    (report, POLICIES.iter().map(read).collect())
}

/// What became of some policies.
fn simulate_policies(host: &Host, policies: &str, more: &[&str]) -> Value {
    let path = |name: &str| host.folder().join(name).display().to_string();
    let (input, json) = (path("shop.csv"), path("policies.json"));
    fs::write(&input, trace(usize::MAX)).expect("written");
    let fixed = ["simulate", "--trace", &input, "--policy", policies, "--json", &json];
    let Finished { code, errors, .. } = host.command(&[&fixed[..], more].concat());
    assert_eq!(code, Some(0), "{errors}");
    let report: Value = serde_json::from_str(&fs::read_to_string(&json).expect("written")).expect("JSON");
    report["series"]["shop"]["policies"].clone()
}

#[test]
fn the_figures_follow_from_the_steps_and_nothing_later_is_seen() {
    let host = Setup::quick().prepare();
    let page = host.folder().join("page.html");
    let html = page.display().to_string();
    let (report, steps) = simulate(&host, usize::MAX, &["--protocol", "bench", "--html", &html]);
    for (policy, steps) in POLICIES.iter().zip(&steps) {
        assert_eq!(steps.len(), MINUTES / 2);
        let told = &report["series"]["shop"]["policies"][policy];
        let sum = |of: fn(&[u64; 4]) -> u64| steps.iter().map(of).sum::<u64>() as f64;
        let idle = sum(|[demand, _, ready, _]| ready.saturating_sub(*demand));
        let missing = sum(|[demand, _, ready, _]| demand.saturating_sub(*ready));
        let booting = sum(|[.., booting]| *booting);
        assert_eq!(told["cost"].as_f64(), Some(idle + booting + 19.0 * missing), "{policy}");
        assert_eq!(told["unserved_instance_minutes"].as_f64(), Some(missing));
        let ratio = told["cost_ratio"].as_f64().expect("a figure");
        assert!(ratio >= 1.0 && told["launches"].as_u64() > Some(0), "{policy}: {told}");
    }
    let ratio = |policy: &str| report["geometric_mean_cost_ratio"][policy].as_f64().expect("a figure");
    assert!(ratio("forewarm") < ratio("reactive") && ratio("forewarm") < ratio("keep_alive"), "{report}");
    let html = fs::read_to_string(page).expect("written");
    assert!(
        html.contains("<svg") && html.contains("Worst moments") && !html.contains("src=") && !html.contains("href=")
    );

    let again = simulate(&host, usize::MAX, &["--protocol", "bench"]);
    assert_eq!((&report, &steps), (&again.0, &again.1), "the same seed gives the same");

    // What comes after a minute makes no difference before it.
    let changed = MINUTES / 2 + 600;
    let (_, other) = simulate(&host, changed, &["--protocol", "bench"]);
    let until =
        |steps: &Vec<Vec<[u64; 4]>>| -> Vec<Vec<[u64; 4]>> { steps.iter().map(|one| one[..600].to_vec()).collect() };
    assert_eq!(until(&steps), until(&other));
    assert_ne!(steps, other);
}

#[test]
fn faults_cost_more_and_a_dead_forecaster_is_survived() {
    let host = Setup::quick().prepare();
    let cost = |more: &[&str]| {
        let told = simulate(&host, usize::MAX, more).0["series"]["shop"]["policies"]["forewarm"].clone();
        (told["cost"].as_f64().expect("a figure"), told["unserved_instance_minutes"].as_f64().expect("a figure"))
    };
    let (well, _) = cost(&[]);
    let (spread, _) = cost(&["--boot-spread", "0.5", "--boot-failures", "0.2", "--seed", "7"]);
    assert!(spread > well, "{spread} {well}");
    let (_, missing) = cost(&["--forecaster-dies", "0.1", "--telemetry-gaps", "0.05"]);
    let demand = 60.0 * (MINUTES / 2) as f64;
    assert!(missing / demand < 0.1, "most is still served: {missing}");
}

#[test]
fn a_forecaster_that_dies_leaves_the_reactive_rule_and_the_report_says_so() {
    let host = Setup::quick().prepare();
    let path = |name: &str| host.folder().join(name).display().to_string();
    let (input, json, html) = (path("shop.csv"), path("out.json"), path("out.html"));
    fs::write(&input, trace(usize::MAX)).expect("written");
    let args = ["simulate", "--trace", &input, "--policy", "level_programme,reactive", "--forecaster-dies", "0.25"];
    let Finished { code, errors, .. } = host.command(&[&args[..], &["--json", &json, "--html", &html]].concat());
    assert_eq!(code, Some(0), "{errors}");
    let report: Value = serde_json::from_str(&fs::read_to_string(&json).expect("written")).expect("JSON");
    let policies = &report["series"]["shop"]["policies"];
    let fallback = &policies["level_programme"]["fallback"];
    assert_eq!((&fallback["policy"], &fallback["reason"]), (&json!("reactive"), &json!("the forecaster is dead")));
    // The scored half begins on the third day: a quarter of two days is twelve hours.
    assert_eq!((&fallback["from"], fallback["minutes"].as_f64()), (&json!("2026-03-03T12:00:00Z"), Some(2_160.0)));
    assert!(policies["reactive"].get("fallback").is_none(), "it needs no forecast: {policies}");
    let page = fs::read_to_string(&html).expect("written");
    assert!(page.contains("forecast alone had no forecast for 2,160 minutes, first at 2026-03-03T12:00:00Z"));
}

/// The rows of a CSV file, by column, instants left out.
fn columns(file: &str) -> (Vec<String>, Vec<Vec<f64>>) {
    let text = fs::read_to_string(file).expect("written");
    let mut lines = text.lines().map(|line| line.split(',').skip(1));
    let names = lines.next().expect("a header").map(str::to_owned).collect();
    (names, lines.map(|fields| fields.map(|field| field.parse().expect("a number")).collect()).collect())
}

#[test]
fn cheaper_tiers_are_told_by_tier_and_leave_everything_else_as_it_is() {
    let host = Setup::quick().prepare();
    let path = |name: &str| host.folder().join(name).display().to_string();
    let (input, json, steps, html) = (path("shop.csv"), path("out.json"), path("steps"), path("out.html"));
    fs::write(&input, trace(usize::MAX)).expect("written");
    let run = |more: &[&str]| -> Value {
        let args = ["simulate", "--trace", &input, "--policy", "forewarm,reactive", "--json", &json, "--steps", &steps];
        let Finished { code, errors, .. } = host.command(&[&args[..], &["--html", &html], more].concat());
        assert_eq!(code, Some(0), "{errors}");
        serde_json::from_str(&fs::read_to_string(&json).expect("written")).expect("JSON")
    };
    let priced = ["--price-per-hour", "0.5"];
    let plain = run(&priced);
    let offers = ["--parked", "hold=0.1,latency=40s,spread=0.3,enter=60s", "--shell", "hold=0.4,latency=10s"];
    let report = run(&[&priced[..], &offers].concat());
    let policies = |report: &Value| report["series"]["shop"]["policies"].clone();
    let (with, without) = (policies(&report), policies(&plain));
    assert_eq!(with["forewarm_without_tiers"], without["forewarm"]);
    assert_eq!(with["reactive"], without["reactive"]);
    assert!(plain.get("tiers").is_none() && without["forewarm"].get("tiers").is_none());

    // All of it follows from the steps, and the tiers sum to the whole.
    let (names, rows) = columns(&format!("{steps}/shop/forewarm.csv"));
    let sum = |name: &str| -> f64 {
        let column = names.iter().position(|known| known == name).unwrap_or_else(|| panic!("no {name} in {names:?}"));
        rows.iter().map(|row| row[column]).sum()
    };
    let ours = &with["forewarm"];
    let (cost, tiers) = (ours["cost"].as_f64().expect("a cost"), &ours["tiers"]);
    let recomputed = sum("idle")
        + sum("booting")
        + sum("activating")
        + sum("parking")
        + 0.1 * sum("parked")
        + 0.4 * sum("shells")
        + 19.0 * sum("unserved");
    assert!((recomputed - cost).abs() < 1e-6 * cost, "{recomputed} {cost}");
    for (whole, parts) in [(cost, &tiers["cost"]), (ours["money"].as_f64().expect("money"), &tiers["money"])] {
        let parts: f64 = parts.as_object().expect("by tier").values().filter_map(Value::as_f64).sum();
        assert!((parts - whole).abs() < 1e-6 * whole, "{parts} {whole}: {tiers}");
    }
    let count = |name: &str| tiers[name].as_u64().expect("a count");
    assert!(count("started") + count("specialised") > 0 && tiers["instance_minutes"]["parked"].as_f64() > Some(0.0));
    assert!(count("shortened_cold_starts") <= ours["cold_starts"].as_u64().expect("a count") + count("started"));
    let (names, _) = columns(&format!("{steps}/shop/reactive.csv"));
    assert_eq!(names, ["demand", "wanted", "ready", "booting"], "no column without tiers");
    let page = fs::read_to_string(&html).expect("written");
    assert!(page.contains("What cheaper tiers were worth") && page.contains("than without them"));
    let before = fs::read(&json).expect("written");
    run(&[&priced[..], &offers].concat());
    assert_eq!(before, fs::read(&json).expect("written"), "the same seed gives the same bytes");
}

#[test]
fn a_plugin_that_dies_at_every_call_is_survived() {
    let folder = tempfile::TempDir::with_prefix("forewarm-plugins-").expect("a temporary folder");
    let dies = forecaster("dies", "1", &[("FORECAST", "unreachable")]);
    fs::write(folder.path().join("dies.wasm"), dies).expect("written");
    let host = Setup::quick().plugins(folder.path()).set("plugins.allow_unsigned", true).prepare();
    let (report, _) = simulate(&host, usize::MAX, &["--forecaster", "dies"]);
    let ours = &report["series"]["shop"]["policies"]["forewarm"];
    let unserved = ours["unserved_instance_minutes"].as_f64().expect("a figure");
    assert!(unserved < 0.1 * ours["demand_instance_minutes"].as_f64().expect("a figure"), "{ours}");
    assert!(ours["coverage"].is_null(), "there was no forecast: {ours}");
    let alone = &simulate_policies(&host, "level_programme", &["--forecaster", "dies"])["level_programme"];
    let fallback = &alone["fallback"];
    assert_eq!((&fallback["policy"], fallback["minutes"].as_f64()), (&json!("reactive"), Some(MINUTES as f64 / 2.0)));
    assert!(
        fallback["reason"].as_str().is_some_and(|reason| reason.contains("dies")),
        "the plugin is named: {fallback}"
    );
}

/// The trace as Prometheus tells it, with the second day missing.
fn prometheus() -> String {
    let rows = trace(usize::MAX);
    let value = |line: &str| line.rsplit(',').next().map(str::to_owned).expect("a value");
    let samples = rows.lines().skip(1).enumerate().filter(|(minute, _)| !(1_440..2_880).contains(minute));
    let samples: Vec<Value> = samples.map(|(minute, line)| json!([1_772_323_200 + 60 * minute, value(line)])).collect();
    json!({ "status": "success", "data": { "resultType": "matrix",
        "result": [{ "metric": { "job": "shop" }, "values": samples }] } })
    .to_string()
}

#[test]
fn history_comes_from_prometheus_too_and_boots_from_what_was_measured() {
    let host = Setup::quick().prepare();
    let path = |name: &str| host.folder().join(name).display().to_string();
    let (input, boots, json, html) = (path("shop.json"), path("boots.csv"), path("out.json"), path("out.html"));
    fs::write(&input, prometheus()).expect("written");
    fs::write(&boots, "seconds\n40\n70\n95\n130\n600\n").expect("written");
    let args = ["simulate", "--trace", &input, "--policy", "forewarm,reactive", "--json", &json, "--html", &html];
    let priced = [&args[..], &["--boots", &boots, "--price-per-hour", "0.5", "--currency", "EUR"]].concat();
    let Finished { code, errors, .. } = host.command(&priced);
    assert_eq!(code, Some(0), "{errors}");
    assert!(errors.contains("shop: 1 gaps of over an hour are held") && errors.contains("1440 minutes"), "{errors}");
    let report: Value = serde_json::from_str(&fs::read_to_string(&json).expect("written")).expect("JSON");
    assert_eq!((&report["boots"]["count"], &report["currency"]), (&json!(5), &json!("EUR")));
    assert_eq!(report["series"]["shop"]["gaps"][0]["steps"], 1_440);
    let ours = &report["overall"]["forewarm"];
    let (cost, money) = (ours["cost"].as_f64().expect("a cost"), ours["money"].as_f64().expect("money"));
    assert!((money - cost / 120.0).abs() < 1e-6 && ours["cold_start_rate_p75"].is_number(), "{ours}");
    let page = fs::read_to_string(&html).expect("written");
    assert!(page.contains("EUR") && page.contains("1440 minutes") && page.contains("5 measured ones"));

    // The same seed gives the same bytes, of both.
    let before = (fs::read(&json).expect("written"), page);
    assert_eq!(host.command(&priced).code, Some(0));
    assert_eq!(before, (fs::read(&json).expect("written"), fs::read_to_string(&html).expect("written")));

    // Other costs and boots, each point by the same policies.
    let Finished { code, errors, .. } = host.command(&[&args[..], &["--pareto"]].concat());
    assert_eq!(code, Some(0), "{errors}");
    let report: Value = serde_json::from_str(&fs::read_to_string(&json).expect("written")).expect("JSON");
    let points = report["pareto"].as_array().expect("a list");
    assert_eq!(points.len(), 12);
    let ratio = |point: &Value| point["policies"]["forewarm"]["cost_ratio"].as_f64().expect("a figure");
    assert!(points.iter().all(|point| ratio(point) >= 1.0), "{points:?}");
    assert!(fs::read_to_string(&html).expect("written").contains("boot 15 min"));
}

#[test]
fn a_demand_that_never_changes_is_simulated_too() {
    let host = Setup::quick().prepare();
    let path = |name: &str| host.folder().join(name).display().to_string();
    let (input, json) = (path("still.csv"), path("out.json"));
    fs::write(&input, trace(0)).expect("written");
    let args = ["simulate", "--trace", &input, "--capacity", "1", "--policy", "forewarm,keep_alive", "--json", &json];
    assert_eq!(host.command(&args).code, Some(0));
    let report: Value = serde_json::from_str(&fs::read_to_string(&json).expect("written")).expect("JSON");
    let told = &report["series"]["still"];
    assert_eq!((told["least_cost"].as_f64(), told["policies"]["keep_alive"]["cost"].as_f64()), (Some(0.0), Some(0.0)));
    assert!(told["policies"]["forewarm"]["cost_ratio"].as_f64().is_some_and(f64::is_finite), "{told}");
}

#[test]
fn bad_input_is_told_with_its_place() {
    let host = Setup::quick().prepare();
    let path = host.folder().join("bad.csv").display().to_string();
    let refused = |text: &str, more: &[&str], part: &str| {
        fs::write(&path, text).expect("written");
        let Finished { code, errors, .. } = host.command(&[&["simulate", "--trace", &path][..], more].concat());
        let dense = |text: &str| text.replace(|c: char| c.is_whitespace() || c == '│', "");
        assert!(code.is_some_and(|code| code != 0), "{part}: {errors}");
        assert!(dense(&errors).contains(&dense(part)), "{part} is missing in\n{errors}");
    };
    let header = "timestamp,value\n";
    refused("", &[], "at least 2 are needed");
    refused(&format!("{header}2026-03-01T00:00:00Z,1\n2026-03-01T00:01:00Z,NaN\n"), &[], "line 3");
    refused(&format!("{header}2026-03-01T00:00:00Z,1\n2026-03-01T00:01:00Z,-1\n"), &[], "line 3");
    refused(&format!("{header}2026-03-01T00:00:00Z,1\n2026-03-01T00:01:00Z,2\n"), &[], "at least 120 are needed");
    refused(&trace(0).replace(",10.000", ",0"), &[], "--capacity");
    refused(&trace(0), &["--capacity", "0.0000001"], "give a larger --capacity");
    refused(&trace(0), &["--quota", "0"], "--quota is at least 1");
    refused(&trace(0), &["--parked", "hold=1,latency=30s"], "hold is `1`: use a share of a warm one's price");
    refused(&trace(0), &["--shell", "hold=0.5,latency=300s"], "--shell: one serves within 300 s");
    refused(&trace(0), &["--forecaster", "prophet"], "no forecaster is called `prophet`");
    refused(&trace(0), &["--trace", &path], "two traces are called `bad`");
    let first = "2026-03-01T00:00:00Z,1\n";
    refused(&format!("{header}{first}"), &[], "the trace has 1 rows");
    refused(&format!("{header}{first}{first}"), &[], "is not after the row before");
    refused(&format!("{header}{first}2026-02-28T00:00:00Z,1\n"), &[], "sort the rows by time");
    refused(&format!("{header}{first}2056-03-01T00:00:00Z,1\n"), &[], "spans more than 10512000 minutes");
    refused(&trace(0), &["--price-per-hour", "0"], "a price above zero");
    let boots = host.folder().join("boots.csv").display().to_string();
    for (text, part) in [("seconds\n", "there is no boot time"), ("seconds\n-3\n", "line 2: -3 s is no boot time")] {
        fs::write(&boots, text).expect("written");
        refused(&trace(0), &["--boots", &boots], part);
    }
    fs::write(&boots, "seconds\n61\n").expect("written");
    refused(&trace(0), &["--boots", &boots, "--parked", "hold=0.1,latency=90s"], "no sooner than after a boot of 61 s");
    let json = host.folder().join("bad.json").display().to_string();
    fs::write(&json, "{\"status\":\"error\",\"error\":\"parse error\"}").expect("written");
    refused(&trace(0), &["--trace", &json], "parse error");
}
