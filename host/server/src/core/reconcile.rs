//! Reconciling: carries recorded intents out, and brings what the host believes in line with what the drivers list.
//!
//! Guarantees: an operation is recorded before it is sent, and sent again under the same token until its outcome is
//! recorded; so a host that is killed at any point leaves neither an orphan nor a double instance.

use super::Core;
use super::pool::{Changes, Pool};
use crate::probe::Point;
use crate::store::{Intent, StoreError};
use forewarm_bus::message::{DriverAnswer, DriverCall, DriverRequest, EventTopic};
use forewarm_domain::id::{InstanceId, PluginName};
use forewarm_domain::instance::{Instance, InstanceState, Tier};
use forewarm_domain::plan::{Reason, ReasonCode};
use forewarm_domain::plugin::{
    DriverInstance, DriverOperation, DriverState, PersonaView, PluginError, PluginErrorKind,
};
use forewarm_domain::time::{MINUTE_MS, SECOND_MS, TimestampMs};
use futures::stream::{self, StreamExt, TryStreamExt};
use std::collections::{HashMap, HashSet};
use tracing::warn;

/// The first wait before a failed operation is tried again; it doubles with each failure.
const FIRST_BACKOFF_MS: i64 = SECOND_MS;
/// Instances that are looked at while the pool is locked once: claims come in between.
const AT_A_TIME: usize = 250;
/// The longest such wait.
const LONGEST_BACKOFF_MS: i64 = 5 * MINUTE_MS;

impl Core {
    /// Carries out every intent that is recorded and due.
    ///
    /// # Errors
    /// [`StoreError`] when an outcome can't be saved: the operation is then repeated under the same token.
    pub async fn dispatch(&self) -> Result<(), StoreError> {
        let parallel = self.settings.parallel_calls.max(1);
        loop {
            let down = self.drivers_down.held_back();
            let due = self.pool().take_due(self.clock.now(), parallel, &down);
            if due.is_empty() {
                return Ok(());
            }
            let carried_out =
                stream::iter(due).map(Ok).try_for_each_concurrent(parallel, |(intent, instance)| async move {
                    self.perform(&intent, &instance).await
                });
            carried_out.await?;
        }
    }

    async fn perform(&self, intent: &Intent, instance: &Instance) -> Result<(), StoreError> {
        let at = |point| {
            if intent.operation == DriverOperation::Reset {
                self.reached(point);
            }
        };
        at(Point::Wiping);
        let outcome = self.send(intent, instance).await;
        at(Point::Wiped);
        self.record(intent, instance, outcome).await?;
        at(Point::WipeNoted);
        Ok(())
    }

    /// Tells the driver; `Ok(None)` where the instance is gone.
    async fn send(&self, intent: &Intent, instance: &Instance) -> Result<Option<DriverInstance>, PluginError> {
        let (id, token) = (intent.instance, intent.token);
        let operation = match intent.operation {
            DriverOperation::Create => {
                let persona = Box::new(self.persona_view(intent, instance)?);
                let is_shell = matches!(instance.state, InstanceState::Building { .. });
                let tier = if is_shell { Tier::Shell } else { Tier::Warm };
                DriverRequest::Create { id, token, persona, tier }
            }
            DriverOperation::Specialise => {
                let persona = Box::new(self.persona_view(intent, instance)?);
                DriverRequest::Specialise { id, token, persona }
            }
            DriverOperation::Park => DriverRequest::Park { id, token },
            DriverOperation::Start => DriverRequest::Start { id, token },
            DriverOperation::Reset => DriverRequest::Reset { id, token },
            DriverOperation::Destroy => DriverRequest::Destroy { id, token },
        };
        match self.drive(&intent.driver, operation).await? {
            DriverAnswer::Instance(instance) if instance.id == id => Ok(Some(instance)),
            DriverAnswer::Destroyed => Ok(None),
            other => Err(invalid_answer(&intent.driver, &format!("{other:?}"))),
        }
    }

    async fn drive(&self, driver: &PluginName, operation: DriverRequest) -> Result<DriverAnswer, PluginError> {
        let request = DriverCall { plugin: driver.clone(), operation };
        self.ask(&request).await
    }

    fn persona_view(&self, intent: &Intent, instance: &Instance) -> Result<PersonaView, PluginError> {
        let persona = self.catalog.get(&instance.persona).ok_or_else(|| PluginError {
            plugin: intent.driver.clone(),
            kind: PluginErrorKind::InvalidInput,
            message: format!("there is no persona {}", instance.persona),
        })?;
        let placement = instance.placement.as_ref().map(|name| {
            persona.spec.placement(name).ok_or_else(|| PluginError {
                plugin: intent.driver.clone(),
                kind: PluginErrorKind::InvalidInput,
                message: format!("persona {} has no placement {name} any more", instance.persona),
            })
        });
        Ok(PersonaView::placed(&persona, placement.transpose()?))
    }

