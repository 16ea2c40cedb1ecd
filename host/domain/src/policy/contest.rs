//! Policies compete, per persona: each rule is followed by a fleet in shadow, and the one whose operating cost was least
//! of late decides.
//!
//! The cost is discounted with a half-life, so that a change in the demand's nature is followed; and no rule is ever
//! more than [`BEHIND_MAX`] times as far behind as the best, so that it can come back soon (the part that a fixed share
//! has in multiplicative weights, Herbster and Warmuth 1998).

use super::fleet::Fleet;
use super::memory::Memory;
use super::rule::{Moment, Player, Recent, Rule, Scratch};
use crate::persona::Policy;
use crate::plan::{Candidate, instances_for};
use crate::time::{MINUTE_MS, TimestampMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A cost counts half after this long, in milliseconds.
const HALF_LIFE_MS: i64 = 360 * MINUTE_MS;
/// The most that a rule's discounted cost may be, relative to the least.
const BEHIND_MAX: f64 = 3.0;

/// All rules of one persona with their fleets in shadow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contest {
    memory: Memory,
    entrants: Vec<Entrant>,
    leader: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entrant {
    player: Player,
    fleet: Fleet,
    /// What it decided on the step that is under way.
    wish: u32,
    /// Discounted, in idle instance-steps.
    cost: f64,
}

/// Who decides, and how the others stand.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The rule with the least cost.
    pub rule: Rule,
    /// What it wants.
    pub wanted: u32,
    /// The rule that decided before, where that was another one.
    pub before: Option<Rule>,
    /// The leader's discounted cost, and that of the rule before.
    pub costs: (f64, f64),
}

impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rule, before, costs: (cost, cost_before), .. } = self;
        match before {
            Some(before) => {
                write!(f, "{rule} cost {cost:.0} of late and takes over from {before}, which cost {cost_before:.0}")
            }
            None => write!(f, "{rule} leads: it cost {cost:.0} idle instance-steps of late"),
        }
    }
}

/// A change of the rule that decides for a persona, as it is kept and told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Switch {
    /// When.
    pub at: TimestampMs,
    /// The kind of rule before.
    pub from: Policy,
    /// The kind of rule since; the same where only its parameters are other ones.
    pub to: Policy,
    /// Why, with the rules in words.
    pub reason: String,
}

/// How a rule stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Standing {
    /// The kind of rule.
    pub policy: Policy,
    /// The rule with its parameters, in words.
    pub rule: String,
    /// What it wants at present.
    pub wanted: u32,
    /// What following it would have cost of late, in idle instance-steps, discounted with a half-life of six hours.
    pub cost: f64,
    /// Whether it decides.
    pub leads: bool,
}

impl Contest {
    /// Begins with fleets of `ready` instances. Of rules that stand equal the first leads.
    #[must_use]
    pub fn new(rules: &[Rule], ready: u32) -> Self {
        let entrant = |rule: &Rule| Entrant {
            player: Player::new(*rule, ready),
            fleet: Fleet::new(ready),
            wish: ready,
            cost: 0.0,
        };
        let entrants = rules.iter().map(entrant).collect();
        Self { memory: Memory::default(), entrants, leader: 0 }
    }

    /// The rules, in the order of preference.
    pub fn rules(&self) -> impl Iterator<Item = Rule> {
        self.entrants.iter().map(|entrant| entrant.player.rule())
    }

