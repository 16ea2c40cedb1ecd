//! Intents in the pool: driver operations that are wanted, recorded, carried out and settled.

use super::Pool;
use crate::store::{Intent, Write};
use forewarm_domain::id::{IdempotencyToken, InstanceId, PluginName, idempotency_token};
use forewarm_domain::instance::{Instance, InstanceState};
use forewarm_domain::plugin::DriverOperation;
use forewarm_domain::time::TimestampMs;
use std::collections::HashSet;
use std::ops::Bound;

/// A driver operation on its way to its driver.
#[derive(Debug)]
pub(super) struct OpenIntent {
    pub(super) intent: Intent,
    /// Only what is recorded may be carried out.
    pub(super) saved: bool,
    pub(super) in_flight: bool,
}

impl Pool {
    /// Moves an instance to `state` and records the intent of the operation that brings it there. Operations that are
    /// not under way yet are superseded: the newest wish counts.
    pub(super) fn begin(&mut self, id: InstanceId, state: InstanceState, operation: DriverOperation, now: TimestampMs) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        let intent = Intent {
            token: idempotency_token(id, instance.operations),
            instance: id,
            persona: instance.persona.clone(),
            driver: instance.driver.clone(),
            operation,
            created_at: now,
            attempts: 0,
            next_attempt_at: now,
            last_error: None,
        };
        instance.operations += 1;
        self.set(id, state);
        let opens = self.intents.entry(id).or_default();
        let superseded: Vec<IdempotencyToken> =
            opens.extract_if(.., |open| !open.in_flight).map(|open| open.intent.token).collect();
        opens.push(OpenIntent { intent: intent.clone(), saved: false, in_flight: false });
        superseded.into_iter().for_each(|token| self.note(Write::IntentDone(token)));
        self.note(Write::Intent(intent));
    }

    /// Intents that are recorded and due, marked as being carried out: nobody else gets them until they are settled.
    /// Of one instance, one at a time; none of the drivers that are `down`.
    pub(crate) fn take_due(
        &mut self,
        now: TimestampMs,
        limit: usize,
        down: &HashSet<PluginName>,
    ) -> Vec<(Intent, Instance)> {
        let Self { intents, instances, .. } = self;
        let due = intents.iter_mut().filter_map(|(id, opens)| {
            let instance = instances.get(id)?;
            let first = opens.first_mut()?;
            let is_due = first.saved && !first.in_flight && first.intent.next_attempt_at <= now;
            let is_due = is_due && !down.contains(&first.intent.driver);
            is_due.then(|| {
                first.in_flight = true;
                (first.intent.clone(), instance.clone())
            })
        });
        due.take(limit).collect()
    }

    /// An operation was taken by the driver, or need not be carried out any more.
    pub(crate) fn settle(&mut self, intent: &Intent) {
        if let Some(opens) = self.intents.get_mut(&intent.instance) {
            opens.retain(|open| open.intent.token != intent.token);
            if opens.is_empty() {
                self.intents.remove(&intent.instance);
            }
        }
        self.note(Write::IntentDone(intent.token));
    }

    /// An operation failed for now: it is tried again at `next`, unless something else is wanted of the instance.
    pub(crate) fn postpone(&mut self, intent: &Intent, error: &str, next: TimestampMs) {
        let Some(opens) = self.intents.get_mut(&intent.instance) else { return };
        if opens.len() > 1 {
            return self.settle(intent);
        }
        let Some(open) = opens.first_mut() else { return };
        open.in_flight = false;
        open.intent.attempts = open.intent.attempts.saturating_add(1);
        open.intent.next_attempt_at = next;
        open.intent.last_error = Some(error.chars().take(500).collect());
        let write = Write::Intent(open.intent.clone());
        self.note(write);
    }

    /// An operation did not reach its driver: it stays as it was.
    pub(crate) fn put_off(&mut self, intent: &Intent) {
        let opens = self.intents.get_mut(&intent.instance).into_iter().flatten();
        for open in opens.filter(|open| open.intent.token == intent.token) {
            open.in_flight = false;
        }
    }

    /// Instances of one driver that it has been told of, and nothing more is wanted of: those that its list has to show.
    /// Each comes with the number of operations that it was told of: once that has grown, the list is out of date. Looks at
    /// `limit` instances beyond `after`; also gives where to go on, if there are more.
    pub(crate) fn known_to(
        &self,
        driver: &PluginName,
        after: Option<InstanceId>,
        limit: usize,
    ) -> (Vec<(InstanceId, u32)>, Option<InstanceId>) {
        let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut last = None;
        let part = self.instances.range((begin, Bound::Unbounded)).take(limit);
        let part = part.inspect(|(id, _)| last = Some(**id));
        let known = part.filter(|(id, instance)| instance.driver == *driver && !self.intents.contains_key(id));
        let known = known.map(|(id, instance)| (*id, instance.operations)).collect();
        (known, last)
    }

    /// Who runs instances.
    pub(crate) fn drivers(&self) -> HashSet<PluginName> {
        self.drivers.keys().cloned().collect()
    }
}
