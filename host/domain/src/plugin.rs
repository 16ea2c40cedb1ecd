//! What the host and its plugins say to each other, as plain data: the same words as the WIT package, independent of its
//! version. The runtime translates, the bus carries.

use crate::id::{InstanceId, PersonaName, PluginName, ResourceName};
use crate::instance::Tier;
use crate::persona::{Allocation, ExpectedPerformance, SystemSettings};
use crate::series::{Metric, Series};
use crate::time::TimestampMs;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// What a plugin is for; each kind has a WIT world of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PluginKind {
    /// Predicts series.
    Forecaster,
    /// Finds values that do not belong.
    AnomalyDetector,
    /// Reads personas off usage.
    Profiler,
    /// Runs instances in some cloud.
    Driver,
}

impl PluginKind {
    /// The kind's name, as in manifests and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forecaster => "forecaster",
            Self::AnomalyDetector => "anomaly-detector",
            Self::Profiler => "profiler",
            Self::Driver => "driver",
        }
    }
}

impl fmt::Display for PluginKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a call to a plugin gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("plugin {plugin}: {kind}: {message}")]
pub struct PluginError {
    /// Which plugin.
    pub plugin: PluginName,
    /// What went wrong, for the host to act on.
    pub kind: PluginErrorKind,
    /// What went wrong, for people.
    pub message: String,
}

/// What went wrong in a call to a plugin. The first part is the plugin's own answer, the second the sandbox's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PluginErrorKind {
    /// The input breaks the contract.
    InvalidInput,
    /// The series is too short or too empty.
    NotEnoughData,
    /// The saved state does not fit.
    InvalidState,
    /// The thing that is named does not exist.
    NotFound,
    /// The driver has reached a quota.
    QuotaExceeded,
    /// The driver has no capacity of this kind at present.
    OutOfCapacity,
    /// A passing failure.
    Unavailable,
    /// The plugin does not offer this.
    Unsupported,
    /// Another answer of the plugin's own.
    Other,
    /// The guest trapped: a panic, a bad memory access, `unreachable`, an exhausted stack.
    Trap,
    /// The call was ended at its deadline.
    Deadline,
    /// The guest wanted more memory, tables or handles than granted.
    Memory,
    /// The guest made more host calls, or handed over more data, than granted.
    HostBudget,
    /// The answer breaks the contract: wrong length, no number, an instance that is not the driver's.
    InvalidAnswer,
    /// The sandbox has no room for another instance at present.
    Saturated,
    /// No host carries this plugin, or none answered in time.
    Unreachable,
    /// Its supervisor lets no calls through at present, after failures of the sandbox's sort.
    Quarantined,
}

impl PluginErrorKind {
    /// Whether the same call may succeed later without anything being changed.
    #[must_use]
    pub fn is_passing(self) -> bool {
        matches!(
            self,
            Self::OutOfCapacity
                | Self::QuotaExceeded
                | Self::Unavailable
                | Self::Deadline
                | Self::Trap
                | Self::Saturated
                | Self::Unreachable
                | Self::Quarantined
        )
    }

    /// Whether the guest misbehaved in its sandbox or broke the contract, as opposed to answering that it can't: this
    /// is what supervision counts.
    #[must_use]
    pub fn is_misbehaviour(self) -> bool {
        matches!(self, Self::InvalidAnswer) || self.loses_instance()
    }

    /// Whether the instance that was called is gone, and all that it held with it.
    #[must_use]
    pub fn loses_instance(self) -> bool {
        matches!(self, Self::Trap | Self::Deadline | Self::Memory | Self::HostBudget)
    }
}

impl fmt::Display for PluginErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::InvalidInput => "invalid input",
            Self::NotEnoughData => "not enough data",
            Self::InvalidState => "invalid saved state",
            Self::NotFound => "not found",
            Self::QuotaExceeded => "quota exceeded",
            Self::OutOfCapacity => "out of capacity",
            Self::Unavailable => "unavailable",
            Self::Unsupported => "unsupported",
            Self::Other => "failed",
            Self::Trap => "trapped",
            Self::Deadline => "over its deadline",
            Self::Memory => "over its memory limit",
            Self::HostBudget => "over its host-call budget",
            Self::InvalidAnswer => "invalid answer",
            Self::Saturated => "no free instance",
            Self::Unreachable => "unreachable",
            Self::Quarantined => "not called at present",
        })
    }
}

/// What a forecaster can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ForecasterDescription {
    /// Which series it suits, in a sentence.
    pub summary: String,
    /// The fewest values that it fits, from 1.
    pub min_history: u32,
    /// The most recent values that make a difference.
    pub max_history: u32,
    /// The most steps that it predicts ahead, from 1.
    pub max_horizon: u32,
}

/// A repeating pattern in a series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Season {
    /// The period in steps, from 2.
    pub period: u32,
    /// How much of the variation it explains, 0 to 1.
    pub strength: f64,
}

/// The part of a persona that plugins see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PersonaView {
    /// Its name.
    pub name: PersonaName,
    /// Its version, from 1.
    pub version: u32,
    /// What one instance is made of.
    pub allocation: Allocation,
    /// Image, settings and software.
    pub system: SystemSettings,
    /// Whether an instance must not share a host.
    pub dedicated: bool,
    /// Networks that may open connections to it.
    pub ingress_cidrs: Vec<String>,
    /// How one instance is expected to do.
    pub expected: ExpectedPerformance,
    /// The load that one instance serves.
    pub capacity_per_instance: f64,
}

