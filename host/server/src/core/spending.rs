//! What personas' instances have cost, measured once a planning step and kept over restarts.
//!
//! A step is paid for by what exists at its end: what is launched at a step's beginning is paid for from there on. The time
//! in which no host ran is paid for when one runs again, by what then exists.

use super::Core;
use super::catalog::Catalog;
use super::tiers::Offer;
use crate::store::{Store, StoreError, Write};
use forewarm_domain::id::PersonaName;
use forewarm_domain::instance::Tier;
use forewarm_domain::persona::{Ledger, Period, Persona};
use forewarm_domain::plan::{Spend, Stock};
use forewarm_domain::time::TimestampMs;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use utoipa::ToSchema;

/// See the module's description.
#[derive(Default)]
pub(super) struct Spending(Mutex<HashMap<PersonaName, Held>>);

struct Held {
    ledger: Ledger,
    unsaved: bool,
}

/// What a persona's instances have cost in a period.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Spent {
    /// Which period of the calendar, in UTC.
    pub period: Period,
    /// When it began.
    pub since: TimestampMs,
    /// What was spent since, in units of the driver's currency.
    pub spent: f64,
    /// The persona's budget for it, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<f64>,
    /// What is left of the budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<f64>,
    /// What one warm instance costs per hour; absent while the driver has not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_hour: Option<f64>,
}

impl Spending {
    /// Takes up what was saved last.
    pub(super) async fn open(store: &Store, catalog: &Catalog) -> Result<Self, StoreError> {
        let mut held = HashMap::new();
        for persona in catalog.list() {
            let name = &persona.spec.name;
            let Some(text) = store.setting(&key(name)).await? else { continue };
            let ledger = serde_json::from_str(&text)
                .map_err(|error| StoreError::corrupt(format!("what {name} has spent"), error))?;
            held.insert(name.clone(), Held { ledger, unsaved: false });
        }
        Ok(Self(Mutex::new(held)))
    }

    fn held(&self) -> MutexGuard<'_, HashMap<PersonaName, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the time up to `now`, in which what exists cost `rate` an hour. While that is not known, the time is left to
    /// be counted later.
    pub(super) fn count(&self, persona: &PersonaName, rate: Option<f64>, now: TimestampMs) {
        let mut held = self.held();
        if rate == Some(0.0) && !held.contains_key(persona) {
            return;
        }
        let held = held.entry(persona.clone()).or_insert_with(|| Held { ledger: Ledger::new(now), unsaved: true });
        if let Some(rate) = rate.filter(|_| now > held.ledger.through()) {
            held.ledger.count(now, rate);
            held.unsaved = true;
        }
    }

    /// What was spent of a period.
    pub(super) fn spent(&self, persona: &PersonaName, period: Period, now: TimestampMs) -> f64 {
        self.held().get(persona).map_or(0.0, |held| held.ledger.spent(period, now))
    }

    /// What has to be saved of a persona.
    pub(super) fn unsaved(&self, persona: &PersonaName) -> Option<Write> {
        let mut held = self.held();
        let held = held.get_mut(persona).filter(|held| held.unsaved)?;
        let value = serde_json::to_string(&held.ledger).ok()?;
        held.unsaved = false;
        Some(Write::Setting { key: key(persona), value: Some(value) })
    }
}

fn key(persona: &PersonaName) -> String {
    format!("spent/{persona}")
}

impl Core {
    /// What a persona's instances cost an hour, parked ones at their own price where there is one, and those in placements at
    /// the price there, or at the persona's own where that is not known; `None` while that of what exists is not known.
    pub(super) fn spend_rate(&self, persona: &Persona, offer: Option<Offer>, stock: Stock) -> Option<f64> {
        if stock.total() == 0 && stock.parked == 0 && stock.moving == 0 {
            return Some(0.0);
        }
        let warm = self.price_book.per_hour(persona)?;
        let parked = offer.and_then(|offer| offer.parked).unwrap_or(warm);
        if persona.spec.placements.is_empty() {
            return Some(warm * f64::from(stock.total() + stock.moving) + parked * f64::from(stock.parked));
        }
        let held = self.pool().held_in(&persona.spec.name);
        let rates = held.iter().map(|(placement, held)| {
            let price = |tier, otherwise| match placement {
                None => otherwise,
                Some(name) => self.price_book.placed(persona, Some(name), tier).unwrap_or(otherwise),
            };
            let (warm, parked) = (price(Tier::Warm, warm), price(Tier::Parked, parked));
            warm * f64::from(held.serving + held.moving) + parked * f64::from(held.parked)
        });
        Some(rates.sum())
    }

    /// What was spent of a persona's budget, where it has one.
    pub(super) fn spend(&self, persona: &Persona, now: TimestampMs) -> Option<Spend> {
        let budget = persona.spec.scaling.budget?;
        let spent = self.spending.spent(&persona.spec.name, budget.period, now);
        Some(Spend { spent, per_hour: self.price_book.dearest(persona) })
    }

    /// What a persona's instances have cost in the present day, week and month.
    #[must_use]
    pub fn spent(&self, persona: &Persona) -> [Spent; 3] {
        let (name, now) = (&persona.spec.name, self.clock.now());
        let per_hour = self.price_book.per_hour(persona);
        Period::ALL.map(|period| {
            let spent = self.spending.spent(name, period, now);
            let budget = persona.spec.scaling.budget.filter(|budget| budget.period == period);
            let budget = budget.map(|budget| budget.amount);
            let left = budget.map(|amount| (amount - spent).max(0.0));
            Spent { period, since: period.around(now).0, spent, budget, left, per_hour }
        })
    }

    /// The same of the period of its budget, where it has one, else of the month.
    pub(super) fn spent_of_budget(&self, persona: &Persona) -> Option<Spent> {
        let period = persona.spec.scaling.budget.map_or(Period::Month, |budget| budget.period);
        self.spent(persona).into_iter().find(|spent| spent.period == period)
    }
}
