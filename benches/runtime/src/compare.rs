//! One typed call, 2,000 numbers in and 864 out, held and fresh: ours, raw wasmtime's and Extism's, in turns on one thread.

use crate::peer::{Peer, predict};
use crate::raw::{Raw, forewarm::plugin::types};
use crate::report::{Report, Target};
use crate::sandbox::{Components, START, Sandbox, history};
use crate::times::Times;
use anyhow::ensure;
use bench_work::{HORIZON, LEVELS, VALUES};
use forewarm_domain::time::MINUTE_MS;
use forewarm_runtime::{ComputeThread, Forecaster, RuntimeConfig};
use serde_json::Value;

const WARM_UP: usize = 500;
const ROUNDS: usize = 5_000;

/// What the three hosts took.
#[derive(Default)]
struct Three {
    ours: Times,
    raw: Times,
    extism: Times,
}

pub(crate) fn measure(components: &Components, report: &mut Report) -> anyhow::Result<()> {
    let sandbox = Sandbox::start(RuntimeConfig { max_instances: 64, ..RuntimeConfig::default() })?;
    let ours = sandbox.load(&components.work)?;
    let raw = Raw::compile(&components.work)?;
    let peer = Peer::compile(&components.extism)?;
    let (mut held, mut fresh) = sandbox.on_compute(move |thread| {
        agree(thread, &ours, &raw, &peer)?;
        Ok((held(thread, &ours, &raw, &peer)?, fresh(thread, &ours, &raw, &peer)?))
    })?;
    let (held_ratio, fresh_ratio) = (over_raw(&mut held), over_raw(&mut fresh));
    let beside = format!(
        "held {held_ratio:.2} (ours {}; raw {}), fresh {fresh_ratio:.2} (ours {}; raw {})",
        held.ours.shown(),
        held.raw.shown(),
        fresh.ours.shown(),
        fresh.raw.shown(),
    );
    report.figure("call_ratio_wasmtime", held_ratio.max(fresh_ratio), "", Target::AtMost(1.25), &beside);
    for (key, times) in [("fresh_ratio_extism", &mut fresh), ("held_ratio_extism", &mut held)] {
        let ratio = times.extism.percentile_us(50) / times.ours.percentile_us(50);
        let beside = format!("ours {}; Extism {}", times.ours.shown(), times.extism.shown());
        report.figure(key, ratio, "", Target::AtLeast(4.0), &beside);
    }
    Ok(())
}

fn over_raw(times: &mut Three) -> f64 {
    times.ours.percentile_us(50) / times.raw.percentile_us(50)
}

fn raw_series() -> types::Series {
    types::Series { start_ms: START.0, step_ms: MINUTE_MS as u32, values: history(VALUES).values }
}

fn bytes(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// All three have to answer the same, or they would not be comparable.
fn agree(thread: &ComputeThread, ours: &Forecaster, raw: &Raw, peer: &Peer) -> anyhow::Result<()> {
    let mut model = ours.fit_on(thread, history(VALUES), &Value::Null)?;
    let fan = model.step_on(thread, &[], START, MINUTE_MS, HORIZON as u32, &LEVELS)?;
    let paths = raw.fit(&raw_series())?.step(&[])?;
    let answer = predict(&mut peer.instance()?, &bytes(&history(VALUES).values))?;
    let (numbers, _) = answer.as_chunks::<8>();
    for (index, number) in numbers.iter().enumerate() {
        let (level, step) = (index / HORIZON, index % HORIZON);
        let all = (fan.at(step)[level], paths[level].values[step], f64::from_le_bytes(*number));
        ensure!(all.0 == all.1 && all.1 == all.2, "level {level}, step {step}: {all:?}");
    }
    Ok(())
}

fn held(thread: &ComputeThread, ours: &Forecaster, raw: &Raw, peer: &Peer) -> anyhow::Result<Three> {
    let values = history(VALUES).values;
    let bytes = bytes(&values);
    let mut model = ours.fit_on(thread, history(VALUES), &Value::Null)?;
    let (mut raw, mut peer) = (raw.fit(&raw_series())?, peer.instance()?);
    rounds(|times| {
        times.ours.take(|| model.step_on(thread, &values, START, MINUTE_MS, HORIZON as u32, &LEVELS))?;
        times.raw.take(|| raw.step(&values))?;
        times.extism.take(|| predict(&mut peer, &bytes))?;
        Ok(())
    })
}

/// A fresh store and instance for each call, and its end.
fn fresh(thread: &ComputeThread, ours: &Forecaster, raw: &Raw, peer: &Peer) -> anyhow::Result<Three> {
    let series = raw_series();
    let bytes = bytes(&series.values);
    rounds(|times| {
        let history = history(VALUES);
        times.ours.take(|| {
            let mut model = ours.fit_on(thread, history, &Value::Null)?;
            model.step_on(thread, &[], START, MINUTE_MS, HORIZON as u32, &LEVELS)
        })?;
        times.raw.take(|| raw.fit(&series)?.step(&[]))?;
        times.extism.take(|| predict(&mut peer.instance()?, &bytes))?;
        Ok(())
    })
}

fn rounds(mut round: impl FnMut(&mut Three) -> anyhow::Result<()>) -> anyhow::Result<Three> {
    let mut times = Three::default();
    (0..WARM_UP).try_for_each(|_| round(&mut times))?;
    times = Three::default();
    (0..ROUNDS).try_for_each(|_| round(&mut times))?;
    Ok(times)
}