    async fn record(
        &self,
        intent: &Intent,
        instance: &Instance,
        outcome: Result<Option<DriverInstance>, PluginError>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        match outcome {
            Ok(Some(seen)) => {
                if intent.operation == DriverOperation::Create {
                    self.note_capacity(instance).await;
                }
                self.change(|pool| {
                    pool.settle(intent);
                    ((), self.apply_state(pool, &seen, now))
                })
                .await
            }
            Ok(None) => {
                self.change(|pool| {
                    pool.settle(intent);
                    ((), pool.forget(intent.instance, "destroyed", now))
                })
                .await
            }
            Err(error) => self.record_failure(intent, instance, &error, now).await,
        }
    }

    async fn record_failure(
        &self,
        intent: &Intent,
        instance: &Instance,
        error: &PluginError,
        now: TimestampMs,
    ) -> Result<(), StoreError> {
        if error.kind == PluginErrorKind::Quarantined {
            // It never got there, so that it costs no attempt. The driver's list says when it can be called again.
            self.pool().put_off(intent);
            self.driver_failed(error).await;
            return Ok(());
        }
        let destroying = intent.operation == DriverOperation::Destroy;
        let creating = intent.operation == DriverOperation::Create;
        // What can't be had now is planned anew when it can: until then it does not count as being on its way.
        let short = creating && self.note_shortage(instance, error, now).await;
        let gives_up = short || !error.kind.is_passing() || intent.attempts + 1 >= self.settings.max_attempts;
        let text = error.to_string();
        warn!(instance = %intent.instance, operation = ?intent.operation, attempts = intent.attempts + 1, %error, "driver operation failed");
        if !gives_up || destroying {
            // What may exist is never forgotten: destroying is tried until the driver confirms it.
            let next = now + backoff_ms(intent.attempts);
            return self.change(|pool| (pool.postpone(intent, &text, next), Changes::default())).await;
        }
        let quarantined = self.change(|pool| {
            pool.settle(intent);
            // A creation that failed may have succeeded on the other side; a failed wipe must not reach another tenant.
            let unsupported = error.kind == PluginErrorKind::Unsupported;
            if pool.is_sanitizing(intent.instance) && !unsupported {
                return (true, self.keep_apart(pool, intent.instance, &text, now));
            }
            let failed = pool.instance(intent.instance).cloned();
            let changes = pool.discard(intent.instance, &text, now);
            if let Some(failed) = failed.filter(|_| short) {
                self.fall_over(pool, &failed, now);
            }
            (false, changes)
        });
        if quarantined.await? {
            self.reached(Point::Quarantined);
        }
        self.tell(EventTopic::InstanceChanged, intent.persona.to_string(), text, serde_json::Value::Null).await;
        Ok(())
    }

    /// Asks every driver in use what exists and brings the pool in line.
    ///
    /// # Errors
    /// [`StoreError`] when a change can't be saved. A driver that does not answer is left for the next round.
    pub async fn observe(&self) -> Result<(), StoreError> {
        let mut drivers: HashSet<PluginName> = self.pool().drivers();
        drivers.extend(self.catalog.list().iter().map(|persona| persona.spec.plugins.driver.clone()));
        for driver in drivers {
            let known = self.known_to(&driver);
            match self.drive(&driver, DriverRequest::List).await {
                Ok(DriverAnswer::Instances(listed)) => {
                    self.drivers_down.is_up(&driver);
                    self.take_in(&driver, &known, listed).await?;
                    self.learn_description(&driver).await;
                }
                Ok(other) => self.driver_failed(&invalid_answer(&driver, &format!("{other:?}"))).await,
                Err(error) => self.driver_failed(&error).await,
            }
        }
        Ok(())
    }

    fn known_to(&self, driver: &PluginName) -> HashMap<InstanceId, u32> {
        let (mut known, mut after) = (HashMap::new(), None);
        loop {
            let (more, last) = self.pool().known_to(driver, after, AT_A_TIME);
            known.extend(more);
            if last.is_none() {
                return known;
            }
            after = last;
        }
    }

    /// Told once per sort of failure, not at every round.
    async fn driver_failed(&self, error: &PluginError) {
        if self.drivers_down.is_down(error) {
            warn!(driver = %error.plugin, %error, "the driver can't be called: what is planned waits");
            let data = serde_json::Value::Null;
            self.tell(EventTopic::PluginFailed, error.plugin.to_string(), error.to_string(), data).await;
        }
    }

    /// A reason for the plan where the driver that would carry it out can't be called.
    pub(super) fn driver_down(&self, driver: &PluginName) -> Option<Reason> {
        let error = self.drivers_down.of(driver)?;
        Some(Reason { code: ReasonCode::DriverDown, detail: format!("what is wanted waits for the driver: {error}") })
    }

