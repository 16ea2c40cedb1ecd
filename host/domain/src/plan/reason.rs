//! Why a plan is as it is: codes for programs, sentences for people.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One reason of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reason {
    /// Which rule acted.
    pub code: ReasonCode,
    /// What it did, in a sentence.
    pub detail: String,
}

/// Which rule acted on a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// The level programme over the forecast.
    LevelProgramme,
    /// The reactive rule over the last loads.
    Reactive,
    /// Another rule, which the detail names.
    Rule,
    /// The rule whose operating cost was least of late.
    Contest,
    /// No forecast could be had, so the reactive rule decided.
    NoForecast,
    /// The load is not known at present, so nothing is taken away.
    StaleTelemetry,
    /// The persona's minimum.
    Minimum,
    /// The persona's maximum.
    Maximum,
    /// Claims that are served or wait.
    Promised,
    /// The driver can't be called at present: what is wanted waits.
    DriverDown,
    /// A planned event changes the load to come.
    PlannedEvent,
    /// The driver takes instances away.
    Interruption,
    /// A schedule's minimum or maximum.
    Schedule,
    /// Instances that are leased out.
    Lease,
    /// Leased instances that are, or could be, called back.
    Reclaim,
    /// The driver's quota, which all its personas share.
    Quota,
    /// The persona's budget.
    Budget,
    /// The most that is launched or let go at a time.
    StepLimit,
    /// The driver has no capacity at present.
    OutOfCapacity,
    /// A freeze holds, or begins soon.
    Freeze,
    /// A maintenance window of the driver holds, or begins soon.
    Maintenance,
    /// The persona's mode: the plan is not carried out.
    Mode,
    /// Instances are held in a tier that is cheaper than warm.
    Standby,
    /// Shells are held for all personas of one shell class.
    ShellPool,
    /// Instances are held in the persona's placements.
    Placement,
    /// Idle instances are moved to a cheaper placement.
    Consolidation,
}

impl ReasonCode {
    /// Every code.
    pub const ALL: [Self; 26] = [
        Self::LevelProgramme,
        Self::Reactive,
        Self::Rule,
        Self::Contest,
        Self::NoForecast,
        Self::StaleTelemetry,
        Self::Minimum,
        Self::Maximum,
        Self::Promised,
        Self::DriverDown,
        Self::PlannedEvent,
        Self::Interruption,
        Self::Schedule,
        Self::Lease,
        Self::Reclaim,
        Self::Quota,
        Self::Budget,
        Self::StepLimit,
        Self::OutOfCapacity,
        Self::Freeze,
        Self::Maintenance,
        Self::Mode,
        Self::Standby,
        Self::ShellPool,
        Self::Placement,
        Self::Consolidation,
    ];

    /// The code, as in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LevelProgramme => "level_programme",
            Self::Reactive => "reactive",
            Self::Rule => "rule",
            Self::Contest => "contest",
            Self::NoForecast => "no_forecast",
            Self::StaleTelemetry => "stale_telemetry",
            Self::Minimum => "minimum",
            Self::Maximum => "maximum",
            Self::Promised => "promised",
            Self::DriverDown => "driver_down",
            Self::PlannedEvent => "planned_event",
            Self::Interruption => "interruption",
            Self::Schedule => "schedule",
            Self::Lease => "lease",
            Self::Reclaim => "reclaim",
            Self::Quota => "quota",
            Self::Budget => "budget",
            Self::StepLimit => "step_limit",
            Self::OutOfCapacity => "out_of_capacity",
            Self::Freeze => "freeze",
            Self::Maintenance => "maintenance",
            Self::Mode => "mode",
            Self::Standby => "standby",
            Self::ShellPool => "shell_pool",
            Self::Placement => "placement",
            Self::Consolidation => "consolidation",
        }
    }

    /// Whether it is a bound that acted on what a rule wanted, as opposed to the rule that wanted it.
    #[must_use]
    pub fn is_bound(self) -> bool {
        !matches!(
            self,
            Self::LevelProgramme
                | Self::Reactive
                | Self::Rule
                | Self::Contest
                | Self::NoForecast
                | Self::Standby
                | Self::ShellPool
                | Self::Placement
                | Self::Consolidation
                | Self::Reclaim
        )
    }
}

impl Reason {
    pub(super) fn new(code: ReasonCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_named_as_in_the_api() {
        for code in ReasonCode::ALL {
            assert_eq!(serde_json::to_value(code).expect("JSON"), code.as_str());
        }
    }
}
