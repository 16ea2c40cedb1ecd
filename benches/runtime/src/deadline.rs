//! How soon a guest that spins is ended.

use crate::report::{Report, Target};
use crate::sandbox::{Components, Sandbox, history};
use crate::times::Times;
use anyhow::ensure;
use forewarm_domain::plugin::PluginErrorKind;
use forewarm_runtime::{Limits, RuntimeConfig};
use serde_json::Value;
use std::time::Duration;

pub(crate) const DEADLINE: Duration = Duration::from_millis(50);
const ROUNDS: usize = 300;

pub(crate) fn measure(components: &Components, report: &mut Report) -> anyhow::Result<()> {
    let default_limits = Limits { call: DEADLINE, ..Limits::default() };
    let sandbox = Sandbox::start(RuntimeConfig { max_instances: 64, default_limits, ..RuntimeConfig::default() })?;
    let spinner = sandbox.load(&components.spinner)?;
    let mut times = Times::default();
    for _ in 0..ROUNDS {
        let mut model = sandbox.tokio.block_on(spinner.fit(history(10), Value::Null))?;
        let ended = times.take(|| sandbox.tokio.block_on(model.observe(vec![1.0])));
        ensure!(ended.as_ref().is_err_and(|error| error.kind == PluginErrorKind::Deadline), "{ended:?}");
    }
    let ms = |us: f64| us / 1_000.0;
    let beside = format!(
        "p50 {:.1} ms, most {:.1} ms, deadline 50 ms",
        ms(times.percentile_us(50)),
        ms(times.percentile_us(100))
    );
    report.figure("kill_p99_ms", ms(times.percentile_us(99)), "ms", Target::AtMost(60.0), &beside);
    Ok(())
}
