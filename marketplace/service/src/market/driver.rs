//! One pass over all that is due: rounds are sealed, cleared, settled and published, leases are moved on, events leave.
//! Each step begins from what is durable, so that a pass after a crash goes on where the last one was ended.

use super::Market;
use crate::{
    core::{leases::Ask, snapshot::Snapshot, state::RoundRecord},
    error::MarketError,
    market::EventQuery,
    model::{Lease, LeaseEnd, LeaseState, OutboxEvent, RoundState},
    probe::Point,
};
use forewarm_auction::{RoundClearing, RoundNumber};
use forewarm_bus::message::{
    Event, EventTopic,
    market::{
        CapacityRefusal, GrantCall, LeaseStatus, MarketCallError, NoticeCall, ReleaseCall, ReleaseCause, StatusCall,
        ask_market,
    },
    publish_event,
};
use forewarm_domain::time::SECOND_MS;
use futures::{StreamExt, stream};
use std::{sync::Arc, time::Duration};

/// How long a host may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// Hosts that are asked at a time.
const ASKED_AT_ONCE: usize = 32;
/// Events that leave between two notes of how far they are.
const EVENTS_AT_ONCE: u32 = 500;

impl Market {
    /// One pass over all that is due.
    ///
    /// # Errors
    /// [`MarketError::Unavailable`] when a step could not be written: the next pass takes it up again.
    /// [`MarketError::Damaged`] when a round does not come to its result again.
    pub async fn advance(&self) -> Result<(), MarketError> {
        let _alone = self.0.pass.lock().await;
        // A round that can't be brought to its end holds up neither leases nor other rounds.
        let (under_way, due) = (self.finish_rounds().await, self.seal_rounds().await);
        let (leases, events) = (self.sweep().await, self.send_events().await);
        under_way.and(due).and(leases).and(events)
    }

    /// Takes up rounds that are under way.
    async fn finish_rounds(&self) -> Result<(), MarketError> {
        let mut outcome = Ok(());
        for record in self.0.actor.change(|state| Ok(state.unfinished())).await? {
            outcome = outcome.and(self.finish(record, None).await);
        }
        outcome
    }

    /// Seals the rounds whose time has come, and brings them to their end.
    async fn seal_rounds(&self) -> Result<(), MarketError> {
        let (now, mut outcome) = (self.now(), Ok(()));
        for number in self.0.actor.change(move |state| Ok(state.due(now))).await? {
            outcome = outcome.and(self.seal_and_finish(number).await);
        }
        outcome
    }

    async fn seal_and_finish(&self, number: RoundNumber) -> Result<(), MarketError> {
        let snapshot = self.seal(number).await?;
        let record = self.0.actor.change(move |state| state.round(number).cloned()).await?;
        self.finish(record, Some(snapshot)).await
    }

    fn reached(&self, point: Point) {
        self.0.parts.probe.reached(point);
    }

    async fn seal(&self, number: RoundNumber) -> Result<Arc<Snapshot>, MarketError> {
        let (now, next) = (self.now(), (self.0.parts.seeds)());
        let seal = move |state: &mut crate::core::state::State| {
            state.forget_keys(now);
            let snapshot = state.seal(number, next, now)?;
            state.before_commit = Some(Point::BeforeSeal);
            Ok(snapshot)
        };
        let snapshot = self.0.actor.change_alone(seal).await?;
        self.reached(Point::Sealed);
        Ok(snapshot)
    }

    /// Brings a sealed round to its end, from wherever it is.
    async fn finish(&self, record: RoundRecord, sealed: Option<Arc<Snapshot>>) -> Result<(), MarketError> {
        if matches!(record.round.state, RoundState::Sealed { .. } | RoundState::Cleared { .. }) {
            let snapshot = match sealed {
                Some(snapshot) => snapshot,
                None => Arc::new(self.0.store.snapshot(record.round.id).await?),
            };
            let clearing = self.clear(&record, &snapshot).await?;
            self.settle(record.round.number, snapshot, clearing).await?;
        }
        self.send_events().await?;
        let (number, now) = (record.round.number, self.now());
        let published = self.0.actor.change(move |state| state.publish(number, now)).await?;
        if published {
            self.reached(Point::Published);
        }
        Ok(())
    }

