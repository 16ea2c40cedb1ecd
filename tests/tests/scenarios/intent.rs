//! The operator's intent, as plans meet it: events, freezes, budgets, quotas, a driver without capacity, modes.

use crate::{persona, text, warmed};
use forewarm_tests::{Api, Host, Setup, clock, eventually};
use serde_json::{Value, json};

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

fn put(api: &Api, place: &str, body: &Value) -> forewarm_tests::Answer {
    api.send("PUT", &format!("/v1/calendar/{place}"), JSON, Some(body.to_string().as_bytes()))
}

/// A span of seconds from now.
fn span(from: i64, until: i64) -> Value {
    let at = |seconds: i64| clock::text(clock::now_ms() + seconds * 1_000);
    json!({ "from": at(from), "until": at(until) })
}

fn with(mut one: Value, more: Value) -> Value {
    if let (Value::Object(one), Value::Object(more)) = (&mut one, more) {
        one.extend(more);
    }
    one
}

/// The newest plan once it has a reason of a code; the plan's load is measured meanwhile.
fn plan_with(api: &Api, name: &str, code: &str) -> Value {
    eventually(&format!("a plan of {name} that says {code}"), || {
        // Without a load, nothing would be let go for another reason.
        api.measure(name, 0.0);
        let plan = api.get(&format!("/v1/personas/{name}/plan"));
        let plan = (plan.status == 200).then(|| plan.json())?;
        plan["reasons"].as_array()?.iter().any(|reason| reason["code"] == code).then_some(plan)
    })
}

fn reason(plan: &Value, code: &str) -> String {
    let reasons = plan["reasons"].as_array().expect("reasons");
    let found = reasons.iter().find(|reason| reason["code"] == code);
    text(&found.unwrap_or_else(|| panic!("no {code} in {plan}"))["detail"]).to_owned()
}

fn total(api: &Api, name: &str) -> u64 {
    api.instances(name).len() as u64
}

fn all_let_go(api: &Api) {
    eventually("all let go", || {
        api.measure("web", 0.0);
        (total(api, "web") == 0).then_some(())
    });
}

fn run(host: &Host, args: &[&str]) -> String {
    let done = host.command(args);
    assert_eq!(done.code, Some(0), "{}", done.errors);
    done.output
}

