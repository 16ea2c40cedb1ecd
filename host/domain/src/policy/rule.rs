//! The rules that compete: how each finds the wanted number of instances from what was measured and forecast.

use super::memory::Memory;
use crate::persona::Policy;
use crate::plan::{Economy, Shadow, reactive};
use crate::time::TimestampMs;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fmt;

/// Steps ahead by which the hourly rule is early.
const HOURLY_AHEAD_STEPS: i64 = 5;
/// Keep-alive of the histogram rule while there is demand, or where it knows too little.
const HISTOGRAM_KEEP_STEPS: usize = 10;

/// A rule with its parameters. Lengths are in planning steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Rule {
    /// Least expected cost per level over the forecast's horizon.
    LevelProgramme {
        /// Mixes the forecast with the loads of the last steps, as a distribution of their own.
        recent: Option<Recent>,
    },
    /// Kubernetes' HPA rule.
    Reactive {
        /// The share of an instance's capacity to use.
        target: f64,
        /// Steps that scaling in waits.
        stabilisation: usize,
    },
    /// The highest demand of the last steps is kept.
    KeepAlive {
        /// How many steps.
        steps: usize,
        /// The share that is kept on top.
        margin: f64,
    },
    /// The mean of the same hour on the last 14 days, some minutes early, or the reactive rule where that wants more.
    Hourly {
        /// The share of an instance's capacity that the hour's mean is to use.
        target: f64,
        /// The same for the reactive part.
        reactive_target: f64,
    },
    /// For sparse demand: released when idle, warmed again shortly before use is likely, by the histogram of idle times
    /// (Shahrad et al. 2020).
    HybridHistogram,
    /// A fixed number.
    Static {
        /// How many.
        instances: u32,
    },
    /// Nothing by itself, so that the persona's minimum and its schedules alone decide.
    ScheduleOnly,
}

/// Loads of the last steps as a part of a forecast.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Recent {
    /// How many steps.
    pub steps: usize,
    /// Their weight, above 0 to 1.
    pub weight: f64,
}

impl Rule {
    /// What kind of rule it is.
    #[must_use]
    pub fn policy(&self) -> Policy {
        match self {
            Self::LevelProgramme { .. } => Policy::LevelProgramme,
            Self::Reactive { .. } => Policy::Reactive,
            Self::KeepAlive { .. } => Policy::KeepAlive,
            Self::Hourly { .. } => Policy::Hourly,
            Self::HybridHistogram => Policy::HybridHistogram,
            Self::Static { .. } | Self::ScheduleOnly => Policy::ScheduleOnly,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LevelProgramme { recent: None } => write!(f, "level programme"),
            Self::LevelProgramme { recent: Some(Recent { steps, weight }) } => {
                write!(f, "level programme with the last {steps} steps at {:.0}%", 100.0 * weight)
            }
            Self::Reactive { target, stabilisation } => {
                write!(f, "reactive at {:.0}% with {stabilisation} steps to scale in", 100.0 * target)
            }
            Self::KeepAlive { steps, margin } => write!(f, "keep-alive of {steps} steps plus {:.0}%", 100.0 * margin),
            Self::Hourly { target, reactive_target } => {
                write!(f, "hourly mean at {:.0}%, reactive at {:.0}%", 100.0 * target, 100.0 * reactive_target)
            }
            Self::HybridHistogram => write!(f, "histogram of idle times"),
            Self::Static { instances } => write!(f, "{instances} instances"),
            Self::ScheduleOnly => write!(f, "schedules alone"),
        }
    }
}

/// What a rule may know when it decides about the step that begins at `at`: nothing of that step or later.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// The beginning of the step.
    pub at: TimestampMs,
    /// The length of a step in milliseconds.
    pub step_ms: i64,
    /// The load that one instance serves.
    pub capacity: f64,
    /// Costs and lead times.
    pub economy: &'a Economy,
    /// Bounds that hold whatever is wanted.
    pub bounds: (u32, u32),
    /// The load to come; `None` where there is no forecast.
    pub fan: Option<&'a crate::forecast::Fan>,
}

/// What deciding on one step needs and no rule keeps: found once for all rules.
#[derive(Default)]
pub struct Scratch<'a> {
    shadow: Option<Shadow<'a>>,
    /// The loads of so many last steps, rising.
    sorted: Vec<(usize, Vec<f64>)>,
}

