//! Two kinds of load. Open loop: requests go out by the clock whether earlier ones were answered or not, and each is
//! timed from the instant when it was due, so that a host that stalls cannot hide it. Closed loop: each connection sends
//! the next request when the last is answered, for as long as there are any.

use crate::Result;
use crate::host::Host;
use crate::http::Connection;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// One answered request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timed {
    /// From the instant when it was due, in an open loop; from its sending, in a closed one.
    pub(crate) took: Duration,
    /// The status code.
    pub(crate) status: u16,
    /// Whether the body says that a warm instance was given.
    pub(crate) warm: bool,
}

/// The times of many requests, in order.
pub(crate) struct Spread(Vec<Duration>);

impl Spread {
    /// Of these requests.
    pub(crate) fn of(answers: &[Timed]) -> Self {
        Self::new(answers.iter().map(|answer| answer.took).collect())
    }

    /// Of these times.
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The time that a share of them did not exceed, in milliseconds: 0 when there are none.
    pub(crate) fn at_ms(&self, share: f64) -> f64 {
        let last = self.0.len().saturating_sub(1);
        let index = ((self.0.len() as f64 * share).ceil() as usize).saturating_sub(1).min(last);
        self.0.get(index).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
    }
}

/// Sends `count` requests at `rate` per second over `connections` kept connections; `request` gives the bytes of each.
///
/// # Errors
/// When a connection fails. An answer that tells of a failure is counted, not an error.
pub(crate) fn open_loop<'r>(
    host: &Host,
    connections: usize,
    rate: f64,
    count: usize,
    request: impl Fn(usize) -> &'r [u8] + Sync,
) -> Result<Vec<Timed>> {
    let mut kept = connect(host, connections)?;
    let next = AtomicUsize::new(0);
    // The threads are all up and waiting when the first request is due.
    let begin = Instant::now() + Duration::from_millis(100);
    run(&mut kept, |connection| {
        let mut answers = Vec::with_capacity(count);
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return Ok(answers);
            }
            let due = begin + Duration::from_secs_f64(index as f64 / rate);
            thread::sleep(due.saturating_duration_since(Instant::now()));
            answers.push(timed(connection, request(index), due)?);
        }
    })
}

/// Sends `requests` over `connections` kept connections until `limit` has passed or all are sent; gives the answers and
/// the time from the first to the last.
///
/// # Errors
/// When a connection fails. An answer that tells of a failure is counted, not an error.
pub(crate) fn closed_loop(
    host: &Host,
    connections: usize,
    limit: Duration,
    requests: &[Vec<u8>],
) -> Result<(Vec<Timed>, Duration)> {
    let mut kept = connect(host, connections)?;
    let next = AtomicUsize::new(0);
    let begin = Instant::now();
    let answers = run(&mut kept, |connection| {
        let mut answers = Vec::new();
        while begin.elapsed() < limit {
            let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
            answers.push(timed(connection, request, Instant::now())?);
        }
        Ok(answers)
    })?;
    Ok((answers, begin.elapsed()))
}

fn timed(connection: &mut Connection, request: &[u8], from: Instant) -> Result<Timed> {
    let answer = connection.exchange(request)?;
    let took = from.elapsed();
    let warm = contains(answer.body, br#""warm":true"#);
    Ok(Timed { took, status: answer.status, warm })
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Connections that have carried a request already.
fn connect(host: &Host, count: usize) -> Result<Vec<Connection>> {
    let healthz = host.request("GET", "/healthz", "");
    let connect = |_| {
        let mut connection = host.connect()?;
        connection.exchange(&healthz)?;
        Ok(connection)
    };
    (0..count).map(connect).collect()
}

/// One thread for each connection; the answers of all.
fn run(
    connections: &mut [Connection],
    work: impl Fn(&mut Connection) -> Result<Vec<Timed>> + Sync,
) -> Result<Vec<Timed>> {
    thread::scope(|scope| {
        let work = &work;
        let workers: Vec<_> = connections.iter_mut().map(|connection| scope.spawn(move || work(connection))).collect();
        let mut answers = Vec::new();
        for worker in workers {
            answers.extend(worker.join().map_err(|_| "a thread of the load panicked")??);
        }
        Ok(answers)
    })
}