    /// The step before `moment` has ended with `load`, in the series' unit; `None` where that is not known. Scores what
    /// was decided on it and decides on the next.
    pub fn step(&mut self, moment: &Moment<'_>, load: Option<f64>) -> Choice {
        let demand = load.map(|load| instances_for(load, moment.capacity));
        self.score(moment, demand);
        let before = self.leader;
        let costs = |entrants: &[Entrant], leader: usize| (entrants[leader].cost, entrants[before].cost);
        if let Some(best) = self.best().filter(|best| self.entrants[*best].cost < self.entrants[before].cost) {
            self.leader = best;
        }
        if let (Some(demand), Some(load)) = (demand, load) {
            self.memory.note(moment.at - moment.step_ms, load, demand);
            let mut scratch = Scratch::default();
            for entrant in &mut self.entrants {
                entrant.wish = entrant.player.decide(moment, &self.memory, demand, &mut scratch);
            }
        }
        let leader = &self.entrants[self.leader];
        Choice {
            rule: leader.player.rule(),
            wanted: leader.wish,
            before: (before != self.leader).then(|| self.entrants[before].player.rule()),
            costs: costs(&self.entrants, self.leader),
        }
    }

    /// Charges each rule for the step that has ended; where its demand is not known, time passes unscored.
    fn score(&mut self, moment: &Moment<'_>, demand: Option<u32>) {
        let keeps = 0.5_f64.powf(moment.step_ms as f64 / HALF_LIFE_MS as f64);
        for entrant in &mut self.entrants {
            entrant.fleet.advance();
            let launches = entrant.fleet.follow_surely(entrant.wish, moment.economy.boot_steps);
            if let Some(demand) = demand {
                let cost = entrant.fleet.tally(demand, launches).cost(moment.economy.unserved);
                entrant.cost = entrant.cost * keeps + cost;
            }
        }
        let least = self.entrants.iter().map(|entrant| entrant.cost).fold(f64::INFINITY, f64::min);
        let most = least * BEHIND_MAX + f64::EPSILON;
        self.entrants.iter_mut().for_each(|entrant| entrant.cost = entrant.cost.min(most));
    }

    fn best(&self) -> Option<usize> {
        (0..self.entrants.len()).min_by(|a, b| self.entrants[*a].cost.total_cmp(&self.entrants[*b].cost))
    }

    /// The rules as they stand, in the order of preference: for asking what a plan would have been under each.
    #[must_use]
    pub fn candidates(&self) -> Vec<Candidate> {
        let candidate = |(index, entrant): (usize, &Entrant)| Candidate {
            rule: entrant.player.rule(),
            wish: entrant.wish,
            cost: entrant.cost,
            leads: index == self.leader,
        };
        self.entrants.iter().enumerate().map(candidate).collect()
    }

    /// How the rules stand, the best first.
    #[must_use]
    pub fn standings(&self) -> Vec<Standing> {
        let standing = |(index, entrant): (usize, &Entrant)| Standing {
            policy: entrant.player.rule().policy(),
            rule: entrant.player.rule().to_string(),
            wanted: entrant.wish,
            cost: entrant.cost,
            leads: index == self.leader,
        };
        let mut standings: Vec<Standing> = self.entrants.iter().enumerate().map(standing).collect();
        standings.sort_by(|a, b| b.leads.cmp(&a.leads).then(a.cost.total_cmp(&b.cost)));
        standings
    }
}

/// The rules that are followed in shadow for a persona of this policy: all that compete, or the one that is asked for.
/// None where the plan is found without remembering anything.
#[must_use]
pub fn entrants(policy: Policy) -> Vec<Rule> {
    match policy {
        Policy::Compete => competing(),
        Policy::LevelProgramme | Policy::Reactive => Vec::new(),
        Policy::KeepAlive => vec![Rule::KeepAlive { steps: 60, margin: 0.1 }],
        Policy::Hourly => vec![Rule::Hourly { target: 0.75, reactive_target: 0.75 }],
        Policy::HybridHistogram => vec![Rule::HybridHistogram],
        Policy::ScheduleOnly => vec![Rule::ScheduleOnly],
    }
}

