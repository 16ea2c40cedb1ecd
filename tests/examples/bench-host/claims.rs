//! How long a claim takes at 1,000 a second while the host plans for hundreds of other personas every second.

use crate::Result;
use crate::host::{Host, Program};
use crate::http::Connection;
use crate::load::{Spread, Timed, open_loop};
use crate::remote_write;
use crate::report::{Report, Target};
use crate::traffic;
use serde_json::json;
use std::thread;
use std::time::{Duration, Instant};

/// Each claim takes an instance of one of these, and there is one for every claim.
const CLAIMED: usize = 4;
const WARM_EACH: usize = 2_375;
/// Personas that are planned for meanwhile, every second, each with a forecast.
const PLANNED: usize = 300;
const RATE: f64 = 1_000.0;
const CONNECTIONS: usize = 64;
const HISTORY_S: i64 = 1_200;
const FEED_EVERY: Duration = Duration::from_millis(500);
/// How long it may take until all instances are warm.
const PATIENCE: Duration = Duration::from_secs(300);

/// A cloud whose instances boot at once.
const SETTINGS: &str = "
[planning]
step_s = 1
metric_lag_s = 0
assumed_boot_s = 1
[plugins.settings.driver-simulated.parameters]
boot_seconds = 0.05
sigma = 0.0
max_instances = 9900
";

/// First a request that does nothing, then claims, at the same rate over as many connections.
///
/// # Errors
/// When the host fails.
pub(crate) fn measure(program: &Program, report: &mut Report) -> Result<()> {
    let data = program.data_dir()?;
    let host = program.start(data.path(), SETTINGS)?;
    let begin = Instant::now();
    prepare(&host)?;
    let (floor, claims, rounds) = traffic::while_fed(&host, PLANNED, FEED_EVERY, || {
        await_warm(&host)?;
        report.detail("claims_preparation_s", begin.elapsed().as_secs_f64());
        load(&host)
    })?;
    tell(report, &floor, &claims, rounds);
    host.stop()
}

/// Requests that do nothing, claims, and the planning rounds meanwhile.
type Loads = (Vec<Timed>, Vec<Timed>, (f64, f64));

/// Requests that do nothing and claims, and the planning rounds while claims came in: how many, and the mean of their
/// times in milliseconds.
fn load(host: &Host) -> Result<Loads> {
    let healthz = host.request("GET", "/healthz", "");
    let floor = open_loop(host, CONNECTIONS, RATE, 5_000, |_| &healthz)?;
    let claims: Vec<_> =
        (0..CLAIMED).map(|k| host.request("POST", &format!("/v1/personas/pool-{k}/claims"), "{}")).collect();
    let mut connection = host.connect()?;
    let before = planning_rounds(host, &mut connection)?;
    let answers = open_loop(host, CONNECTIONS, RATE, CLAIMED * WARM_EACH, |index| &claims[index % CLAIMED])?;
    let after = planning_rounds(host, &mut connection)?;
    let rounds = after.0 - before.0;
    Ok((floor, answers, (rounds, (after.1 - before.1) * 1_000.0 / rounds.max(1.0))))
}

fn tell(report: &mut Report, floor: &[Timed], claims: &[Timed], (rounds, round_ms): (f64, f64)) {
    let (floor, spread) = (Spread::of(floor), Spread::of(claims));
    let share = |count: usize| count as f64 / claims.len() as f64;
    let errors = share(claims.iter().filter(|claim| !(200..300).contains(&claim.status)).count());
    let warm = share(claims.iter().filter(|claim| claim.status == 201 && claim.warm).count());
    for (key, value) in [
        ("claim_p50_ms", spread.at_ms(0.5)),
        ("claim_p90_ms", spread.at_ms(0.9)),
        ("claim_p999_ms", spread.at_ms(0.999)),
        ("claim_max_ms", spread.at_ms(1.0)),
        ("claim_warm_share", warm),
        ("claim_error_share", errors),
        ("claim_floor_p50_ms", floor.at_ms(0.5)),
        ("claim_floor_p99_ms", floor.at_ms(0.99)),
        ("claim_planning_rounds", rounds),
        ("claim_planning_round_ms", round_ms),
    ] {
        report.detail(key, value);
    }
    let beside = format!(
        "p50 {:.2} ms, {:.1}% warm, {:.1}% errors; `GET /healthz` at the same rate: p50 {:.2} ms, p99 {:.2} ms",
        spread.at_ms(0.5),
        warm * 100.0,
        errors * 100.0,
        floor.at_ms(0.5),
        floor.at_ms(0.99),
    );
    report.figure("claim_p99_ms", spread.at_ms(0.99), "ms", Target::Below(2.0), beside);
}

fn planning_rounds(host: &Host, connection: &mut Connection) -> Result<(f64, f64)> {
    let count = host.metric(connection, "forewarm_plan_round_seconds_count", "")?;
    Ok((count, host.metric(connection, "forewarm_plan_round_seconds_sum", "")?))
}

/// History for the personas that are planned for, then all personas.
fn prepare(host: &Host) -> Result<()> {
    let mut connection = host.connect()?;
    let now = traffic::now_ms()?;
    let seconds: Vec<i64> = (-HISTORY_S..0).map(|second| now + second * 1_000).collect();
    for span in seconds.chunks(30) {
        traffic::send(host, &mut connection, 0..PLANNED, span)?;
    }
    for workload in 0..PLANNED {
        let series = json!({ "resource": remote_write::resource(workload), "metric": "requests" });
        let demand = json!({ "series": series, "capacity_per_instance": 50.0 });
        host.apply(&mut connection, &persona(&format!("planned-{workload}"), &demand, 0, 1))?;
    }
    for pool in 0..CLAIMED {
        let demand = json!({ "series": { "resource": format!("pool-{pool}"), "metric": "requests" }, "capacity_per_instance": 1.0 });
        host.apply(&mut connection, &persona(&format!("pool-{pool}"), &demand, WARM_EACH, WARM_EACH))?;
    }
    Ok(())
}

fn persona(name: &str, demand: &serde_json::Value, min: usize, max: usize) -> serde_json::Value {
    json!({
        "name": name,
        "allocation": { "cpu_millis": 500, "memory_mib": 512 },
        "demand": demand,
        "scaling": { "min": min, "max": max },
    })
}

fn await_warm(host: &Host) -> Result<()> {
    let mut connection = host.connect()?;
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        let warm = host.metric(&mut connection, "forewarm_instances", r#"state="warm""#)?;
        if warm >= (CLAIMED * WARM_EACH) as f64 {
            // Those of the planned personas, and the events and lists of the boots, have a moment to settle.
            thread::sleep(Duration::from_secs(5));
            return Ok(());
        }
        thread::sleep(Duration::from_millis(500));
    }
    Err("the instances did not become warm".into())
}