impl Scratch<'_> {
    fn recent(sorted: &mut Vec<(usize, Vec<f64>)>, memory: &Memory, steps: usize) -> usize {
        sorted.iter().position(|(known, _)| *known == steps).unwrap_or_else(|| {
            sorted.push((steps, memory.sorted_loads(steps)));
            sorted.len() - 1
        })
    }
}

/// A rule at work: with what it wanted last and what it remembers for itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Player {
    rule: Rule,
    wanted: u32,
    wishes: VecDeque<u32>,
}

impl Player {
    /// Begins with `wanted` instances.
    #[must_use]
    pub fn new(rule: Rule, wanted: u32) -> Self {
        Self { rule, wanted, wishes: VecDeque::new() }
    }

    /// Its rule.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// What it wanted last.
    #[must_use]
    pub fn wanted(&self) -> u32 {
        self.wanted
    }

    /// Decides on the next step. `demand` is that of the last step, which `memory` holds too.
    /// `scratch` is this step's and this persona's.
    pub fn decide<'a>(&mut self, moment: &Moment<'a>, memory: &Memory, demand: u32, scratch: &mut Scratch<'a>) -> u32 {
        let wish = match self.rule {
            Rule::LevelProgramme { recent } => self.programme(moment, memory, recent, scratch),
            Rule::Reactive { target, stabilisation } => self.reactive(demand, target, stabilisation),
            Rule::KeepAlive { steps, margin } => with_margin(memory.highest(steps).unwrap_or(demand), margin),
            Rule::Hourly { target, reactive_target } => {
                let follow = self.reactive(demand, reactive_target, reactive::STABILISATION_STEPS);
                let usual = hourly(moment, memory) / target;
                // The floor is not remembered as the reactive part's own.
                return self.clamp_only(follow, follow.max(usual.ceil() as u32), moment);
            }
            Rule::HybridHistogram => {
                let keep = || memory.highest(HISTOGRAM_KEEP_STEPS).unwrap_or(demand);
                memory.wish_while_idle().unwrap_or_else(keep)
            }
            Rule::Static { instances } => instances,
            Rule::ScheduleOnly => 0,
        };
        self.clamp_only(wish, wish, moment)
    }

    fn clamp_only(&mut self, remembered: u32, wish: u32, moment: &Moment<'_>) -> u32 {
        let (min, max) = moment.bounds;
        self.wanted = remembered.clamp(min, max.max(min));
        wish.clamp(min, max.max(min))
    }

    fn programme<'a>(
        &self,
        moment: &Moment<'a>,
        memory: &Memory,
        recent: Option<Recent>,
        scratch: &mut Scratch<'a>,
    ) -> u32 {
        let Some(fan) = moment.fan else {
            // Without a forecast the programme knows the last hour alone, and takes nothing away.
            return memory
                .highest(reactive::STABILISATION_STEPS)
                .map_or(self.wanted, |highest| highest.max(self.wanted));
        };
        let Scratch { shadow, sorted } = scratch;
        let shadow = shadow.get_or_insert_with(|| Shadow::new(fan, moment.capacity, moment.economy));
        let recent = recent.map(|recent| (Scratch::recent(sorted, memory, recent.steps), recent.weight));
        let recent = recent.and_then(|(known, weight)| sorted.get(known).map(|(_, loads)| (loads.as_slice(), weight)));
        shadow.wanted(recent, self.wanted, moment.bounds.1)
    }

    fn reactive(&mut self, demand: u32, target: f64, stabilisation: usize) -> u32 {
        let wish = reactive::wish(f64::from(demand), self.wanted, target);
        if self.wishes.len() >= stabilisation {
            self.wishes.pop_front();
        }
        self.wishes.push_back(wish);
        let highest = self.wishes.iter().max().copied().unwrap_or(wish);
        if wish > self.wanted { wish } else { highest.min(self.wanted) }
    }
}

fn with_margin(demand: u32, margin: f64) -> u32 {
    (f64::from(demand) * (1.0 + margin)).ceil() as u32
}

/// The usual demand of the hour under way and of that which begins soon, whichever is higher.
fn hourly(moment: &Moment<'_>, memory: &Memory) -> f64 {
    let soon = moment.at + HOURLY_AHEAD_STEPS * moment.step_ms;
    memory.usual_in_hour_of(moment.at).max(memory.usual_in_hour_of(soon))
}
