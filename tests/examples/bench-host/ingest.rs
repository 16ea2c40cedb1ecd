//! How many samples a second a host makes durable, from Prometheus' remote-write.

use crate::Result;
use crate::disk;
use crate::host::{Host, Program};
use crate::load::{Spread, Timed, closed_loop};
use crate::remote_write::{self, Entry};
use crate::report::{Report, Target};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The series in all, half of them in each body.
const SERIES: usize = 2_000;
/// Samples of each series in a body, one scrape after the other.
const SCRAPES: usize = 2;
const BODY_SAMPLES: usize = SERIES / 2 * SCRAPES;
const SCRAPE_MS: i64 = 15_000;
const CONNECTIONS: usize = 4;
/// How long the load lasts, and for how many samples a second there are bodies.
const LAST: Duration = Duration::from_secs(10);
const MOST_PER_S: usize = 1_500_000;

/// Bodies are made beforehand; every 2xx counts with all its samples.
///
/// # Errors
/// When the host fails or refuses a body.
pub(crate) fn measure(program: &Program, report: &mut Report) -> Result<()> {
    let data = program.data_dir()?;
    let syncs = disk::syncs(data.path())?;
    let host = program.start(data.path(), "")?;
    let unmapped = bodies(&host, "http_server_active_requests", Duration::from_secs(3))?;
    let floor = closed_loop(&host, CONNECTIONS, Duration::from_secs(3), &unmapped)?;
    drop(unmapped);
    let requests = bodies(&host, "forewarm_cpu_cores", LAST)?;
    let bytes_per_sample = requests.iter().map(Vec::len).sum::<usize>() as f64 / (requests.len() * BODY_SAMPLES) as f64;
    let before = host.processor_s()?;
    let (answers, took) = closed_loop(&host, CONNECTIONS, LAST, &requests)?;
    let processors = (host.processor_s()? - before) / took.as_secs_f64();
    check(&host, &answers)?;
    let spread = Spread::of(&answers);
    let floor_per_s = per_second(&floor.0, floor.1);
    report.detail("ingest_decode_only_samples_per_s", floor_per_s);
    report.detail("ingest_request_p50_ms", spread.at_ms(0.5));
    report.detail("ingest_request_p99_ms", spread.at_ms(0.99));
    report.detail("ingest_bytes_per_sample", bytes_per_sample);
    report.detail("ingest_host_processors", processors);
    report.detail("disk_sync_p50_ms", syncs.at_ms(0.5));
    report.detail("disk_sync_p99_ms", syncs.at_ms(0.99));
    let beside = format!(
        "the same bodies decoded and not kept: {floor_per_s:.0} samples/s; a request p99 {:.1} ms; one disk sync p50 {:.2} ms",
        spread.at_ms(0.99),
        syncs.at_ms(0.5),
    );
    report.figure("ingest_samples_per_s", per_second(&answers, took), "samples/s", Target::AtLeast(200_000.0), beside);
    host.stop()
}

/// What the host counted is what it acknowledged.
fn check(host: &Host, answers: &[Timed]) -> Result<()> {
    if let Some(refused) = answers.iter().find(|answer| answer.status != 204) {
        return Err(format!("a body was answered with {}", refused.status).into());
    }
    let counted = host.metric(&mut host.connect()?, "forewarm_ingest_samples_total", "accepted")?;
    let sent = (answers.len() * BODY_SAMPLES) as f64;
    if counted < sent { Err(format!("of {sent} samples {counted} were taken in").into()) } else { Ok(()) }
}

fn per_second(answers: &[Timed], took: Duration) -> f64 {
    let acknowledged = answers.iter().filter(|answer| (200..300).contains(&answer.status)).count();
    (acknowledged * BODY_SAMPLES) as f64 / took.as_secs_f64()
}

/// Requests in the order of time that end at the present: more than can be sent in `last`.
fn bodies(host: &Host, metric: &str, last: Duration) -> Result<Vec<Vec<u8>>> {
    let count = MOST_PER_S * usize::try_from(last.as_secs())? / BODY_SAMPLES;
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let span = i64::try_from(count / 2 * SCRAPES)? * SCRAPE_MS;
    let body = |number: usize| {
        let begin = now - span + i64::try_from(number / 2 * SCRAPES)? * SCRAPE_MS;
        let samples = |workload| {
            let times = (0..SCRAPES as i64).map(|scrape| begin + scrape * SCRAPE_MS);
            times.map(|at| (at, remote_write::load(workload, at))).collect()
        };
        let workloads = (number % 2..SERIES).step_by(2);
        let entries: Vec<_> =
            workloads.map(|workload| Entry { metric, workload, samples: samples(workload) }).collect();
        Ok(host.remote_write(&remote_write::encode(&entries)?))
    };
    (0..count).map(body).collect()
}
