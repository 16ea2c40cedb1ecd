//! How long one planning round over 1,000 personas takes: analysis in the sandbox, decision, record.

use crate::Result;
use crate::host::{Host, Program};
use crate::remote_write;
use crate::report::{Report, Target};
use crate::traffic;
use serde_json::json;
use std::thread;
use std::time::{Duration, Instant};

const PERSONAS: usize = 1_000;
const MINUTE_MS: i64 = 60_000;
/// Minutes of history: enough for a season of a day.
const HISTORY: i64 = 3 * 1_440;
/// Minutes of history in one body, of so many series.
const BODY_MINUTES: usize = 480;
const BODY_SERIES: usize = 50;
/// Rounds with models held that are measured.
const ROUNDS: usize = 3;
const FEED_EVERY: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(600);

/// Rounds of a minute, as by default, that begin soon after the minute's end.
const SETTINGS: &str = "
[planning]
metric_lag_s = 5
";

/// Fills in history, applies the personas, and starts the host again: its first round fits all models, the next ones
/// hold them.
///
/// # Errors
/// When the host fails.
pub(crate) fn measure(program: &Program, report: &mut Report) -> Result<()> {
    let data = program.data_dir()?;
    let host = program.start(data.path(), SETTINGS)?;
    prepare(&host)?;
    host.stop()?;
    let host = program.start(data.path(), SETTINGS)?;
    let rounds = traffic::while_fed(&host, PERSONAS, FEED_EVERY, || watch(&host))?;
    let resident = host.resident_mib()?;
    let forecasts = forecasts(&host)?;
    let [first, held @ ..] = rounds.as_slice() else { return Err("no round was measured".into()) };
    let mut sorted = held.to_vec();
    sorted.sort_by(f64::total_cmp);
    report.detail("cycle_1000_first_ms", *first);
    report.detail("cycle_1000_worst_ms", sorted[sorted.len() - 1]);
    report.detail("cycle_1000_rss_mib", resident);
    report.detail("cycle_1000_start_ms", host.ready_after.as_secs_f64() * 1_000.0);
    report.detail("cycle_1000_forecasts_missing", forecasts.1);
    let beside = format!(
        "first round, which fits all models: {first:.0} ms; forecasts made {:.0}, missing {:.0}; memory {resident:.0} MiB",
        forecasts.0, forecasts.1,
    );
    report.figure("cycle_1000_ms", sorted[sorted.len() / 2], "ms", Target::Below(1_000.0), beside);
    host.stop()
}

/// The times of the first round and of those after it, in milliseconds.
fn watch(host: &Host) -> Result<Vec<f64>> {
    let mut connection = host.connect()?;
    let mut rounds: Vec<f64> = Vec::new();
    let begin = Instant::now();
    while rounds.len() <= ROUNDS {
        if begin.elapsed() > PATIENCE {
            return Err("the planning rounds did not end in time".into());
        }
        let count = host.metric(&mut connection, "forewarm_plan_round_seconds_count", "")? as usize;
        if count > rounds.len() {
            let all_ms = host.metric(&mut connection, "forewarm_plan_round_seconds_sum", "")? * 1_000.0;
            rounds.push(all_ms - rounds.iter().sum::<f64>());
        }
        thread::sleep(Duration::from_millis(250));
    }
    Ok(rounds)
}

fn forecasts(host: &Host) -> Result<(f64, f64)> {
    let mut connection = host.connect()?;
    let name = "forewarm_forecast_seconds_count";
    let made = host.metric(&mut connection, name, r#"result="made""#)?;
    Ok((made, host.metric(&mut connection, name, r#"result="missing""#)?))
}

fn prepare(host: &Host) -> Result<()> {
    let mut connection = host.connect()?;
    let now = traffic::now_ms()?;
    let minutes: Vec<i64> = (-HISTORY..0).map(|minute| now + minute * MINUTE_MS).collect();
    for span in minutes.chunks(BODY_MINUTES) {
        for begin in (0..PERSONAS).step_by(BODY_SERIES) {
            traffic::send(host, &mut connection, begin..begin + BODY_SERIES, span)?;
        }
    }
    for workload in 0..PERSONAS {
        host.apply(&mut connection, &persona(workload))?;
    }
    Ok(())
}

fn persona(workload: usize) -> serde_json::Value {
    json!({
        "name": format!("web-{workload}"),
        "allocation": { "cpu_millis": 500, "memory_mib": 512 },
        "demand": {
            "series": { "resource": remote_write::resource(workload), "metric": "requests" },
            "capacity_per_instance": 20.0,
        },
        "scaling": { "min": 0, "max": 9 },
    })
}