    /// `known` are the instances that the driver had been told of before it was asked, each with how much it was told.
    async fn take_in(
        &self,
        driver: &PluginName,
        known: &HashMap<InstanceId, u32>,
        listed: Vec<DriverInstance>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let present: HashSet<InstanceId> = listed.iter().map(|seen| seen.id).collect();
        let mut strangers = Vec::new();
        for part in listed.chunks(AT_A_TIME) {
            let news = self.change(|pool| {
                let mut changes = Changes::default();
                for seen in part {
                    match pool.instance(seen.id).map(|instance| instance.operations) {
                        None => strangers.push(seen.clone()),
                        // What was begun since it was asked is not in its list.
                        Some(told) if known.get(&seen.id) == Some(&told) => {
                            changes.extend(self.apply_state(pool, seen, now));
                        }
                        Some(_) => {}
                    }
                }
                ((), changes)
            });
            news.await?;
        }
        let gone: Vec<InstanceId> = known.keys().copied().filter(|id| !present.contains(id)).collect();
        self.change(|pool| {
            let mut changes = Changes::default();
            for id in gone {
                changes.extend(pool.forget(id, "it exists no longer, says its driver", now));
            }
            ((), changes)
        })
        .await?;
        for stranger in strangers {
            self.meet(driver, stranger, now).await?;
        }
        Ok(())
    }

    /// An instance that the driver has and nobody here knows: it is taken in and wiped where its persona is known, else
    /// reported.
    async fn meet(&self, driver: &PluginName, seen: DriverInstance, now: TimestampMs) -> Result<(), StoreError> {
        let persona = seen.persona.as_ref().filter(|name| self.catalog.get(name).is_some());
        let usable =
            matches!(seen.state, DriverState::Stable(Tier::Warm) | DriverState::Changing { to: Tier::Warm, .. });
        let Some(persona) = persona.filter(|_| usable) else {
            if seen.state == DriverState::Leaving {
                return Ok(());
            }
            let reason = format!("{driver} runs {} ({}), which is not ours", seen.reference, seen.id);
            let data = serde_json::to_value(&seen).unwrap_or_default();
            self.tell(EventTopic::DriverUnknownInstance, driver.to_string(), reason, data).await;
            return Ok(());
        };
        let instance = Instance {
            id: seen.id,
            persona: persona.clone(),
            shell: None,
            placement: None,
            replaces: None,
            driver: driver.clone(),
            driver_ref: Some(seen.reference.clone()),
            created_at: seen.since,
            // Beyond any number that was used for it before it was forgotten.
            operations: u32::MAX / 2,
            state: InstanceState::Warm { since: seen.since },
        };
        self.change(|pool| ((), pool.adopt(instance, "found at its driver", now))).await
    }

    /// An instance that could not be wiped after a lease is nobody's.
    fn keep_apart(&self, pool: &mut Pool, id: InstanceId, reason: &str, now: TimestampMs) -> Changes {
        if let Some(instance) = pool.instance(id) {
            self.metrics.wipe_failed(&instance.persona);
        }
        let changes = pool.quarantine(id, reason, now);
        self.reached(Point::Quarantining);
        changes
    }

    /// What the driver says of an instance that is known.
    fn apply_state(&self, pool: &mut Pool, seen: &DriverInstance, now: TimestampMs) -> Changes {
        match &seen.state {
            DriverState::Stable(Tier::Warm) => {
                self.keep_both_in_a_hold(pool, seen.id, now);
                pool.ready(seen.id, &seen.reference, seen.since.min(now))
            }
            DriverState::Stable(tier) => pool.held(seen.id, &seen.reference, *tier, seen.since.min(now)),
            DriverState::Changing { to, expected_at } => {
                pool.expect(seen.id, &seen.reference, *to, *expected_at);
                Changes::default()
            }
            DriverState::Failed(reason) if pool.is_sanitizing(seen.id) => self.keep_apart(pool, seen.id, reason, now),
            DriverState::Failed(_) if pool.is_quarantined(seen.id) => Changes::default(),
            DriverState::Failed(reason) => pool.discard(seen.id, reason, now),
            DriverState::Leaving => pool.leaving(seen.id, now),
        }
    }
}

fn backoff_ms(attempts: u32) -> i64 {
    FIRST_BACKOFF_MS.saturating_mul(1 << attempts.min(20)).min(LONGEST_BACKOFF_MS)
}

fn invalid_answer(driver: &PluginName, answer: &str) -> PluginError {
    let shown: String = answer.chars().take(200).collect();
    let message = format!("the answer does not fit the operation: {shown}");
    PluginError { plugin: driver.clone(), kind: PluginErrorKind::InvalidAnswer, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        assert_eq!([0, 1, 2, 40].map(backoff_ms), [1_000, 2_000, 4_000, LONGEST_BACKOFF_MS]);
    }
}