impl PersonaView {
    /// What a driver is to see of an instance of a persona in one of its placements; `None` is the persona as it stands.
    #[must_use]
    pub fn placed(persona: &crate::persona::Persona, placement: Option<&crate::persona::Placement>) -> Self {
        let mut view = Self::from(persona);
        if let Some(placement) = placement {
            view.allocation = placement.allocation_of(&persona.spec);
            view.system.settings = placement.settings_of(&persona.spec);
        }
        view
    }
}

impl From<&crate::persona::Persona> for PersonaView {
    fn from(persona: &crate::persona::Persona) -> Self {
        let spec = &persona.spec;
        Self {
            name: spec.name.clone(),
            version: persona.version,
            allocation: spec.allocation,
            system: spec.system.clone(),
            dedicated: spec.security.isolation == crate::persona::Isolation::Dedicated,
            ingress_cidrs: spec.security.ingress_cidrs.clone(),
            expected: spec.expected,
            capacity_per_instance: spec.demand.capacity_per_instance,
        }
    }
}

/// One thing that a driver may be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DriverOperation {
    /// Make a new instance.
    Create,
    /// Stop or hibernate one.
    Park,
    /// Start a parked one.
    Start,
    /// Turn a shell into a warm instance.
    Specialise,
    /// Wipe one between two holders.
    Reset,
    /// Remove one for good.
    Destroy,
}

/// What a driver can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DriverDescription {
    /// What it drives, in a sentence.
    pub summary: String,
    /// The tiers that instances can be held in.
    pub tiers: Vec<Tier>,
    /// The operations on offer.
    pub operations: Vec<DriverOperation>,
    /// The most instances that may exist at a time.
    pub max_instances: Option<u32>,
}

/// What it costs to hold one instance in a tier.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Price {
    /// The tier.
    pub tier: Tier,
    /// Units of the driver's currency per hour.
    pub per_hour: f64,
}

/// One instance as a driver knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriverInstance {
    /// The host's identifier.
    pub id: InstanceId,
    /// The driver's own name for it.
    pub reference: String,
    /// Its persona; `None` for a shell.
    pub persona: Option<PersonaName>,
    /// How far along it is.
    pub state: DriverState,
    /// When it reached that state.
    pub since: TimestampMs,
}

/// How far along an instance is, as its driver says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DriverState {
    /// Held in a tier.
    Stable(Tier),
    /// On its way to a tier.
    Changing {
        /// The tier it will be in.
        to: Tier,
        /// When that is expected; a hint.
        expected_at: TimestampMs,
    },
    /// Being removed.
    Leaving,
    /// Broken, and how.
    Failed(String),
}

/// One metric's history of a workload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// What was measured.
    pub metric: Metric,
    /// The values.
    pub history: Series,
}

/// One workload and what was measured of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// The resource.
    pub resource: ResourceName,
    /// What it is made of today, where known.
    pub allocation: Option<Allocation>,
    /// Its metrics, each at most once.
    pub usages: Vec<Usage>,
}

/// What a workload is short of first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorkloadClass {
    /// Limited by processor time.
    CpuBound,
    /// Limited by memory.
    MemoryBound,
    /// Limited by disk operations.
    IopsHeavy,
    /// Limited by the network.
    NetworkHeavy,
    /// Limited by none in particular.
    Balanced,
}

/// One finding that a draft rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Evidence {
    /// What was looked at, such as `cpu_cores p95`.
    pub what: String,
    /// The value that was found.
    pub value: f64,
    /// Its unit.
    pub unit: String,
    /// What follows from it, in a sentence.
    pub conclusion: String,
}

/// A persona that a profiler proposes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PersonaDraft {
    /// The workload that it was read off.
    pub resource: ResourceName,
    /// What the workload is short of first.
    pub class: WorkloadClass,
    /// What one instance should be made of.
    pub allocation: Allocation,
    /// Image, settings and software that suit the class.
    pub system: SystemSettings,
    /// How one instance is expected to do.
    pub expected: ExpectedPerformance,
    /// The load that one instance serves; `None` where no load was measured.
    pub capacity_per_instance: Option<f64>,
    /// How sure the profiler is, 0 to 1.
    pub confidence: f64,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
}

/// What happened to a persona's instances over a span of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsageOutcome {
    /// What was measured.
    pub metric: Metric,
    /// The values per instance.
    pub history: Series,
    /// How often an instance ran out of memory in that span.
    pub out_of_memory: u32,
}

/// One change that a profiler proposes to a persona.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// The field, such as `allocation.memory-mib`.
    pub field: String,
    /// The present value.
    pub from: f64,
    /// The proposed value.
    pub to: f64,
    /// Why, in a sentence.
    pub reason: String,
}

/// What a detector thinks of one value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Verdict {
    /// How unusual, 0 to 1.
    pub score: f64,
    /// Whether it is an anomaly at the asked sensitivity.
    pub anomalous: bool,
    /// The lowest value that would have been usual.
    pub expected_low: f64,
    /// The highest value that would have been usual.
    pub expected_high: f64,
}

impl Verdict {
    /// The lowest and the highest value that would have been usual; `None` where nothing was known.
    #[must_use]
    pub fn usual(&self) -> (Option<f64>, Option<f64>) {
        let known = |bound: f64| (f64::MIN < bound && bound < f64::MAX).then_some(bound);
        (known(self.expected_low), known(self.expected_high))
    }

    /// How far a value lies outside of what was usual; 0 inside, and where nothing was known.
    #[must_use]
    pub fn distance(&self, value: f64) -> f64 {
        let (low, high) = self.usual();
        let (below, above) = (low.map_or(0.0, |low| low - value), high.map_or(0.0, |high| value - high));
        below.max(above).max(0.0)
    }
}
