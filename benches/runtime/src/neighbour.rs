//! What a hostile plugin does to another one's calls: it spins until its deadline, again and again, on one of two threads.

use crate::deadline::DEADLINE;
use crate::report::{Report, Target};
use crate::sandbox::{Components, START, Sandbox, history};
use crate::times::Times;
use anyhow::ensure;
use forewarm_domain::time::MINUTE_MS;
use forewarm_runtime::{Forecaster, Limits, Model, RuntimeConfig};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const PHASE: Duration = Duration::from_secs(2);
const PHASES: usize = 4;
/// Time between two calls of the one that is measured.
const PAUSE: Duration = Duration::from_millis(1);

pub(crate) fn measure(components: &Components, report: &mut Report) -> anyhow::Result<()> {
    let default_limits = Limits { call: DEADLINE, ..Limits::default() };
    let config = RuntimeConfig { max_instances: 64, compute_threads: 2, default_limits, ..RuntimeConfig::default() };
    let sandbox = Sandbox::start(config)?;
    let (good, hostile) = (sandbox.load(&components.seasonal)?, sandbox.load(&components.spinner)?);
    let mut model = sandbox.tokio.block_on(good.fit(history(2_000), Value::Null))?;
    let (mut alone, mut beside_it, mut kills) = (Times::default(), Times::default(), 0);
    for _ in 0..PHASES {
        phase(&sandbox, &mut model, &mut alone)?;
        let stop = Arc::new(AtomicBool::new(false));
        let spinning = sandbox.tokio.spawn(spin(hostile.clone(), Arc::clone(&stop)));
        phase(&sandbox, &mut model, &mut beside_it)?;
        stop.store(true, Ordering::Relaxed);
        kills += sandbox.tokio.block_on(spinning)??;
    }
    ensure!(kills > 0, "the neighbour never spun");
    let ratio = beside_it.percentile_us(99) / alone.percentile_us(99);
    let shown = format!("alone {}; beside it {}; it was ended {kills} times", alone.shown(), beside_it.shown());
    report.figure("neighbour_p99_ratio", ratio, "", Target::AtMost(2.0), &shown);
    Ok(())
}

fn phase(sandbox: &Sandbox, model: &mut Model, times: &mut Times) -> anyhow::Result<()> {
    let began = Instant::now();
    sandbox.tokio.block_on(async {
        while began.elapsed() < PHASE {
            tokio::time::sleep(PAUSE).await;
            let called = Instant::now();
            model.step(vec![], START, MINUTE_MS, 60, vec![0.1, 0.5, 0.9]).await?;
            times.add(called.elapsed());
        }
        Ok(())
    })
}

/// Ends up at its deadline every time; a new instance follows at once.
async fn spin(hostile: Forecaster, stop: Arc<AtomicBool>) -> anyhow::Result<usize> {
    let mut kills = 0;
    while !stop.load(Ordering::Relaxed) {
        let mut model = hostile.fit(history(10), Value::Null).await?;
        ensure!(model.observe(vec![1.0]).await.is_err(), "it answered");
        kills += 1;
    }
    Ok(kills)
}
