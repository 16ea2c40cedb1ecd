//! Where instances are held, where the persona names several places that serve as well: in the cheapest that has room, and
//! idle ones are moved there where that pays for the boot.

mod kept;
#[cfg(test)]
mod tests;

use super::{Reason, ReasonCode};
use crate::id::PlacementName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One choice, as it stands at the moment of choosing.
#[derive(Debug, Clone, PartialEq)]
pub struct Offering {
    /// `None` is the persona as it stands.
    pub placement: Option<PlacementName>,
    /// What a warm instance costs there per hour; `None` while the driver has not told.
    pub per_hour: Option<f64>,
    /// Instances that may be launched there at present, as far as is known.
    pub room: u32,
    /// Instances there that are ready, claimed or on their way, parked ones and moves left out.
    pub held: u32,
    /// Of these the idle ones that no move is under way for.
    pub idle: u32,
}

/// Instances held in one placement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Placed {
    /// Absent for the persona as it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<PlacementName>,
    /// What a warm instance costs there per hour, in units of the driver's currency; absent while the driver has not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_hour: Option<f64>,
    /// Instances there that are ready, claimed or on their way.
    pub instances: u32,
}

/// One idle instance that is worth moving.
#[derive(Debug, Clone, PartialEq)]
pub struct Move {
    /// Where it is; `None` is the persona as it stands.
    pub from: Option<PlacementName>,
    /// Where one is launched in its place.
    pub to: Option<PlacementName>,
    /// What that saves per hour.
    pub saved_per_hour: f64,
    /// For how many hours the plan expects to keep it, at least.
    pub hours: f64,
    /// What the boot costs, in which both are held.
    pub boot_cost: f64,
}

/// Sorts the choices into the order in which they are taken: by price, and of those that cost the same, and of those whose
/// price is not known, as they are listed. No price is guessed: the unknown come after all others.
pub fn cheapest_first(offerings: &mut [Offering]) {
    offerings.sort_by(|a, b| match (a.per_hour, b.per_hour) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (a, b) => a.is_none().cmp(&b.is_none()),
    });
}

/// The idle instances that are worth moving, at most `most`: from the dearest to the cheapest with room, as long as the
/// difference over the hours in which the plan keeps the instance exceeds what the boot costs. `kept_hours(k)` says for how
/// long `k` instances are needed at least: idle ones that cost the most are let go the first, so that they are the highest
/// levels, and the lowest of them is moved first.
#[must_use]
pub fn moves(offerings: &[Offering], most: u32, boot_hours: f64, kept_hours: impl Fn(u32) -> f64) -> Vec<Move> {
    let mut left: Vec<Offering> = offerings.to_vec();
    cheapest_first(&mut left);
    let Some(cheapest) = left.iter().filter(|choice| choice.room > 0).find_map(|choice| choice.per_hour) else {
        return Vec::new();
    };
    let is_dearer = |choice: &&Offering| choice.per_hour.is_some_and(|price| price > cheapest);
    let dear: u32 = left.iter().filter(is_dearer).map(|choice| choice.idle).sum();
    let below = left.iter().map(|choice| choice.held).sum::<u32>().saturating_sub(dear);
    let mut chosen = Vec::new();
    for level in (below + 1..=below + dear).take(most as usize) {
        let Some(next) = best(&left, boot_hours, kept_hours(level)) else { break };
        for choice in &mut left {
            choice.idle -= u32::from(choice.placement == next.from);
            choice.room -= u32::from(choice.placement == next.to);
        }
        chosen.push(next);
    }
    chosen
}

/// The move from the dearest idle to the cheapest with room, where it pays. `choices` are in the order of their prices.
fn best(choices: &[Offering], boot_hours: f64, hours: f64) -> Option<Move> {
    let from = choices.iter().rev().find(|choice| choice.idle > 0 && choice.per_hour.is_some())?;
    let to = choices.iter().find(|choice| choice.room > 0 && choice.per_hour.is_some())?;
    let (dear, cheap) = (from.per_hour?, to.per_hour?);
    let (saved_per_hour, boot_cost) = (dear - cheap, boot_hours * cheap);
    let pays = saved_per_hour > 0.0 && saved_per_hour * hours > boot_cost;
    let (from, to) = (from.placement.clone(), to.placement.clone());
    pays.then_some(Move { from, to, saved_per_hour, hours, boot_cost })
}

/// The choices of one persona, the first to be taken at the beginning, with what is to be told of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Placing {
    offerings: Vec<Offering>,
    /// What an instance costs per hour as the persona stands.
    base: Option<f64>,
}

impl Placing {
    /// Of a persona's choices, as they are listed.
    #[must_use]
    pub fn new(mut offerings: Vec<Offering>) -> Self {
        let base = offerings.iter().find(|choice| choice.placement.is_none()).and_then(|choice| choice.per_hour);
        cheapest_first(&mut offerings);
        Self { offerings, base }
    }

