//! What is watched while a hostile guest is at work: a neighbour's calls, a timer that stands for the host's own requests,
//! and the memory of the process.

use crate::support::{STEP_MS, forecaster, history, load_into, tight};
use forewarm_domain::time::TimestampMs;
use forewarm_runtime::{Limits, Runtime};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// The longest that a neighbour's call or the timer may take on a machine that builds and tests at the same time.
const PATIENCE: Duration = Duration::from_secs(5);
/// What the process may have more of afterwards, in bytes: allocators and the pool keep some.
const KEPT_BYTES: u64 = 64 << 20;

/// The watch. It has to be ended with [`Watch::end`].
pub(crate) struct Watch {
    over: Arc<AtomicBool>,
    neighbour: JoinHandle<(u32, Duration)>,
    timer: JoinHandle<Duration>,
    resident: u64,
}

impl Watch {
    pub(crate) async fn begin(runtime: &Runtime) -> Self {
        let patient = Limits { call: PATIENCE * 2, ..tight() };
        let (_, neighbour) = load_into(runtime, forecaster("", ""), patient).await;
        let mut model = neighbour.fit(history(&[1.0]), Value::Null).await.expect("fits");
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&over);
        let neighbour = tokio::spawn(async move {
            let (mut calls, mut longest) = (0, Duration::ZERO);
            while !seen.load(Ordering::SeqCst) {
                let began = Instant::now();
                model.step(vec![2.0], TimestampMs(0), STEP_MS, 3, vec![0.5]).await.expect("a neighbour is served");
                (calls, longest) = (calls + 1, longest.max(began.elapsed()));
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            (calls, longest)
        });
        let seen = Arc::clone(&over);
        let timer = tokio::spawn(async move {
            let mut longest = Duration::ZERO;
            while !seen.load(Ordering::SeqCst) {
                let began = Instant::now();
                tokio::time::sleep(Duration::from_millis(1)).await;
                longest = longest.max(began.elapsed());
            }
            longest
        });
        Self { over, neighbour, timer, resident: resident() }
    }

    /// Everything went on meanwhile, and the memory is back.
    pub(crate) async fn end(self) {
        self.over.store(true, Ordering::SeqCst);
        let (calls, longest) = self.neighbour.await.expect("a neighbour is served");
        assert!(calls > 0 && longest < PATIENCE, "a neighbour's {calls} calls took up to {longest:?}");
        let late = self.timer.await.expect("a timer");
        assert!(late < PATIENCE, "a timer of 1 ms took {late:?}");
        let more = resident().saturating_sub(self.resident);
        assert!(more < KEPT_BYTES, "{} MiB are not given back", more >> 20);
    }
}

/// The resident memory of this process, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}
