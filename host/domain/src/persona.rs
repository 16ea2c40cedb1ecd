//! The persona: a template of a resource, what it is expected to do, and how much of it may be kept ready.

mod budget;
mod ledger;
mod lending;
mod placement;
mod schedule;
mod shell_class;

use crate::id::{PersonaName, PluginName};
use crate::series::SeriesKey;
use crate::time::TimestampMs;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

pub use budget::{Budget, Period};
pub use ledger::Ledger;
pub use lending::LendingPolicy;
pub use placement::Placement;
pub use schedule::{Day, InvalidWhen, Schedule, TimeOfDay, Weekday, Window, Zone};
pub use shell_class::ShellClass;

/// What an operator writes, a profiler drafts, or history refines. Applying it makes a new version in the catalog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonaSpec {
    /// Unique in the installation: 1 to 63 lower-case letters, digits and hyphens.
    #[schema(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    pub name: PersonaName,
    /// What it is for, in a sentence.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub description: String,
    /// What one instance is made of.
    pub allocation: Allocation,
    /// Image, operating-system settings and software of an instance.
    #[serde(default)]
    pub system: SystemSettings,
    /// Who may share it and reach it.
    #[serde(default)]
    pub security: SecurityPolicy,
    /// How one instance is expected to do.
    #[serde(default)]
    pub expected: ExpectedPerformance,
    /// The load that decides how many instances are needed.
    pub demand: Demand,
    /// How many may be kept, and by which rule.
    #[serde(default)]
    pub scaling: Scaling,
    /// Other bounds at certain hours of certain days. Of several in force, the highest minimum and the lowest maximum count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 50)]
    pub schedules: Vec<Schedule>,
    /// Other places or sizes that serve as well, such as another zone: instances are held in the cheapest that has room. The
    /// persona as it stands is always one of the choices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 16)]
    pub placements: Vec<Placement>,
    /// Which plugins serve it.
    #[serde(default)]
    pub plugins: PersonaPlugins,
    /// How claims on it behave.
    #[serde(default)]
    pub claims: ClaimPolicy,
    /// What of it may be leased to others on the capacity market; nothing unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lending: Option<LendingPolicy>,
}

/// What one instance is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Allocation {
    /// Thousandths of a core.
    #[schema(minimum = 1, maximum = 1_024_000)]
    pub cpu_millis: u32,
    /// Memory in MiB.
    #[schema(minimum = 1, maximum = 33_554_432)]
    pub memory_mib: u32,
    /// Storage in GiB.
    #[serde(default)]
    #[schema(maximum = 1_048_576)]
    pub storage_gib: u32,
    /// Network bandwidth in Mbit/s; 0 leaves it to the driver.
    #[serde(default)]
    #[schema(maximum = 1_000_000)]
    pub network_mbps: u32,
}

/// Image, operating-system settings and software of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SystemSettings {
    /// The driver's name of the base image; empty leaves it to the driver.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub image: String,
    /// Kernel and operating-system settings, such as `vm.swappiness`.
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub settings: BTreeMap<String, String>,
    /// Packages or layers that are installed before an instance counts as warm.
    #[serde(default)]
    #[schema(max_items = 200)]
    pub software: Vec<String>,
}

/// Who may share an instance and reach it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecurityPolicy {
    /// Whether an instance may be put beside others on one host.
    #[serde(default)]
    pub isolation: Isolation,
    /// Networks in CIDR notation that may open connections to an instance; none by default.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub ingress_cidrs: Vec<String>,
}

/// Whether an instance may be put beside others on one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// A host of its own.
    Dedicated,
    /// Beside others, isolated by the driver.
    #[default]
    Shared,
}

/// How one instance is expected to do; what is absent is not promised.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectedPerformance {
    /// 95th percentile of the response time in milliseconds.
    #[serde(default)]
    #[schema(exclusive_minimum = 0.0)]
    pub latency_p95_ms: Option<f64>,
    /// Requests per second at the objective.
    #[serde(default)]
    #[schema(exclusive_minimum = 0.0)]
    pub throughput_per_s: Option<f64>,
    /// Share of the allocated processor in use, 0 to 1.
    #[serde(default)]
    #[schema(minimum = 0.0, maximum = 1.0)]
    pub utilisation: Option<f64>,
}

/// The load that decides how many instances are needed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Demand {
    /// The series that measures the load.
    pub series: SeriesKey,
    /// The load that one instance serves at its objective, in the series' unit: needed = ceil(load / this).
    #[schema(exclusive_minimum = 0.0)]
    pub capacity_per_instance: f64,
}

/// How many instances may be kept, and by which rule.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Scaling {
    /// Never fewer than this, claimed ones included.
    #[schema(maximum = 1_000_000)]
    pub min: u32,
    /// Never more than this, claimed ones included.
    #[schema(maximum = 1_000_000)]
    pub max: u32,
    /// c / (c + h): how much a missing instance-minute (c) weighs against an idle one (h). 0.95 means 19 to 1.
    #[schema(minimum = 0.5, maximum = 0.9999)]
    pub critical_ratio: f64,
    /// By which rule the wanted number is found.
    pub policy: Policy,
    /// What becomes of a plan.
    pub mode: Mode,
    /// The most instances that a plan launches in one step; a claim that waits is served beyond it.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub max_launches_per_step: Option<u32>,
    /// The most instances that a plan lets go in one step.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub max_releases_per_step: Option<u32>,
    /// The most idle instances that are being moved to a cheaper placement at a time; 0 moves none.
    #[schema(maximum = 1_000)]
    pub max_moves: u32,
    /// What its instances may cost; without one, what they cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
}