    async fn clear(&self, record: &RoundRecord, snapshot: &Arc<Snapshot>) -> Result<Arc<RoundClearing>, MarketError> {
        let (shared, seed, number) = (Arc::clone(snapshot), record.seed, record.round.number);
        let work = tokio::task::spawn_blocking(move || shared.clear(seed));
        let clearing = Arc::new(work.await.map_err(|error| MarketError::Damaged(error.to_string()))?);
        self.reached(Point::Computed);
        let noted = Arc::clone(&clearing);
        self.0.actor.change(move |state| state.note_result(number, &noted)).await?;
        self.reached(Point::Cleared);
        Ok(clearing)
    }

    async fn settle(
        &self,
        number: RoundNumber,
        snapshot: Arc<Snapshot>,
        clearing: Arc<RoundClearing>,
    ) -> Result<(), MarketError> {
        let now = self.now();
        let settle = move |state: &mut crate::core::state::State| {
            state.settle(number, &snapshot, &clearing, now)?;
            state.before_commit = Some(Point::BeforeSettle);
            Ok(())
        };
        self.0.actor.change_alone(settle).await?;
        self.reached(Point::Settled);
        Ok(())
    }

    /// Hands events to the bus in their order, and notes how far they are. One that can't leave waits, and those behind it.
    async fn send_events(&self) -> Result<(), MarketError> {
        loop {
            let after = self.0.store.sent_through().await?;
            let events = self.0.store.events(&EventQuery { after, limit: EVENTS_AT_ONCE }).await?;
            let mut sent = None;
            for event in &events {
                if let Err(error) = publish_event(self.0.parts.bus.as_ref(), &told(event)).await {
                    tracing::warn!(%error, "an event of the market has to wait");
                    break;
                }
                self.reached(Point::EventSent);
                sent = Some(event.sequence);
            }
            let Some(through) = sent else { return Ok(()) };
            self.0
                .actor
                .change(move |state| {
                    state.sent_through = Some(through);
                    state.sent = through;
                    Ok(())
                })
                .await?;
            self.reached(Point::EventsSent);
        }
    }

    /// Moves leases on, and asks hosts what is to be asked.
    async fn sweep(&self) -> Result<(), MarketError> {
        let moment = self.0.parts.clock.moment();
        let asks = self.0.actor.change_alone(move |state| state.sweep(&moment)).await?;
        let steps = stream::iter(asks).map(|(lease, ask)| async move { self.ask(lease, ask).await });
        let outcomes: Vec<Result<(), MarketError>> = steps.buffer_unordered(ASKED_AT_ONCE).collect().await;
        outcomes.into_iter().collect()
    }

    async fn ask(&self, lease: Lease, ask: Ask) -> Result<(), MarketError> {
        match ask {
            Ask::Grant => self.hand_over(lease).await,
            Ask::Notice => self.notify(lease).await,
            Ask::Release => self.take_back(lease).await,
            Ask::Status => self.look_at(lease).await,
        }
    }

    async fn hand_over(&self, lease: Lease) -> Result<(), MarketError> {
        self.reached(Point::HandingOver);
        let call = GrantCall {
            lease: lease.id,
            persona: lease.persona.clone(),
            tenant: lease.buyer.clone(),
            class: lease.class,
            units: lease.units.get(),
            until: lease.window.until(),
            min_run_s: lease.min_run_s,
        };
        match ask_market(self.0.parts.bus.as_ref(), &call, ANSWER_LIMIT).await {
            Ok(handover) => {
                self.reached(Point::HandedOver);
                let (id, now) = (lease.id, self.now());
                self.0.actor.change(move |state| state.handed_over(id, handover.units, now)).await?;
                self.reached(Point::Active);
                Ok(())
            }
            Err(error) => self.later(&lease, &error).await,
        }
    }