fn competing() -> Vec<Rule> {
    let recent = |steps, weight| Rule::LevelProgramme { recent: Some(Recent { steps, weight }) };
    let mut rules = vec![Rule::LevelProgramme { recent: None }];
    rules.extend([20, 60].into_iter().flat_map(|steps| [0.1, 0.25, 0.5, 1.0].map(|weight| recent(steps, weight))));
    rules.extend([(10, 0.1), (20, 0.1), (60, 0.0), (60, 0.2)].map(|(steps, margin)| Rule::KeepAlive { steps, margin }));
    rules.extend([0.6, 0.8, 1.0].map(|target| Rule::Reactive { target, stabilisation: 5 }));
    rules.extend([0.75, 0.9].map(|target| Rule::Hourly { target, reactive_target: 0.75 }));
    rules.extend([Rule::HybridHistogram, Rule::ScheduleOnly]);
    rules
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Economy;

    /// Minutes of demand, one instance a unit of load, without any forecast.
    fn compete(contest: &mut Contest, from: usize, loads: impl IntoIterator<Item = Option<f64>>) -> Vec<Choice> {
        let economy = Economy::of_ratio(0.95, 5);
        let step = |(step, load)| {
            let at = TimestampMs((from + step + 1) as i64 * MINUTE_MS);
            let bounds = (1, 1_000);
            let moment = Moment { at, step_ms: MINUTE_MS, capacity: 1.0, economy: &economy, bounds, fan: None };
            contest.step(&moment, load)
        };
        loads.into_iter().enumerate().map(step).collect()
    }

    fn rush(minute: usize) -> Option<f64> {
        Some(if minute % 20 < 3 { 30.0 } else { 5.0 })
    }

    #[test]
    fn the_cheapest_rule_of_late_decides() {
        let reactive = Rule::Reactive { target: 1.0, stabilisation: 5 };
        let keep = Rule::KeepAlive { steps: 60, margin: 0.0 };
        let mut contest = Contest::new(&[reactive, keep], 5);
        let choices = compete(&mut contest, 0, (0..600).map(rush));
        assert_eq!(choices[0].rule, reactive, "the first of equals");
        let last = choices.last().expect("some");
        assert_eq!((last.rule, last.wanted), (keep, 30), "rushes come every twenty minutes");
        assert!(choices.iter().any(|choice| choice.to_string().contains("takes over from reactive")));

        // The rushes end: holding on to the highest of the last hour costs, following does not.
        let choices = compete(
            &mut contest,
            600,
            (0..1_440).map(|minute| Some(if minute < 60 { 5.0 } else { 5.0 + (minute / 120 % 2) as f64 * 20.0 })),
        );
        assert!(choices.iter().any(|choice| choice.before == Some(keep)), "{:?}", contest.standings());
        let standings = contest.standings();
        assert!(standings[0].leads && standings[1].cost <= 3.0 * standings[0].cost + 1e-9, "{standings:?}");
    }

    #[test]
    fn what_is_not_known_is_not_scored() {
        let mut contest = Contest::new(&entrants(Policy::Compete), 5);
        compete(&mut contest, 0, (0..100).map(rush));
        let before: Vec<f64> = contest.standings().iter().map(|standing| standing.cost).collect();
        let choices = compete(&mut contest, 100, [None; 30]);
        assert_eq!(contest.standings().iter().map(|standing| standing.cost).collect::<Vec<_>>(), before);
        assert!(choices.windows(2).all(|pair| pair[0].wanted == pair[1].wanted), "nothing is taken away");
    }

    #[test]
    fn it_is_the_same_after_a_restart() {
        let mut contest = Contest::new(&entrants(Policy::Compete), 5);
        compete(&mut contest, 0, (0..300).map(rush));
        let text = serde_json::to_string(&contest).expect("serialises");
        assert!(text.len() < 50_000, "{} bytes", text.len());
        let mut again: Contest = serde_json::from_str(&text).expect("the same again");
        let loads = || (300..900).map(rush);
        assert_eq!(compete(&mut contest, 300, loads()), compete(&mut again, 300, loads()));
    }
}
