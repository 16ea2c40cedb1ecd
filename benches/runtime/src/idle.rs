//! How many idle instances fit in memory: models that are held with a history of 2,000 values.

use crate::report::{Report, Target};
use crate::sandbox::{Components, Sandbox, history};
use anyhow::Context;
use bench_work::VALUES;
use forewarm_runtime::{Model, RuntimeConfig};
use serde_json::Value;

/// More than the usual `vm.max_map_count` allows.
const INSTANCES: u32 = 12_000;
const SEASONAL: usize = 300;
const GIB: f64 = (1_u64 << 30) as f64;

pub(crate) fn measure(components: &Components, report: &mut Report) -> anyhow::Result<()> {
    let sandbox = Sandbox::start(RuntimeConfig { max_instances: INSTANCES, ..RuntimeConfig::default() })?;
    let (plain, held, end) = hold(&sandbox, &components.work, INSTANCES as usize)?;
    let (seasonal, ..) = hold(&sandbox, &components.seasonal, SEASONAL)?;
    let beside = format!(
        "{:.0} KiB each; {held} were held at a time, then: {end}; with forecaster-seasonal's model {seasonal:.0}",
        GIB / plain / 1_024.0
    );
    report.figure("idle_instances_per_gib", plain, "", Target::Open, &beside);
    Ok(())
}

/// Instances per GiB, how many there were, and why there were no more.
fn hold(sandbox: &Sandbox, component: &[u8], most: usize) -> anyhow::Result<(f64, usize, String)> {
    let forecaster = sandbox.load(component)?;
    sandbox.on_compute(move |thread| {
        // The first ones make what all share.
        let mut models: Vec<Model> = Vec::new();
        let fit = || forecaster.fit_on(thread, history(VALUES), &Value::Null);
        for _ in 0..10 {
            models.push(fit()?);
        }
        let before = resident_bytes()?;
        let mut end = "enough".to_owned();
        let first = models.len();
        while models.len() < most {
            match fit() {
                Ok(model) => models.push(model),
                Err(error) => {
                    end = error.message.chars().take(120).collect();
                    break;
                }
            }
        }
        let each = (resident_bytes()? - before) / (models.len() - first) as f64;
        Ok((GIB / each, models.len(), end))
    })
}

fn resident_bytes() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the kernel tells VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1_024.0)
}
