//! The step clock: many models take in one value and predict an hour at eleven levels, with the forecaster of the house;
//! in the sandbox, and the same code native.

use crate::report::{Report, Target};
use crate::sandbox::{Components, Sandbox, history, value};
use anyhow::Context;
use forecaster_seasonal::model::Model as Native;
use forecaster_seasonal::parameters::Parameters;
use forewarm_domain::time::{MINUTE_MS, TimestampMs};
use forewarm_runtime::{ComputeThread, Model, Runtime, RuntimeConfig};
use serde_json::Value;
use std::thread;
use std::time::{Duration, Instant};

const THREADS: usize = 2;
const MODELS: usize = 100;
const STEPS: usize = 100;
/// Models that share one trip to a compute thread.
const BATCH: usize = 10;
/// The history that the plugin asks for at most: two weeks.
const HISTORY: usize = 20_160;
/// Steps after which a model with that history is fitted anew.
const REFIT_STEPS: usize = 360;
const HORIZON: u32 = 60;
const LEVELS: [f64; 11] = [0.01, 0.05, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.95, 0.99];

pub(crate) fn measure(components: &Components, report: &mut Report) -> anyhow::Result<()> {
    let config = RuntimeConfig { max_instances: 256, compute_threads: THREADS, ..RuntimeConfig::default() };
    let sandbox = Sandbox::start(config)?;
    let (ours, refits) = sandboxed(&sandbox, &components.seasonal)?;
    let native = native()?;
    let beside = format!(
        "the same code native {:.2} s ({:.2}x); {refits} of the {} calls fit their model anew, as in steady state",
        native.as_secs_f64(),
        ours.as_secs_f64() / native.as_secs_f64(),
        MODELS * STEPS,
    );
    report.figure("step_calls_10k_s", ours.as_secs_f64(), "s", Target::AtMost(1.0), &beside);
    Ok(())
}

/// How many values model `index` has seen since its fit when the measurement begins: refits are spread evenly.
fn offset(index: usize) -> usize {
    index * REFIT_STEPS / MODELS
}

fn sandboxed(sandbox: &Sandbox, component: &[u8]) -> anyhow::Result<(Duration, usize)> {
    let forecaster = sandbox.load(component)?;
    let mut batches = Vec::new();
    for first in (0..MODELS).step_by(BATCH) {
        let forecaster = forecaster.clone();
        batches.push(sandbox.on_compute(move |thread| {
            (first..first + BATCH)
                .map(|index| {
                    let mut model = forecaster.fit_on(thread, history(HISTORY), &Value::Null)?;
                    let before: Vec<f64> = (0..offset(index)).map(|step| value(HISTORY + step)).collect();
                    model.observe_on(thread, &before)?;
                    Ok((index, model))
                })
                .collect::<anyhow::Result<Vec<_>>>()
        })?);
    }
    let refits = (0..MODELS).map(|index| (offset(index) + STEPS) / REFIT_STEPS).sum();
    let began = Instant::now();
    let all: Vec<_> =
        batches.into_iter().map(|batch| sandbox.tokio.spawn(step_batch(sandbox.runtime.clone(), batch))).collect();
    for one in all {
        sandbox.tokio.block_on(one)??;
    }
    Ok((began.elapsed(), refits))
}

/// Each step of a batch is one trip to a compute thread.
async fn step_batch(runtime: Runtime, mut batch: Vec<(usize, Model)>) -> anyhow::Result<()> {
    for step in 0..STEPS {
        batch = runtime.on_compute(move |thread| step_all(thread, batch, step)).await??;
    }
    Ok(())
}

fn step_all(
    thread: &ComputeThread,
    mut batch: Vec<(usize, Model)>,
    step: usize,
) -> anyhow::Result<Vec<(usize, Model)>> {
    for (index, model) in &mut batch {
        let at = HISTORY + offset(*index) + step;
        let start = TimestampMs(crate::sandbox::START.0 + MINUTE_MS * (at as i64 + 1));
        model.step_on(thread, &[value(at)], start, MINUTE_MS, HORIZON, &LEVELS)?;
    }
    Ok(batch)
}

fn native() -> anyhow::Result<Duration> {
    let series = forewarm_sdk::Series { start_ms: 0, step_ms: MINUTE_MS as u32, values: history(HISTORY).values };
    let fit = |index: usize| {
        let mut model = Native::fit(Parameters::default(), series.clone()).ok().context("the native code fits")?;
        model.observe(&(0..offset(index)).map(|step| value(HISTORY + step)).collect::<Vec<_>>());
        Ok((index, model))
    };
    let mut models = (0..MODELS).map(fit).collect::<anyhow::Result<Vec<_>>>()?;
    let began = Instant::now();
    thread::scope(|scope| {
        for part in models.chunks_mut(MODELS / THREADS) {
            scope.spawn(move || {
                for step in 0..STEPS {
                    for (index, model) in &mut *part {
                        model.observe(&[value(HISTORY + offset(*index) + step)]);
                        std::hint::black_box(model.forecast(HORIZON as usize, &LEVELS));
                    }
                }
            });
        }
    });
    Ok(began.elapsed())
}
