//! Policies compete: one contest per persona, scored once a planning step and kept over a restart. What changed the rule
//! that decides is kept too.

use super::catalog::Catalog;
use crate::store::{Store, StoreError, Write};
use forewarm_domain::id::PersonaName;
use forewarm_domain::persona::Policy;
use forewarm_domain::plan::{Candidate, Economy, Outlook, Plan, Snapshot};
use forewarm_domain::policy::{Choice, Contest, Moment, Rule, Standing, Switch, entrants};
use forewarm_domain::time::{HOUR_MS, TimestampMs};
use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Switches that are kept of a persona.
const SWITCHES_KEPT: usize = 100;

/// See the module's description.
#[derive(Default)]
pub(super) struct Contests {
    held: Mutex<HashMap<PersonaName, Held>>,
    /// The last switches, the newest last.
    switches: Mutex<HashMap<PersonaName, VecDeque<Switch>>>,
}

struct Held {
    contest: Contest,
    /// The step that was decided on last, and what was decided.
    last: Option<(TimestampMs, Choice)>,
}

impl Contests {
    /// Takes up what was saved last, at most an hour before the last run ended.
    pub(super) async fn open(store: &Store, catalog: &Catalog) -> Result<Self, StoreError> {
        let (mut contests, mut switches) = (HashMap::new(), HashMap::new());
        for persona in catalog.list() {
            let name = &persona.spec.name;
            let kept = store.setting(&switches_key(name)).await?;
            if let Some(kept) = kept.and_then(|text| serde_json::from_str(&text).ok()) {
                switches.insert(name.clone(), kept);
            }
            let saved = store.setting(&key(name)).await?;
            // One that another version wrote in another form begins anew.
            if let Some(contest) = saved.and_then(|text| serde_json::from_str(&text).ok()) {
                contests.insert(name.clone(), Held { contest, last: None });
            }
        }
        Ok(Self { held: Mutex::new(contests), switches: Mutex::new(switches) })
    }