#[test]
fn an_event_warms_instances_ahead_of_its_beginning() {
    let mut host = Setup::quick().set("planning.assumed_boot_s", 20).start();
    let api = host.api();
    api.apply(&persona("web", 0, 50));
    let event = with(span(25, 3_600), json!({ "persona": "web", "effect": { "instances": 6 }, "note": "the launch" }));
    assert_eq!(put(&api, "events/launch", &event).status, 201);
    assert_eq!(put(&api, "events/launch", &event).status, 200, "the same again is nothing new");
    // What was acknowledged is there after a power cut.
    host.restart();
    let api = host.api();
    warmed(&api, "web", 6);
    let begins = clock::parse(text(&event["from"]));
    for instance in api.instances("web") {
        assert!(clock::parse(text(&instance["created_at"])) < begins, "{instance} comes after {event}");
    }
    let plan = plan_with(&api, "web", "planned_event");
    assert!(reason(&plan, "planned_event").contains("`launch`"), "{plan}");
    assert_eq!(api.standing("web")["bounds"], json!(["planned_event"]));
    let explained = run(&host, &["plan", "explain", "web"]);
    assert!(explained.contains("planned_event: the event `launch`"), "{explained}");
    assert!(run(&host, &["persona", "list"]).contains("planned_event"));
    assert!(api.get("/metrics").body.contains(r#"forewarm_plan_bounds{persona="web",bound="planned_event"} 1"#));
    // Without it, they are let go.
    assert!(run(&host, &["event", "remove", "launch"]).contains("launch is removed"));
    let told = crate::plugins::events(&api, &["calendar_changed"]);
    assert!(told.contains("the event `launch` was removed by admin"), "{told}");
    all_let_go(&api);
    api.delete("/v1/calendar/events/launch").problem(404, "not-found");
}

#[test]
fn an_event_is_one_easy_command() {
    let host = Setup::quick().start();
    let api = host.api();
    api.apply(&persona("web", 0, 50));
    let line =
        ["event", "apply", "launch", "--persona", "web", "--from", "friday 9:00", "--for", "4h", "--factor", "x3"];
    let told = run(&host, &[&line[..], &["--time-zone", "Europe/Berlin", "--note", "the launch"]].concat());
    assert!(told.starts_with("launch: x3 for web from "), "{told}");
    let entry = api.get("/v1/calendar/events/launch").json();
    let (from, until) = (clock::parse(text(&entry["event"]["from"])), clock::parse(text(&entry["event"]["until"])));
    // 1970-01-01 was a Thursday. Berlin is one or two hours ahead.
    assert_eq!((from / 86_400_000 % 7, until - from), (1, 4 * 3_600_000), "{entry}");
    assert!([7, 8].contains(&(from / 3_600_000 % 24)) && from > clock::now_ms(), "{entry}");
    assert_eq!((&entry["event"]["effect"], &entry["applied_by"]), (&json!({ "factor": 3.0 }), &json!("admin")));
    let listed = run(&host, &["event", "list"]);
    assert!(listed.contains("the launch") && listed.contains("x3"), "{listed}");

    let file = host.folder().join("event.json");
    let event = with(span(100, 200), json!({ "persona": "web", "effect": { "instances": 4 } }));
    std::fs::write(&file, event.to_string()).expect("written");
    let file = file.to_str().expect("text");
    assert!(run(&host, &["event", "apply", "sale", "--file", file]).contains("4 instances for web"));
    for (args, code, part) in [
        (
            &["event", "apply", "x", "--persona", "web", "--from", "someday", "--for", "4h", "--factor", "3"][..],
            2,
            "friday 9:00",
        ),
        (&["event", "apply", "x", "--persona", "web", "--from", "now", "--for", "long", "--factor", "3"][..], 2, "90m"),
        (&["event", "apply", "x", "--persona", "web", "--from", "now", "--for", "1h", "--factor", "much"][..], 2, "x3"),
        (
            &["event", "apply", "x", "--persona", "wep", "--from", "now", "--for", "1h", "--factor", "2"][..],
            4,
            "did you mean web?",
        ),
        (&["event", "remove", "lunch"][..], 4, "did you mean launch?"),
    ] {
        let done = host.command(args);
        assert!(done.code == Some(code) && done.errors.contains(part), "{args:?}: {:?} {}", done.code, done.errors);
    }
}

#[test]
fn a_freeze_holds_until_it_is_removed_and_claims_are_served_all_the_same() {
    let mut host = Setup::quick().start();
    let api = host.api();
    api.apply(&persona("web", 3, 9));
    warmed(&api, "web", 3);
    let told = run(&host, &["freeze", "apply", "quarter-end", "--persona", "web", "--from", "now", "--for", "2d"]);
    assert!(told.contains("plans of web are held"), "{told}");
    api.apply(&persona("web", 0, 9));
    let plan = plan_with(&api, "web", "freeze");
    assert_eq!((&plan["wanted"], reason(&plan, "freeze").contains("`quarter-end`")), (&json!(3), true), "{plan}");
    host.restart();
    let api = host.api();
    plan_with(&api, "web", "freeze");
    assert_eq!(total(&api, "web"), 3, "nothing was let go");
    let claims: Vec<Value> = (0..4).map(|_| api.post("/v1/personas/web/claims", &json!({})).json()).collect();
    eventually("the claim that found none warm", || {
        (api.get(&format!("/v1/claims/{}", text(&claims[3]["id"]))).json()["state"] == "served").then_some(())
    });
    for claim in &claims {
        api.delete(&format!("/v1/claims/{}", text(&claim["id"]))).ok();
    }
    assert!(run(&host, &["freeze", "list"]).contains("quarter-end"));
    run(&host, &["freeze", "remove", "quarter-end"]);
    all_let_go(&api);
    // The maintenance of a driver is everybody's who is served by it.
    put(&api, "freezes/upgrade", &with(span(-1, 600), json!({ "driver": "driver-simulated" }))).ok();
    api.apply(&persona("web", 2, 9));
    let plan = plan_with(&api, "web", "maintenance");
    assert_eq!((&plan["wanted"], total(&api, "web")), (&json!(0), 0), "{plan}");
}

#[test]
fn entries_of_the_calendar_that_cannot_be_meant_are_refused() {
    let host = Setup::quick().start();
    let api = host.api();
    api.apply(&persona("web", 0, 9));
    let event = |more: Value| with(with(span(60, 120), json!({ "persona": "web", "effect": { "factor": 3 } })), more);
    let refused = |place: &str, body: &Value, pointer: &str, part: &str| {
        let problem = put(&api, place, body).problem(422, "invalid-body");
        let errors = problem["errors"].as_array().expect("errors");
        let found = errors.iter().any(|error| error["pointer"] == pointer && text(&error["detail"]).contains(part));
        assert!(found, "no {pointer} with {part:?} in {problem}");
    };
    refused("events/e", &event(span(120, 60)), "/until", "later end");
    refused("events/e", &event(span(-120, -60)), "/until", "not over");
    refused("events/e", &event(span(60, 400 * 86_400)), "/until", "366");
    refused("events/e", &event(json!({ "persona": "wep" })), "/persona", "did you mean web?");
    refused("events/e", &event(json!({ "effect": { "factor": 0 } })), "/effect/factor", "0");
    refused("events/e", &event(json!({ "effect": { "factor": 1e9 } })), "/effect/factor", "1000");
    refused("events/e", &event(json!({ "effect": { "instances": 10 } })), "/effect/instances", "scaling.max");
    refused("events/e", &event(json!({ "note": "x".repeat(1_001) })), "/note", "xxx");
    refused("events/e", &event(json!({ "until": "friday" })), "/until", "date-time");
    refused("freezes/f", &with(span(60, 120), json!({ "driver": "driver-similated" })), "/driver", "driver-simulated");
    refused("freezes/f", &with(span(60, 120), json!({ "personas": ["web", "web"] })), "/personas/1", "twice");
    put(&api, "events/Launch", &event(json!({}))).problem(400, "invalid-parameter");
    for index in 0..1_000 {
        assert_eq!(put(&api, &format!("events/e{index}"), &event(json!({}))).status, 201);
    }
    let problem = put(&api, "events/more", &event(json!({}))).problem(409, "conflict");
    assert!(text(&problem["detail"]).contains("remove some"), "{problem}");
    assert_eq!(put(&api, "events/e7", &event(json!({ "note": "changed" }))).status, 200, "what is there may change");
    let reader = api.as_new_caller("reader", "read", None);
    assert_eq!(reader.get("/v1/calendar/events").json().as_array().map(Vec::len), Some(1_000));
    put(&reader, "events/e7", &event(json!({}))).problem(403, "forbidden");
    reader.delete("/v1/calendar/events/e7").problem(403, "forbidden");
    api.as_new_caller("tenant", "tenant", Some("red")).get("/v1/calendar/freezes").problem(403, "forbidden");
}

/// What was spent of the month.
fn spent(api: &Api) -> Value {
    let spent = api.get("/v1/personas/web/spent").json();
    spent.as_array().expect("a list").iter().find(|one| one["period"] == "month").expect("a month").clone()
}

#[test]
fn a_budget_bounds_and_survives_a_power_cut() {
    // One core for an hour costs 7,200: an instance of half a core is one unit a second.
    let mut host = Setup::quick()
        .parameter("driver-simulated", "cpu_hour", 7_200)
        .parameter("driver-simulated", "gib_hour", 0)
        .start();
    let api = host.api();
    let begun = clock::now_ms();
    let mut web = persona("web", 0, 50);
    web["scaling"]["budget"] = json!({ "amount": 7_500, "period": "month" });
    web["scaling"]["policy"] = json!("reactive");
    api.apply(&web);
    let plan = eventually("a plan within the budget", || {
        api.measure("web", 400.0);
        let plan = api.get("/v1/personas/web/plan");
        let plan = (plan.status == 200).then(|| plan.json())?;
        plan["reasons"].as_array()?.iter().any(|reason| reason["code"] == "budget").then_some(plan)
    });
    let wanted = plan["wanted"].as_u64().expect("a number");
    assert!(wanted < 40, "{plan}");
    let last = eventually("something spent", || {
        api.measure("web", 400.0);
        Some(spent(&api)).filter(|spent| spent["spent"].as_f64() > Some(2.0))
    });
    assert_eq!((&last["budget"], &last["per_hour"]), (&json!(7_500.0), &json!(3_600.0)), "{last}");
    for _ in 0..2 {
        host.restart();
        let api = host.api();
        let now = spent(&api);
        assert!(now["spent"].as_f64() >= Some(last["spent"].as_f64().expect("a number") - 4.0), "{now} after {last}");
    }
    // No time is counted twice: what exists for so long costs so much, and no more.
    let api = host.api();
    let most = api.instances("web").len().max(wanted as usize) as f64;
    let now = eventually("a price, and what was spent since", || {
        api.measure("web", 400.0);
        Some(spent(&api)).filter(|now| now["spent"].as_f64() > last["spent"].as_f64() && !now["per_hour"].is_null())
    });
    let longest = (clock::now_ms() - begun) as f64 / 1_000.0;
    let (paid, left) = (now["spent"].as_f64().expect("a number"), now["left"].as_f64().expect("a number"));
    assert!(paid <= most * longest, "{paid} in {longest} s of {most} instances");
    assert!((paid + left - 7_500.0).abs() < 1e-6, "{now}");
    assert!(run(&host, &["persona", "spent", "web"]).contains("7500.0000"));
    assert!(api.get("/metrics").body.contains(r#"forewarm_spent{persona="web",period="month"}"#));
}

#[test]
fn budgets_that_cannot_be_meant_are_refused() {
    let host = Setup::quick().start();
    let api = host.api();
    let refused = |budget: Value, driver: &str, min: u32, pointer: &str, part: &str| {
        let mut web = persona("web", min, 50);
        (web["scaling"]["budget"], web["plugins"]) = (budget, json!({ "driver": driver }));
        let problem = api.put_persona(&web).problem(422, "invalid-body");
        let errors = problem["errors"].as_array().expect("errors");
        let found = errors.iter().any(|error| error["pointer"] == pointer && text(&error["detail"]).contains(part));
        assert!(found, "no {pointer} with {part:?} in {problem}");
    };
    let amount = |amount: Value| json!({ "amount": amount, "period": "day" });
    let driver = "driver-simulated";
    refused(amount(json!(0)), driver, 0, "/scaling/budget/amount", "0");
    refused(amount(json!(-5)), driver, 0, "/scaling/budget/amount", "-5");
    refused(amount(json!("NaN")), driver, 0, "/scaling/budget/amount", "number");
    refused(amount(json!(null)), driver, 0, "/scaling/budget/amount", "number");
    refused(amount(json!(1e13)), driver, 0, "/scaling/budget/amount", "1000000000000");
    refused(json!({ "amount": 5, "period": "year" }), driver, 0, "/scaling/budget/period", "year");
    refused(json!({ "amount": 5 }), driver, 0, "/scaling/budget", "period");
    // A day of two instances costs 48 x 0.0225.
    refused(amount(json!(1)), driver, 2, "/scaling/budget/amount", "which costs 1.08");
    refused(amount(json!(5)), "driver-nowhere", 0, "/scaling/budget", "a budget needs a price");
    assert!(api.get("/v1/personas").json()["personas"].as_array().expect("a list").is_empty());
    let mut web = persona("web", 2, 50);
    web["scaling"]["budget"] = amount(json!(1.08001));
    assert_eq!(api.apply(&web)["spec"]["scaling"]["budget"], amount(json!(1.08001)));
}

#[test]
fn a_quota_is_shared_by_all_personas_of_a_driver() {
    let host = Setup::quick().quota("driver-simulated", 5).start();
    let api = host.api();
    let every = |api: &Api| total(api, "web") + total(api, "jobs");
    api.apply(&persona("web", 4, 9));
    api.apply(&persona("jobs", 4, 9));
    eventually("as many as may be", || {
        let warm = |name: &str| api.standing(name)["stock"]["warm"].as_u64();
        assert!(every(&api) <= 5);
        (warm("web")? + warm("jobs")? == 5).then_some(())
    });
    let short = if total(&api, "web") < 4 { "web" } else { "jobs" };
    let plan = plan_with(&api, short, "quota");
    assert!(reason(&plan, "quota").contains("quota of 5 instances has 0 left"), "{plan}");
    // Claims keep to it, too: those that find no instance wait.
    let claims: Vec<Value> =
        (0..6).map(|_| api.post(&format!("/v1/personas/{short}/claims"), &json!({})).json()).collect();
    assert!(claims.iter().any(|claim| claim["state"] == "waiting"), "{claims:?}");
    plan_with(&api, short, "quota");
    assert_eq!(every(&api), 5);
    // What one leaves, the other may have.
    let other = if short == "web" { "jobs" } else { "web" };
    api.apply(&persona(other, 0, 0));
    eventually("room for those who wait", || {
        assert!(every(&api) <= 5);
        let served = api.claims(short).iter().filter(|claim| claim["state"] == "served").count();
        (served == 5).then_some(())
    });
}

#[test]
fn a_driver_out_of_capacity_is_not_asked_for_a_while_and_recovers() {
    let host = Setup::quick().parameter("driver-simulated", "capacity", 3).start();
    let api = host.api();
    api.apply(&persona("web", 3, 9));
    warmed(&api, "web", 3);
    api.apply(&persona("jobs", 2, 9));
    let plan = plan_with(&api, "jobs", "out_of_capacity");
    let told = reason(&plan, "out_of_capacity");
    assert!(told.contains("room for 3 instances and is full") || told.contains("one launch is tried"), "{plan}");
    let calls = |api: &Api| -> u64 {
        let metrics = api.get("/metrics").body;
        let line = metrics
            .lines()
            .find(|line| line.starts_with("forewarm_plugin_failures_total") && line.contains("capacity"));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).expect("a count")
    };
    assert!(calls(&api) >= 1);
    let told = crate::plugins::events(&api, &["driver_capacity"]);
    assert!(told.contains("out of capacity"), "{told}");
    assert_eq!(total(&api, "web"), 3, "the others are as they were");
    api.apply(&persona("web", 0, 1));
    warmed(&api, "jobs", 2);
    eventually("a plan as if nothing had been", || {
        let plan = api.get("/v1/personas/jobs/plan").json();
        (!plan["reasons"].to_string().contains("out_of_capacity")).then_some(())
    });
    assert!(calls(&api) < 20, "launches were not tried at every step");
}

#[test]
fn modes_are_kept_and_claims_are_served_under_each() {
    let host = Setup::quick().start();
    let api = host.api();
    for mode in ["forecast_only", "recommend"] {
        let mut spec = persona(&mode.replace('_', "-"), 4, 9);
        spec["scaling"]["mode"] = json!(mode);
        let name = text(&spec["name"]).to_owned();
        api.apply(&spec);
        let plan = plan_with(&api, &name, "mode");
        assert_eq!((&plan["wanted"], total(&api, &name)), (&json!(4), 0), "{plan}");
        let claim = api.post(&format!("/v1/personas/{name}/claims"), &json!({})).json();
        eventually("the claim served", || {
            (api.get(&format!("/v1/claims/{}", text(&claim["id"]))).json()["state"] == "served").then_some(())
        });
        assert_eq!(total(&api, &name), 1, "nothing beyond the claim");
    }
    let told = crate::plugins::events(&api, &["plan_changed", "claim_changed"]);
    assert!(told.contains(r#""subject":"recommend""#), "{told}");
    let announced = told.split("\n\n").filter(|event| event.contains("event: plan_changed"));
    assert!(announced.clone().all(|event| !event.contains("forecast-only")), "{told}");
}
