//! Calls to one detector: an instance is borrowed for each, and what it learned goes back to the caller.

use forewarm_bus::message::{JudgeCall, Judged};
use forewarm_domain::plugin::PluginError;
use forewarm_domain::series::Series;
use forewarm_runtime::AnomalyDetector;

/// Values that a stream takes at a time.
const VALUES_AT_A_TIME: usize = 100_000;

pub(super) async fn judge(detector: &AnomalyDetector, call: JudgeCall) -> Result<Judged, PluginError> {
    let Series { start, step_ms, values } = call.values;
    let mut stream = match call.learned {
        Some(learned) => detector.restore(learned.into()).await?,
        None => detector.start(Series { start, step_ms, values: Vec::new() }, call.sensitivity).await?,
    };
    let mut verdicts = Vec::with_capacity(values.len());
    for values in values.chunks(VALUES_AT_A_TIME) {
        verdicts.extend(stream.push(values.to_vec()).await?);
    }
    Ok(Judged { verdicts, learned: stream.save().await?.into() })
}