    fn contests(&self) -> MutexGuard<'_, HashMap<PersonaName, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all_switches(&self) -> MutexGuard<'_, HashMap<PersonaName, VecDeque<Switch>>> {
        self.switches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who decides on the step that begins, where the persona's policy is to let rules compete; asked again within the
    /// step, the same.
    pub(super) fn choose(&self, snapshot: &Snapshot) -> Option<Choice> {
        let rules = entrants(snapshot.scaling.policy);
        if rules.is_empty() {
            return None;
        }
        let step = snapshot.at.floor(snapshot.step_ms);
        let mut contests = self.contests();
        let held = contests.entry(snapshot.persona.clone()).or_insert_with(|| Held::new(&rules, snapshot));
        if !held.contest.rules().eq(rules.iter().copied()) {
            *held = Held::new(&rules, snapshot);
        }
        if let Some((_, choice)) = held.last.as_ref().filter(|(decided, _)| *decided == step) {
            return Some(choice.clone());
        }
        // The fleets in shadow have no cheaper tiers, so that a rule must not count on them there.
        let economy = Economy { standby: Vec::new(), ..snapshot.economy() };
        let moment = Moment {
            at: step,
            step_ms: snapshot.step_ms,
            capacity: snapshot.capacity_per_instance,
            economy: &economy,
            // Leased instances count towards the minimum.
            bounds: (snapshot.scaling.min.saturating_sub(snapshot.limits.leased), snapshot.scaling.max),
            fan: match &snapshot.outlook {
                Outlook::Forecast(fan) => Some(fan),
                Outlook::Unknown(_) => None,
            },
        };
        let load = snapshot.recent_load.last().copied().filter(|load| load.is_finite());
        let choice = held.contest.step(&moment, load);
        held.last = Some((step, choice.clone()));
        Some(choice)
    }

    /// How the rules stand, the leader first; empty where none compete.
    pub(super) fn standings(&self, persona: &PersonaName) -> Vec<Standing> {
        self.contests().get(persona).map(|held| held.contest.standings()).unwrap_or_default()
    }

    /// The rules of a persona as they stand; empty where none compete.
    pub(super) fn candidates(&self, persona: &PersonaName) -> Vec<Candidate> {
        self.contests().get(persona).map(|held| held.contest.candidates()).unwrap_or_default()
    }

    /// The last changes of the rule that decides for a persona, the newest first.
    pub(super) fn switches(&self, persona: &PersonaName) -> Vec<Switch> {
        self.all_switches().get(persona).map(|kept| kept.iter().rev().cloned().collect()).unwrap_or_default()
    }

    /// Notes a change of the rule that decides, and gives what has to be saved of it.
    pub(super) fn note_switch(&self, persona: &PersonaName, switch: Switch) -> Option<Write> {
        let mut switches = self.all_switches();
        let kept = switches.entry(persona.clone()).or_default();
        // Two plans of one step tell of the same switch.
        if kept.back().is_some_and(|last| last.to == switch.to && last.reason == switch.reason) {
            return None;
        }
        if kept.len() == SWITCHES_KEPT {
            kept.pop_front();
        }
        kept.push_back(switch);
        let value = serde_json::to_string(kept).ok()?;
        Some(Write::Setting { key: switches_key(persona), value: Some(value) })
    }

    /// What has to be saved of a persona's contest at this step: once an hour, each at a step of its own.
    pub(super) fn unsaved(&self, persona: &PersonaName, now: TimestampMs, step_ms: i64) -> Option<Write> {
        let mut hasher = DefaultHasher::new();
        persona.hash(&mut hasher);
        let offset = (hasher.finish() % HOUR_MS.unsigned_abs()) as i64;
        if (now - offset).floor(HOUR_MS) == (now - offset - step_ms).floor(HOUR_MS) {
            return None;
        }
        let contests = self.contests();
        let value = contests.get(persona).and_then(|held| serde_json::to_string(&held.contest).ok())?;
        Some(Write::Setting { key: key(persona), value: Some(value) })
    }
}

impl Held {
    fn new(rules: &[Rule], snapshot: &Snapshot) -> Self {
        Self { contest: Contest::new(rules, snapshot.stock.total()), last: None }
    }
}

/// The change of the rule that decides, where the plan of a step brings one: another kind of rule than the plan before, or
/// the same with other parameters.
pub(super) fn switch(plan: &Plan, choice: Option<&Choice>, before: Option<Policy>) -> Option<Switch> {
    let leader = choice.and_then(|choice| Some((choice, choice.before?)));
    let from = before.or(leader.map(|(_, rule)| rule.policy()))?;
    if from == plan.policy && leader.is_none_or(|(choice, _)| choice.rule.policy() != plan.policy) {
        return None;
    }
    let reason = match leader {
        Some((choice, _)) if choice.rule.policy() == plan.policy => choice.to_string(),
        _ => plan.reasons.iter().map(|reason| reason.detail.as_str()).collect::<Vec<_>>().join("; "),
    };
    Some(Switch { at: plan.at, from, to: plan.policy, reason })
}

fn switches_key(persona: &PersonaName) -> String {
    format!("switches/{persona}")
}

fn key(persona: &PersonaName) -> String {
    format!("contest/{persona}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_domain::plan::{Reason, ReasonCode};

    fn plan(policy: Policy) -> Plan {
        serde_json::from_value(serde_json::json!({
            "persona": "web", "persona_version": 1, "at": TimestampMs(0), "policy": policy, "wanted": 2,
            "stock": forewarm_domain::plan::Stock::default(), "levels": [],
            "reasons": [Reason { code: ReasonCode::NoForecast, detail: "the plugin is dead".into() }],
        }))
        .expect("a plan")
    }

    fn choice(rule: Rule, before: Option<Rule>) -> Choice {
        Choice { rule, wanted: 2, before, costs: (1.0, 2.0) }
    }

    #[test]
    fn a_switch_is_another_kind_of_rule_or_another_of_the_same() {
        let (keep, longer) = (Rule::KeepAlive { steps: 10, margin: 0.1 }, Rule::KeepAlive { steps: 60, margin: 0.1 });
        let programme = Rule::LevelProgramme { recent: None };
        let told = |policy, choice: Option<&Choice>, before| switch(&plan(policy), choice, before);
        assert_eq!(told(Policy::KeepAlive, Some(&choice(keep, None)), None), None, "the first plan");
        assert_eq!(told(Policy::KeepAlive, Some(&choice(keep, None)), Some(Policy::KeepAlive)), None);
        let parameters = told(Policy::KeepAlive, Some(&choice(longer, Some(keep))), Some(Policy::KeepAlive));
        assert!(parameters.expect("a switch").reason.contains("takes over from keep-alive of 10 steps"));
        let failed = told(Policy::Reactive, Some(&choice(programme, None)), Some(Policy::LevelProgramme));
        assert_eq!(failed.expect("a switch").reason, "the plugin is dead");
    }

    #[test]
    fn the_newest_switches_are_kept_each_once() {
        let (contests, web) = (Contests::default(), "web".parse().expect("valid"));
        let switch = |number: usize| Switch {
            at: TimestampMs(number as i64),
            from: Policy::Reactive,
            to: Policy::KeepAlive,
            reason: number.to_string(),
        };
        for number in 0..=SWITCHES_KEPT {
            assert!(contests.note_switch(&web, switch(number)).is_some());
            assert!(contests.note_switch(&web, switch(number)).is_none(), "the same again");
        }
        let kept = contests.switches(&web);
        assert_eq!((kept.len(), kept[0].reason.as_str()), (SWITCHES_KEPT, "100"));
    }
}
