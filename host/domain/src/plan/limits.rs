//! What bounds a decision beyond the persona's own figures: what operators plan, what drivers can do, what was spent.

use crate::calendar::{Allowed, PlannedEvent};
use crate::persona::Schedule;
use crate::time::TimestampMs;

/// What bounds a decision beyond the persona's scaling. The default bounds nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Limits {
    /// Other bounds at certain hours.
    pub schedules: Vec<Schedule>,
    /// Freezes and maintenance windows that concern the persona, past ones left out.
    pub holds: Vec<Hold>,
    /// Events of the persona, past ones left out, with what they are called.
    pub events: Vec<(String, PlannedEvent)>,
    /// What its driver may still launch, for all the personas that it serves; `None` without such a limit.
    pub quota: Option<Quota>,
    /// What was spent of its budget.
    pub spend: Option<Spend>,
    /// Claimed instances that serve a lease and are not called back: kept beside what the owner itself needs.
    pub leased: u32,
    /// Instances that were sold for a window which begins within a launch's length: made ready beside those.
    pub booked: u32,
    /// Claimed instances that their driver takes away, as it has announced: they count as missing.
    pub going: u32,
    /// The driver has no capacity at present, and what it says of it.
    pub out_of_capacity: Option<String>,
}

/// A freeze or a maintenance window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// What it is called.
    pub name: String,
    /// Whether it is a driver's maintenance window.
    pub maintenance: bool,
    /// When it begins.
    pub from: TimestampMs,
    /// When it ends.
    pub until: TimestampMs,
    /// What is allowed all the same.
    pub allows: Allowed,
}

/// A driver's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Instances that may exist at a time.
    pub most: u32,
    /// Instances of all personas that exist.
    pub used: u32,
}

/// What became of a budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spend {
    /// What was spent since the beginning of the budget's period, in units of the driver's currency.
    pub spent: f64,
    /// What one instance costs per hour at the most, in the same units; `None` while it is not known.
    pub per_hour: Option<f64>,
}
