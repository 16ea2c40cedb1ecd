//! Prints what calls cost: a fresh instance, a held one, and a step of 60 minutes at 15 levels.
//!
//! `FOREWARM_PLUGINS=<folder of built plugins> cargo run -p forewarm-runtime --example measure`

use forewarm_domain::forecast::PLANNING_LEVELS;
use forewarm_domain::series::Series;
use forewarm_domain::time::{MINUTE_MS, ManualClock, TimestampMs};
use forewarm_runtime::{Forecaster, Grant, MemoryState, Plugin, Runtime, RuntimeConfig};
use serde_json::Value;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROUNDS: usize = 300;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder =
        std::env::var("FOREWARM_PLUGINS").map_err(|_| "set FOREWARM_PLUGINS to the folder of built plugins")?;
    let component = std::fs::read(format!("{folder}/forecaster-seasonal.wasm"))?;
    let cache = tempfile::tempdir()?;
    let config = RuntimeConfig { cache_dir: Some(cache.path().to_owned()), ..RuntimeConfig::default() };
    let clock = Arc::new(ManualClock::at(TimestampMs(1_700_000_040_000)));
    let began = Instant::now();
    let runtime = Runtime::new(config, clock, Arc::new(MemoryState::new()))?;
    println!("runtime set up                      {:>10.1?}", began.elapsed());
    for what in ["load, compiling", "load, from the folder"] {
        let began = Instant::now();
        runtime.load(component.clone(), Grant::default()).await?;
        println!("{what:<35} {:>10.1?}", began.elapsed());
    }
    let Plugin::Forecaster(forecaster) = runtime.load(component, Grant::default()).await? else {
        return Err("forecaster-seasonal is no forecaster".into());
    };
    calls(&forecaster).await
}

async fn calls(forecaster: &Forecaster) -> Result<(), Box<dyn Error>> {
    let levels = PLANNING_LEVELS.to_vec();
    let (short, long) = (history(60), history(2_880));
    let start = long.end();

    let mut fresh = Times::default();
    let mut fit = Times::default();
    for _ in 0..ROUNDS {
        fresh.take(forecaster.fit(short.clone(), Value::Null)).await?;
        fit.take(forecaster.fit(long.clone(), Value::Null)).await?;
    }
    fresh.print("fresh instance, fit 60 values");
    fit.print("fresh instance, fit 2,880 values");

    let mut model = forecaster.fit(long, Value::Null).await?;
    let (mut observe, mut step, mut save) = (Times::default(), Times::default(), Times::default());
    for round in 0..ROUNDS {
        observe.take(model.observe(vec![round as f64])).await?;
        step.take(model.step(vec![round as f64], start, MINUTE_MS, 60, levels.clone())).await?;
        save.take(model.save()).await?;
    }
    observe.print("held instance, observe 1 value");
    step.print("held instance, step of 60 x 15");
    save.print("held instance, save");
    Ok(())
}

fn history(minutes: i64) -> Series {
    let value = |minute: i64| 200.0 + 100.0 * (minute as f64 / 1_440.0 * std::f64::consts::TAU).sin();
    Series { start: TimestampMs(1_700_000_040_000), step_ms: MINUTE_MS, values: (0..minutes).map(value).collect() }
}

/// How long calls took, the way to the compute thread and back included.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    async fn take<T, E>(&mut self, call: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let began = Instant::now();
        let answer = call.await;
        self.0.push(began.elapsed());
        answer
    }

    fn print(mut self, what: &str) {
        self.0.sort_unstable();
        let at = |share: usize| self.0[(self.0.len() - 1) * share / 100];
        println!("{what:<35} p50 {:>9.1?}  p99 {:>9.1?}", at(50), at(99));
    }
}