    /// The choices in the order in which they are taken.
    #[must_use]
    pub fn offerings(&self) -> &[Offering] {
        &self.offerings
    }

    /// Where instances are held.
    #[must_use]
    pub fn placed(&self) -> Vec<Placed> {
        let placed = self.offerings.iter().map(|choice| Placed {
            placement: choice.placement.clone(),
            per_hour: choice.per_hour,
            instances: choice.held,
        });
        placed.collect()
    }

    /// What holding instances in placements saves per hour against holding all of them as the persona stands; `None` where
    /// a price that it takes is not known.
    #[must_use]
    pub fn saved_per_hour(&self) -> Option<f64> {
        let base = self.base?;
        let held = self.offerings.iter().filter(|choice| choice.placement.is_some() && choice.held > 0);
        held.map(|choice| choice.per_hour.map(|price| f64::from(choice.held) * (base - price))).sum()
    }

    /// Where instances are held and launched, in a sentence.
    #[must_use]
    pub fn reason(&self) -> Reason {
        let all: u32 = self.offerings.iter().map(|choice| choice.held).sum();
        let held = self.offerings.iter().filter(|choice| choice.placement.is_some() && choice.held > 0);
        let held: Vec<String> = held.map(|choice| self.told(choice, all)).collect();
        let mut parts = Vec::from([match (held.is_empty(), self.base) {
            (false, _) => held.join(", "),
            (true, Some(base)) => format!("all {all} are held as the persona stands, at {base:.4} an hour"),
            (true, None) => format!("all {all} are held as the persona stands"),
        }]);
        parts.extend(self.saved_per_hour().filter(|saved| *saved != 0.0).map(|saved| {
            let (amount, than) = (saved.abs(), if saved > 0.0 { "less" } else { "more" });
            format!("{amount:.4} an hour {than} than all as the persona stands")
        }));
        parts.extend(self.first_choice());
        let unknown = self.offerings.iter().filter(|choice| choice.per_hour.is_none());
        let unknown: Vec<&str> = unknown.map(|choice| shown(choice.placement.as_ref())).collect();
        if !unknown.is_empty() {
            parts.push(format!("no price is known of {}: in the order of the persona", unknown.join(", ")));
        }
        Reason::new(ReasonCode::Placement, parts.join("; "))
    }

    fn told(&self, choice: &Offering, all: u32) -> String {
        let (held, place) = (choice.held, shown(choice.placement.as_ref()));
        match (choice.per_hour, self.base) {
            (Some(price), Some(base)) => {
                format!("{held} of {all} in {place} at {price:.4} instead of {base:.4} an hour")
            }
            _ => format!("{held} of {all} in {place}"),
        }
    }

    /// Where the next launch goes, and which choices before that have no room.
    fn first_choice(&self) -> Option<String> {
        let open = self.offerings.iter().position(|choice| choice.room > 0)?;
        let names = |choices: &[Offering]| {
            choices.iter().map(|choice| shown(choice.placement.as_ref())).collect::<Vec<_>>().join(", ")
        };
        let (full, first) = (names(self.offerings.get(..open)?), names(self.offerings.get(open..=open)?));
        let without = if full.is_empty() { String::new() } else { format!(", since there is no room in {full}") };
        Some(format!("the next is launched in {first}{without}"))
    }

    /// What moves are worth, in a sentence; `held_up` says why they are not begun at present.
    #[must_use]
    pub fn explain(moves: &[Move], held_up: Option<&str>) -> Option<Reason> {
        let first = moves.first()?;
        let sum = |of: &dyn Fn(&Move) -> f64| moves.iter().map(of).sum::<f64>();
        let hours = moves.iter().map(|one| one.hours).fold(f64::INFINITY, f64::min);
        let (count, from, to) = (moves.len(), shown(first.from.as_ref()), shown(first.to.as_ref()));
        let others =
            if moves.iter().all(|one| (&one.from, &one.to) == (&first.from, &first.to)) { "" } else { " and others" };
        let detail = format!(
            "{count} idle {} worth moving from {from} to {to}{others}: an estimated {:.4} an hour less for {hours:.2} hours at \
             least, against {:.4} for booting{}",
            if count == 1 { "is" } else { "are" },
            sum(&|one| one.saved_per_hour),
            sum(&|one| one.boot_cost),
            held_up.map_or_else(String::new, |why| format!("; not now: {why}")),
        );
        Some(Reason::new(ReasonCode::Consolidation, detail))
    }
}

/// How a choice is called.
fn shown(placement: Option<&PlacementName>) -> &str {
    placement.map_or("the persona's own", PlacementName::as_str)
}
