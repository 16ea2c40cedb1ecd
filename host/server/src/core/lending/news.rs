//! News of leases, told as events: each was saved with the change that it tells of, and is told under the same
//! identifier until the bus has taken it.

use super::super::Core;
use crate::probe::Point;
use crate::store::StoreError;
use forewarm_bus::BusError;
use forewarm_bus::message::{Event, EventTopic, publish_event};
use forewarm_domain::id::LeaseId;
use tracing::warn;
use uuid::Uuid;

impl Core {
    /// Tells what is news of a lease, in order, up to the one named `through`, which is saved.
    pub(in crate::core) async fn tell_lease(&self, lease: LeaseId, through: Uuid) {
        if let Err(error) = self.tell_through(lease, through).await {
            warn!(%lease, %error, "the news of a lease have to wait");
        }
    }

    /// Tells what could not be told when it happened.
    pub(super) async fn tell_what_waits(&self) -> Result<(), StoreError> {
        let (waiting, unsaved) = {
            let pool = self.pool();
            (pool.untold(), pool.has_unsaved())
        };
        self.metrics.lending_events_waiting(waiting.len());
        if unsaved || !waiting.is_empty() {
            // Also what could not be saved when it happened, and that news were told.
            self.durable().await?;
        }
        for (lease, through) in waiting {
            if let Err(error) = self.tell_through(lease, through).await {
                warn!(%lease, %error, "the news of leases wait on");
                break;
            }
        }
        Ok(())
    }

    async fn tell_through(&self, lease: LeaseId, through: Uuid) -> Result<(), BusError> {
        let _alone = self.lending.telling.lock().await;
        loop {
            // Somebody else may have told it meanwhile.
            let next = self.pool().lease(lease).filter(|lent| lent.has_untold(through)).cloned();
            let Some((lent, news)) = next.and_then(|lent| Some((lent.clone(), lent.untold.first()?.clone()))) else {
                return Ok(());
            };
            let status = lent.status_at(&news, &self.clock.moment());
            let event = Event {
                id: news.id,
                at: news.at,
                topic: EventTopic::LeaseChanged,
                subject: lent.persona.to_string(),
                reason: news.reason,
                data: serde_json::to_value(status).unwrap_or_default(),
            };
            self.reached(Point::EventDue);
            publish_event(self.bus.as_ref(), &event).await?;
            self.reached(Point::EventSent);
            self.pool().told(lease, news.id);
        }
    }
}