impl Default for Scaling {
    fn default() -> Self {
        Self {
            min: 0,
            max: 1_000,
            critical_ratio: 0.95,
            policy: Policy::Compete,
            mode: Mode::Apply,
            max_launches_per_step: None,
            max_releases_per_step: None,
            max_moves: 1,
            budget: None,
        }
    }
}

/// What becomes of a persona's plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing is launched ahead or let go, and plans are not announced: forecasts and their scores alone are looked at.
    ForecastOnly,
    /// Plans are announced, for others to carry out: nothing is launched ahead or let go.
    Recommend,
    /// Plans are carried out.
    #[default]
    Apply,
}

impl Mode {
    /// The mode's name, as in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ForecastOnly => "forecast_only",
            Self::Recommend => "recommend",
            Self::Apply => "apply",
        }
    }
}

/// A rule that names the wanted number of instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// All of the rules below in shadow; the one whose operating cost was least of late decides.
    Compete,
    /// Least expected cost per level over the forecast's horizon; reactive where no forecast can be had.
    LevelProgramme,
    /// From the last measured load alone, with tolerance and stabilisation (the HPA rule).
    Reactive,
    /// The highest demand of the last minutes is kept.
    KeepAlive,
    /// The mean of the same hour on the last 14 days, or the reactive rule where that wants more.
    Hourly,
    /// For sparse demand: released when idle, warmed again before use is likely.
    HybridHistogram,
    /// The minimum and the schedules alone.
    ScheduleOnly,
}

impl Policy {
    /// The rule's name, as in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compete => "compete",
            Self::LevelProgramme => "level_programme",
            Self::Reactive => "reactive",
            Self::KeepAlive => "keep_alive",
            Self::Hourly => "hourly",
            Self::HybridHistogram => "hybrid_histogram",
            Self::ScheduleOnly => "schedule_only",
        }
    }
}

/// Which plugins serve a persona.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonaPlugins {
    /// Forecasts its demand.
    #[serde(default = "default_forecaster")]
    pub forecaster: PluginName,
    /// Parameters for the forecaster, checked against its manifest's schema.
    #[serde(default = "empty_object")]
    pub forecaster_parameters: serde_json::Value,
    /// Forecast in its place, the first that can, while the forecaster fails; with their own parameters' defaults. When
    /// none can, the plan follows the last load.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 8)]
    pub fallback_forecasters: Vec<PluginName>,
    /// Watches its load for what does not belong, which is told and kept from the forecaster's fits; `null` is nobody.
    #[serde(default = "default_detector")]
    pub anomaly_detector: Option<PluginName>,
    /// Creates and destroys its instances.
    #[serde(default = "default_driver")]
    pub driver: PluginName,
}

impl Default for PersonaPlugins {
    fn default() -> Self {
        Self {
            forecaster: default_forecaster(),
            forecaster_parameters: empty_object(),
            fallback_forecasters: Vec::new(),
            anomaly_detector: default_detector(),
            driver: default_driver(),
        }
    }
}

#[expect(clippy::expect_used, reason = "a literal that the tests below parse")]
fn default_forecaster() -> PluginName {
    "forecaster-seasonal".parse().expect("a valid name")
}

#[expect(clippy::expect_used, reason = "a literal that the tests below parse")]
fn default_detector() -> Option<PluginName> {
    Some("anomaly-robust".parse().expect("a valid name"))
}

#[expect(clippy::expect_used, reason = "a literal that the tests below parse")]
fn default_driver() -> PluginName {
    "driver-simulated".parse().expect("a valid name")
}

fn empty_object() -> serde_json::Value {
    serde_json::Value::Object(serde_json::Map::new())
}

/// How claims on a persona behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClaimPolicy {
    /// A claim that still waits after this many seconds has failed.
    #[schema(minimum = 1, maximum = 86_400)]
    pub max_wait_s: u32,
    /// A claim ends by itself after this many seconds unless it is renewed or released; 0 means never.
    #[schema(maximum = 31_536_000)]
    pub lifetime_s: u32,
    /// Claims that may wait at a time; one more is refused.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub max_waiting: u32,
}

impl Default for ClaimPolicy {
    fn default() -> Self {
        Self { max_wait_s: 900, lifetime_s: 0, max_waiting: 10_000 }
    }
}

/// One version of a persona in the catalog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Persona {
    /// 1, 2, 3 ... in the order of applying.
    pub version: u32,
    /// When this version was applied.
    pub applied_at: TimestampMs,
    /// Who applied it: the token's name, or the plugin that refined it.
    pub applied_by: String,
    /// What it says.
    pub spec: PersonaSpec,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_spec_is_filled_with_defaults() {
        let spec: PersonaSpec = serde_json::from_str(
            r#"{"name":"web","allocation":{"cpu_millis":500,"memory_mib":512},
                "demand":{"series":{"resource":"web","metric":"requests"},"capacity_per_instance":10.0}}"#,
        )
        .expect("valid");
        assert_eq!(spec.scaling, Scaling::default());
        assert_eq!(spec.plugins.forecaster.as_str(), "forecaster-seasonal");
        assert_eq!(spec.plugins.driver.as_str(), "driver-simulated");
    }

    #[test]
    fn unknown_fields_are_refused() {
        let error = serde_json::from_str::<Scaling>(r#"{"minimum":1}"#).expect_err("unknown");
        assert!(error.to_string().contains("unknown field `minimum`"), "{error}");
    }
}
