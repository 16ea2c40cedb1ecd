//! A whole round over 10,000 personas: each one's own model in the sandbox takes in a value and forecasts, as many models
//! as in steady state are fitted anew, and every rule competes. Beside it the forecasts alone.

use crate::Result;
use crate::personas::{HORIZON, NOW, PERSONAS, Persona, load, resident_bytes};
use crate::report::{Report, Took, median, processor_s};
use forewarm_domain::forecast::{Fan, PLANNING_LEVELS};
use forewarm_domain::series::Series;
use forewarm_domain::time::{MINUTE_MS, ManualClock};
use forewarm_runtime::{ComputeThread, Forecaster, Grant, MemoryState, Model, Plugin, Runtime, RuntimeConfig};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const PLUGIN: &str = "forecaster-seasonal";
const THREADS: usize = 2;
/// Models that share a trip to a compute thread.
const BATCH: usize = 100;
/// Steps after which a host fits a model anew.
const REFIT_STEPS: usize = 360;
/// Two weeks of minutes, as much as the plugin asks for.
const HISTORY: usize = 20_160;
const ROUNDS: i64 = 3;

pub(crate) fn measure(plugins: &Path, report: &mut Report) -> Result<()> {
    let file = plugins.join(format!("{PLUGIN}.wasm"));
    let component = std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let tokio = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    tokio.block_on(rounds(component, report))
}

async fn rounds(component: Vec<u8>, report: &mut Report) -> Result<()> {
    let config = RuntimeConfig {
        max_instances: (PERSONAS + BATCH) as u32,
        compute_threads: THREADS,
        ..RuntimeConfig::default()
    };
    let runtime = Runtime::new(config, Arc::new(ManualClock::at(NOW)), Arc::new(MemoryState::new()))?;
    let Plugin::Forecaster(forecaster) = runtime.load(component, Grant::default()).await? else {
        return Err(format!("{PLUGIN} is no forecaster").into());
    };
    let before = resident_bytes()?;
    eprintln!("fitting {PERSONAS} models");
    let began = Instant::now();
    let mut batches = fit_all(&runtime, &forecaster).await?;
    report.detail("fit_10k_s", began.elapsed().as_secs_f64());
    report.detail("model_bytes_per_persona", (resident_bytes()? - before) / PERSONAS as f64);
    let mut personas = (0..PERSONAS).map(Persona::new).collect::<Result<Vec<_>>>()?;
    let (mut times, mut forecasts) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (began, processor) = (Instant::now(), processor_s());
        let (held, fans) = forecast_all(&runtime, &forecaster, batches, round).await?;
        batches = held;
        forecasts.push(began.elapsed().as_secs_f64());
        let at = NOW + MINUTE_MS * round;
        personas.iter_mut().zip(fans).for_each(|(persona, fan)| persona.plan(at, Some(fan)));
        times.push(Took { wall_s: began.elapsed().as_secs_f64(), processor_s: processor_s() - processor });
    }
    forecasts.sort_by(f64::total_cmp);
    let took = median(times);
    let refits = PERSONAS.div_ceil(REFIT_STEPS);
    let beside = format!(
        "{PLUGIN} on {THREADS} threads, {refits} models fitted anew a round, {:.2} s of processor time; the forecasts alone {:.2} s",
        took.processor_s, forecasts[1]
    );
    report.figure("plan_10k_with_forecasts_s", took.wall_s, "s", 30.0, &beside);
    report.detail("plan_10k_with_forecasts_processor_s", took.processor_s);
    Ok(())
}

async fn fit_all(runtime: &Runtime, forecaster: &Forecaster) -> Result<Vec<Vec<Model>>> {
    let jobs: Vec<_> = (0..PERSONAS)
        .step_by(BATCH)
        .map(|first| {
            let (runtime, forecaster) = (runtime.clone(), forecaster.clone());
            let fit = move |thread: &ComputeThread| {
                (first..first + BATCH).map(|index| fit(&forecaster, thread, index, 0)).collect::<Result<Vec<_>>>()
            };
            tokio::spawn(async move { runtime.on_compute(fit).await })
        })
        .collect();
    let mut batches = Vec::new();
    for job in jobs {
        batches.push(job.await???);
    }
    Ok(batches)
}

/// Fits a model on the two weeks before minute `seen`, and moves it to a fresh instance as a host does.
fn fit(forecaster: &Forecaster, thread: &ComputeThread, index: usize, seen: i64) -> Result<Model> {
    let first = seen - HISTORY as i64;
    let values = (first..seen).map(|minute| load(index, minute)).collect();
    let history = Series { start: NOW + MINUTE_MS * first, step_ms: MINUTE_MS, values };
    let saved = forecaster.fit_on(thread, history, &Value::Null)?.save_on(thread)?;
    Ok(forecaster.restore_on(thread, &saved, &Value::Null)?)
}

async fn forecast_all(
    runtime: &Runtime,
    forecaster: &Forecaster,
    batches: Vec<Vec<Model>>,
    round: i64,
) -> Result<(Vec<Vec<Model>>, Vec<Fan>)> {
    let jobs: Vec<_> = batches
        .into_iter()
        .enumerate()
        .map(|(batch, mut models)| {
            let (runtime, forecaster) = (runtime.clone(), forecaster.clone());
            let work = move |thread: &ComputeThread| {
                let fans = models.iter_mut().enumerate().map(|(place, model)| {
                    let index = batch * BATCH + place;
                    // The models that are due in this round.
                    if (index + round as usize).is_multiple_of(REFIT_STEPS) {
                        *model = fit(&forecaster, thread, index, round)?;
                    }
                    let start = NOW + MINUTE_MS * (round + 1);
                    let seen = [load(index, round)];
                    Ok(model.step_on(thread, &seen, start, MINUTE_MS, HORIZON as u32, &PLANNING_LEVELS)?)
                });
                let fans = fans.collect::<Result<Vec<_>>>()?;
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>((models, fans))
            };
            tokio::spawn(async move { runtime.on_compute(work).await })
        })
        .collect();
    let (mut held, mut all) = (Vec::new(), Vec::new());
    for job in jobs {
        let (models, fans) = job.await???;
        held.push(models);
        all.extend(fans);
    }
    Ok((held, all))
}
