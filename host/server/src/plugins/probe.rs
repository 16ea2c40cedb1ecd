//! The probe of a version before it gets calls: one small round of what its kind is for.

use super::version::{Answers, Version};
use forewarm_bus::message::DriverRequest;
use forewarm_domain::forecast::PLANNING_LEVELS;
use forewarm_domain::persona::{Allocation, ExpectedPerformance, SystemSettings};
use forewarm_domain::plugin::{PersonaView, PluginError, PluginErrorKind};
use forewarm_domain::series::Series;
use forewarm_domain::time::{MINUTE_MS, TimestampMs};
use forewarm_runtime::{Forecaster, Plugin};
use serde_json::Value;

/// Values of the probe's history, where the forecaster takes so many.
const HISTORY: u32 = 240;
/// Steps that the probe looks ahead, where the forecaster goes so far.
const HORIZON: u32 = 30;

/// Whether a version can do what its kind is for. What it answers by the contract, such as that it has too little data,
/// is fine; a driver has to give its list and its prices, since the host rests on them.
///
/// # Errors
/// What failed.
pub(super) async fn probe(version: &Version) -> Result<(), PluginError> {
    match (&version.plugin, &version.answers) {
        (Plugin::Forecaster(forecaster), _) => contract(forecast(forecaster).await),
        (Plugin::AnomalyDetector(detector), _) => contract(detector.detect(series(HISTORY), 0.5).await),
        (Plugin::Profiler(profiler), _) => contract(profiler.profile(Vec::new()).await),
        (Plugin::Driver(_), Answers::Driver(driver)) => {
            super::driver::drive(driver, DriverRequest::Describe).await?;
            super::driver::drive(driver, DriverRequest::List).await?;
            contract(super::driver::drive(driver, DriverRequest::Prices(Box::new(persona()))).await)
        }
        (Plugin::Driver(_), _) => Err(version.misplaced()),
    }
}

async fn forecast(forecaster: &Forecaster) -> Result<(), PluginError> {
    let description = forecaster.description();
    let history = series(HISTORY.clamp(description.min_history, description.max_history));
    let (end, step_ms) = (history.end(), history.step_ms);
    let mut model = forecaster.fit(history, Value::Null).await?;
    let horizon = HORIZON.min(description.max_horizon);
    model.step(vec![10.0], end + step_ms, step_ms, horizon, PLANNING_LEVELS.to_vec()).await.map(drop)
}

/// A small thing that any driver could have a price for.
#[expect(clippy::expect_used, reason = "the name is written here")]
fn persona() -> PersonaView {
    PersonaView {
        name: "probe".parse().expect("a persona's name"),
        version: 1,
        allocation: Allocation { cpu_millis: 1_000, memory_mib: 1_024, storage_gib: 10, network_mbps: 0 },
        system: SystemSettings::default(),
        dedicated: false,
        ingress_cidrs: Vec::new(),
        expected: ExpectedPerformance::default(),
        capacity_per_instance: 1.0,
    }
}

/// A load with a wave in it.
fn series(values: u32) -> Series {
    let values = (0..values).map(|step| 10.0 + 5.0 * (f64::from(step) / 24.0).sin()).collect();
    Series { start: TimestampMs(0), step_ms: MINUTE_MS, values }
}

fn contract<T>(answer: Result<T, PluginError>) -> Result<(), PluginError> {
    use PluginErrorKind as Kind;
    match answer {
        Err(error) if !matches!(error.kind, Kind::NotEnoughData | Kind::InvalidInput | Kind::Unsupported) => Err(error),
        _ => Ok(()),
    }
}
