//! The load that personas' workloads are said to have, sent as Prometheus would: a past all at once, a present as it
//! goes by.

use crate::Result;
use crate::host::Host;
use crate::http::Connection;
use crate::remote_write::{self, Entry};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970.
///
/// # Errors
/// When the clock stands before that.
pub(crate) fn now_ms() -> Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)
}

/// Sends the loads of some workloads at some times, as one request.
///
/// # Errors
/// When the host refuses them.
pub(crate) fn send(host: &Host, connection: &mut Connection, workloads: Range<usize>, times: &[i64]) -> Result<()> {
    let samples = |workload| times.iter().map(|&at| (at, remote_write::load(workload, at))).collect();
    let entry = |workload| Entry { metric: "forewarm_requests", workload, samples: samples(workload) };
    let body = remote_write::encode(&workloads.map(entry).collect::<Vec<_>>())?;
    let answer = connection.exchange(&host.remote_write(&body))?;
    match answer.status {
        204 => Ok(()),
        _ => Err(format!("samples were refused: {}", String::from_utf8_lossy(answer.body)).into()),
    }
}

/// Runs `work` while the present loads of the first `workloads` are sent `every` so often.
///
/// # Errors
/// Those of `work`, or when the host refuses the loads.
pub(crate) fn while_fed<T>(
    host: &Host,
    workloads: usize,
    every: Duration,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let feeder = scope.spawn(|| feed(host, workloads, every, &done));
        let outcome = work();
        done.store(true, Ordering::Relaxed);
        feeder.join().map_err(|_| "the feeding thread panicked")??;
        outcome
    })
}

fn feed(host: &Host, workloads: usize, every: Duration, done: &AtomicBool) -> Result<()> {
    let mut connection = host.connect()?;
    let mut next = Instant::now();
    while !done.load(Ordering::Relaxed) {
        if Instant::now() >= next {
            send(host, &mut connection, 0..workloads, &[now_ms()?])?;
            next += every;
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
