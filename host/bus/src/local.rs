//! The bus inside one process: payloads are handed over without a copy.

use crate::bus::{Bus, Handler, Health};
use crate::error::BusError;
use crate::service::{ABANDONED, Admitted, Desk, Refusal, Service, too_large_an_answer};
use crate::subject::{Pattern, Subject};
use crate::subscription::{Mailbox, SUBSCRIPTION_CAPACITY, Subscription};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Limits of a bus inside one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalConfig {
    /// The largest payload in bytes. The default, 8 MiB, is the most that a NATS server should be set to carry, so
    /// that what works in one process can work in a fleet.
    pub max_payload: usize,
    /// How many messages wait for a subscriber.
    pub subscription_capacity: usize,
}

impl Default for LocalConfig {
    fn default() -> Self {
        Self { max_payload: 8 * 1024 * 1024, subscription_capacity: SUBSCRIPTION_CAPACITY }
    }
}

/// The bus inside one process. Clones are the same bus.
#[derive(Debug, Clone, Default)]
pub struct LocalBus {
    config: LocalConfig,
    routes: Arc<Mutex<Routes>>,
}

#[derive(Debug, Default)]
struct Routes {
    subscribers: Vec<(Pattern, Arc<Mailbox>)>,
    servers: HashMap<Subject, Servers>,
}

#[derive(Debug, Default)]
struct Servers {
    desks: Vec<Arc<Desk>>,
    /// Who is asked first next time.
    turn: usize,
}

impl LocalBus {
    /// A bus with the default limits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A bus with other limits.
    #[must_use]
    pub fn with_config(config: LocalConfig) -> Self {
        Self { config, routes: Arc::default() }
    }

    fn routes(&self) -> MutexGuard<'_, Routes> {
        // No code that can panic half-way runs under the lock.
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_size(&self, subject: &Subject, payload: &Bytes) -> Result<(), BusError> {
        let (size, limit) = (payload.len(), self.config.max_payload);
        if size > limit { Err(BusError::TooLarge { subject: subject.clone(), size, limit }) } else { Ok(()) }
    }

    /// A place at the first server, in turn, that has one.
    fn admit(&self, subject: &Subject) -> Result<(Arc<Desk>, Admitted), BusError> {
        let mut routes = self.routes();
        let no_responders = || BusError::NoResponders { subject: subject.clone() };
        let servers = routes.servers.get_mut(subject).ok_or_else(no_responders)?;
        servers.desks.retain(|desk| !desk.is_over());
        let count = servers.desks.len();
        if count == 0 {
            routes.servers.remove(subject);
            return Err(no_responders());
        }
        servers.turn = (servers.turn + 1) % count;
        let in_turn = servers.desks.iter().cycle().skip(servers.turn).take(count);
        in_turn
            .filter_map(|desk| Some((Arc::clone(desk), desk.admit().ok()?)))
            .next()
            .ok_or_else(|| BusError::Busy { subject: subject.clone() })
    }
}

#[async_trait]
impl Bus for LocalBus {
    async fn publish(&self, subject: &Subject, payload: Bytes) -> Result<(), BusError> {
        self.check_size(subject, &payload)?;
        let mut routes = self.routes();
        routes.subscribers.retain(|(_, mailbox)| !mailbox.is_closed());
        for (pattern, mailbox) in &routes.subscribers {
            if pattern.matches(subject) {
                mailbox.push(subject.clone(), payload.clone());
            }
        }
        Ok(())
    }

    async fn subscribe(&self, pattern: &Pattern) -> Result<Subscription, BusError> {
        let mailbox = Mailbox::new(self.config.subscription_capacity);
        self.routes().subscribers.push((pattern.clone(), Arc::clone(&mailbox)));
        Ok(Subscription::new(mailbox, None))
    }

    async fn request(&self, subject: &Subject, payload: Bytes, timeout: Duration) -> Result<Bytes, BusError> {
        self.check_size(subject, &payload)?;
        let (desk, admitted) = self.admit(subject)?;
        // A task of its own, as over a network: a caller that gives up does not cancel the work.
        let answer = tokio::time::timeout(timeout, desk.spawn(admitted.answer(payload))).await;
        let answer = answer.map_err(|_| BusError::Timeout { subject: subject.clone(), after: timeout })?;
        let failed = |message: String| BusError::Failed { subject: subject.clone(), message };
        match answer {
            Ok(Ok(answer)) if answer.len() > self.config.max_payload => {
                Err(failed(too_large_an_answer(answer.len(), self.config.max_payload)))
            }
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(Refusal::Busy)) => Err(BusError::Busy { subject: subject.clone() }),
            Ok(Err(Refusal::Stopping)) => Err(BusError::NoResponders { subject: subject.clone() }),
            Ok(Err(Refusal::Abandoned)) => Err(failed(ABANDONED.into())),
            Ok(Err(Refusal::Panicked(message))) => Err(failed(message)),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    async fn serve(
        &self,
        subject: &Subject,
        handler: Arc<dyn Handler>,
        concurrency: usize,
    ) -> Result<Service, BusError> {
        let desk = Desk::new(handler, concurrency);
        let mut routes = self.routes();
        let servers = routes.servers.entry(subject.clone()).or_default();
        servers.desks.retain(|desk| !desk.is_over());
        servers.desks.push(Arc::clone(&desk));
        Ok(Service::new(desk))
    }

    async fn health(&self) -> Health {
        Health::Connected
    }
}
