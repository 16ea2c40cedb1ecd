//! Policies compete: one contest per persona, scored once a planning step and kept over a restart.

use super::catalog::Catalog;
use crate::store::{Store, StoreError, Write};
use forewarm_domain::id::PersonaName;
use forewarm_domain::plan::{Economy, Outlook, Snapshot};
use forewarm_domain::policy::{Choice, Contest, Moment, Rule, Standing, entrants};
use forewarm_domain::time::{HOUR_MS, TimestampMs};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// See the module's description.
#[derive(Default)]
pub(super) struct Contests(Mutex<HashMap<PersonaName, Held>>);

struct Held {
    contest: Contest,
    /// The step that was decided on last, and what was decided.
    last: Option<(TimestampMs, Choice)>,
}

impl Contests {
    /// Takes up what was saved last, at most an hour before the last run ended.
    pub(super) async fn open(store: &Store, catalog: &Catalog) -> Result<Self, StoreError> {
        let mut contests = HashMap::new();
        for persona in catalog.list() {
            let name = &persona.spec.name;
            let saved = store.setting(&key(name)).await?;
            // One that another version wrote in another form begins anew.
            if let Some(contest) = saved.and_then(|text| serde_json::from_str(&text).ok()) {
                contests.insert(name.clone(), Held { contest, last: None });
            }
        }
        Ok(Self(Mutex::new(contests)))
    }

    fn contests(&self) -> MutexGuard<'_, HashMap<PersonaName, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
            bounds: (snapshot.scaling.min, snapshot.scaling.max),
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

fn key(persona: &PersonaName) -> String {
    format!("contest/{persona}")
}