    async fn notify(&self, lease: Lease) -> Result<(), MarketError> {
        let LeaseState::Reclaiming { reason, .. } = &lease.state else { return Ok(()) };
        let notice_ms = i64::from(lease.notice_s) * SECOND_MS;
        let (persona, reason) = (lease.persona.clone(), reason.clone());
        let call = NoticeCall { lease: lease.id, persona, notice_ms, reason };
        let id = lease.id;
        match ask_market(self.0.parts.bus.as_ref(), &call, ANSWER_LIMIT).await {
            Ok(_) => {
                self.0
                    .actor
                    .change(move |state| {
                        state.noticed(id);
                        Ok(())
                    })
                    .await
            }
            Err(error) => self.later(&lease, &error).await,
        }
    }

    async fn take_back(&self, lease: Lease) -> Result<(), MarketError> {
        self.reached(Point::Revoking);
        let LeaseState::Revoking { end, .. } = lease.state else { return Ok(()) };
        let cause = match end {
            LeaseEnd::Expired => ReleaseCause::Expired,
            LeaseEnd::Released | LeaseEnd::LeftEarly => ReleaseCause::Returned,
            LeaseEnd::Reclaimed => ReleaseCause::Reclaimed,
            LeaseEnd::NotDelivered => ReleaseCause::Void,
        };
        let call = ReleaseCall { lease: lease.id, persona: lease.persona.clone(), cause };
        match ask_market(self.0.parts.bus.as_ref(), &call, ANSWER_LIMIT).await {
            Ok(status) => {
                self.reached(Point::Taken);
                let (id, now) = (lease.id, self.now());
                self.0.actor.change(move |state| state.taken(id, now)).await?;
                self.reached(Point::Sanitizing);
                self.note(&lease, status).await
            }
            Err(error) => self.later(&lease, &error).await,
        }
    }

    async fn look_at(&self, lease: Lease) -> Result<(), MarketError> {
        let call = StatusCall { lease: lease.id, persona: lease.persona.clone() };
        match ask_market(self.0.parts.bus.as_ref(), &call, ANSWER_LIMIT).await {
            Ok(status) => self.note(&lease, status).await,
            // Nothing was ever handed over: nothing is left to wipe.
            Err(MarketCallError::Refused(CapacityRefusal::UnknownLease { .. }))
                if matches!(lease.state, LeaseState::Sanitizing { .. }) =>
            {
                let state = forewarm_bus::message::market::LeaseState::Ended;
                self.note(&lease, LeaseStatus { lease: lease.id, state, units: Vec::new(), notice_left_ms: None }).await
            }
            Err(error) => self.later(&lease, &error).await,
        }
    }

    async fn note(&self, lease: &Lease, status: LeaseStatus) -> Result<(), MarketError> {
        let (id, now) = (lease.id, self.now());
        let over = status.state == forewarm_bus::message::market::LeaseState::Ended;
        if over {
            self.reached(Point::Wiped);
        }
        self.0.actor.change(move |state| state.looked_at(id, &status, now)).await?;
        if over {
            self.reached(Point::Returned);
        }
        Ok(())
    }

    async fn later<R: std::fmt::Display + std::fmt::Debug>(
        &self,
        lease: &Lease,
        error: &MarketCallError<R>,
    ) -> Result<(), MarketError>
    where
        MarketCallError<R>: std::fmt::Display,
    {
        tracing::warn!(lease = %lease.id, state = lease.state.name(), %error, "a lease has to wait for its host");
        let (id, now) = (lease.id, self.now());
        self.0
            .actor
            .change(move |state| {
                state.ask_later(id, now);
                Ok(())
            })
            .await
    }
}

/// The event as the bus carries it.
fn told(event: &OutboxEvent) -> Event {
    Event {
        id: event.id,
        at: event.at,
        topic: EventTopic::Market,
        subject: event.subject.clone(),
        reason: event.topic.as_str().to_owned(),
        data: serde_json::json!({"topic": event.topic, "sequence": event.sequence, "tenant": event.tenant,
            "round": event.round, "particulars": event.data}),
    }
}
