//! Planned events: known ahead, so that what they need is ready when they begin.
//!
//! An event changes the forecast of the steps that it covers, and so every policy that looks ahead meets it in time. A
//! factor acts until the event has begun: from then on it is in the load that was measured, and acting again would count
//! it twice. Until the event ends nothing is let go.

use super::Acted;
use crate::calendar::{Effect, PlannedEvent, Spanned};
use crate::forecast::Fan;
use crate::plan::{Outlook, Reason, ReasonCode, Snapshot, instances_for};
use std::borrow::Cow;

/// The snapshot with its events in its forecast, and what that changed.
pub(in crate::plan) fn with_events(snapshot: &Snapshot) -> (Cow<'_, Snapshot>, Vec<Reason>) {
    let Outlook::Forecast(fan) = &snapshot.outlook else { return (Cow::Borrowed(snapshot), Vec::new()) };
    let (mut raised, mut reasons) = (None, Vec::new());
    for (name, event) in &snapshot.limits.events {
        if let Some(changed) = changed(raised.as_ref().unwrap_or(fan), snapshot, event) {
            raised = Some(changed);
            reasons.push(Reason::new(ReasonCode::PlannedEvent, foreseen(name, event)));
        }
    }
    let with = raised.map(|fan| Snapshot { outlook: Outlook::Forecast(fan), ..snapshot.clone() });
    (with.map_or(Cow::Borrowed(snapshot), Cow::Owned), reasons)
}

fn changed(fan: &Fan, snapshot: &Snapshot, event: &PlannedEvent) -> Option<Fan> {
    match event.effect {
        Effect::Factor(factor) if !is_measured(snapshot, event) => {
            fan.changed_within(event.from, event.until, |load| load * factor)
        }
        Effect::Factor(_) => None,
        Effect::Instances(count) => {
            let least = f64::from(count) * snapshot.capacity_per_instance;
            fan.changed_within(event.from, event.until, |load| load.max(least))
        }
    }
}

/// Whether a step of the event has passed, so that its load is known.
fn is_measured(snapshot: &Snapshot, event: &PlannedEvent) -> bool {
    snapshot.at >= event.from + snapshot.step_ms
}

fn foreseen(name: &str, event: &PlannedEvent) -> String {
    let PlannedEvent { from, until, .. } = event;
    match event.effect {
        Effect::Factor(factor) => {
            format!("the event `{name}` multiplies the forecast by {factor} from {from} to {until}")
        }
        Effect::Instances(count) => {
            format!("the event `{name}` needs at least {count} instances from {from} to {until}")
        }
    }
}

pub(super) fn clamp(snapshot: &Snapshot, wanted: u32) -> Acted {
    let needs = snapshot.limits.events.iter().map(|(name, event)| (need(snapshot, event), name, event));
    let (needed, name, event) = needs.max_by_key(|(needed, ..)| *needed)?;
    let detail =
        || format!("the event `{name}` from {} to {} needs {needed}, {wanted} were wanted", event.from, event.until);
    (needed > wanted).then(|| (needed, ReasonCode::PlannedEvent, detail()))
}

/// What an event needs to have, or to have on its way: what was measured or is expected of it under any policy.
fn need(snapshot: &Snapshot, event: &PlannedEvent) -> u32 {
    let ready_by = snapshot.at + snapshot.lead_ms.saturating_add(snapshot.step_ms);
    if event.from > ready_by || event.until <= snapshot.at {
        return 0;
    }
    let expected = match event.effect {
        Effect::Instances(count) => count,
        Effect::Factor(_) if is_measured(snapshot, event) => 0,
        Effect::Factor(factor) => expected(snapshot, event, factor),
    };
    let kept = if event.holds(snapshot.at) { snapshot.stock.total() } else { 0 };
    expected.max(kept)
}

/// The most instances of the event's beginning: by the median of the forecast, which has the event in it, else by the
/// last loads.
fn expected(snapshot: &Snapshot, event: &PlannedEvent, factor: f64) -> u32 {
    let needed = |load: f64| instances_for(load, snapshot.capacity_per_instance);
    match &snapshot.outlook {
        Outlook::Forecast(fan) => {
            let begin = |step: usize| fan.start() + fan.step_ms() * step as i64;
            let steps = (0..fan.horizon()).filter(|step| event.holds(begin(*step)));
            let soon = steps.take_while(|step| begin(*step) <= snapshot.at + snapshot.lead_ms + snapshot.step_ms);
            soon.map(|step| needed(fan.quantile(step, 0.5))).max().unwrap_or(0)
        }
        Outlook::Unknown(_) => snapshot.recent_load.iter().map(|load| needed(load * factor)).max().unwrap_or(0),
    }
}
