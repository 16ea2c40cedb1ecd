//! From a compiled component in the folder to the first answer of the plugin.

use crate::report::{Report, Target};
use crate::sandbox::{Components, Sandbox, history};
use crate::times::Times;
use forewarm_domain::time::MINUTE_MS;
use forewarm_runtime::RuntimeConfig;
use serde_json::Value;

const ROUNDS: usize = 200;

pub(crate) fn measure(components: &Components, report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let cache_dir = Some(folder.path().to_owned());
    let sandbox = Sandbox::start(RuntimeConfig { max_instances: 64, cache_dir, ..RuntimeConfig::default() })?;
    let mut compiling = Times::default();
    compiling.take(|| sandbox.load(&components.seasonal))?;
    let (mut load, mut answer) = (Times::default(), Times::default());
    for _ in 0..ROUNDS {
        answer.take(|| -> anyhow::Result<_> {
            let forecaster = load.take(|| sandbox.load(&components.seasonal))?;
            let history = history(60);
            let start = history.end();
            let step = async {
                let mut model = forecaster.fit(history, Value::Null).await?;
                model.step(vec![], start, MINUTE_MS, 60, vec![0.5]).await
            };
            Ok(sandbox.tokio.block_on(step)?)
        })?;
    }
    let beside = format!(
        "{} until the first forecast; loading alone {}; with compiling {:.0} ms",
        answer.shown(),
        load.shown(),
        compiling.percentile_us(50) / 1_000.0,
    );
    report.figure("cached_start_ms", answer.percentile_us(99) / 1_000.0, "ms", Target::AtMost(5.0), &beside);
    Ok(())
}
