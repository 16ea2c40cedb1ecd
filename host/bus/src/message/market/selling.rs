//! Calls to the market: which windows it trades, what an owner can spare, and getting leased instances back.

use super::MarketCall;
use crate::subject::Subject;
use async_trait::async_trait;
use forewarm_domain::id::{LeaseId, PersonaName, ReclaimId, TenantName};
use forewarm_domain::lending::{DeliveryWindow, LeaseClass};
use forewarm_domain::time::TimestampMs;
use serde::{Deserialize, Serialize};

/// Asks for the windows for which offers are taken at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowsCall {}

/// Tells all that the owner of a persona can spare. It takes the place of whatever was announced for the persona
/// before; an announcement with an older `made_at` than the newest one is ignored. Nothing is on offer after
/// `valid_until` any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnounceCall {
    /// Whose instances.
    pub persona: PersonaName,
    /// Who is paid for them.
    pub owner: TenantName,
    /// When it was found out, by the host's clock.
    pub made_at: TimestampMs,
    /// Until when it can be counted upon.
    pub valid_until: TimestampMs,
    /// What can be spared, by window and class; absent is nothing.
    pub surplus: Vec<Surplus>,
}

/// What can be spared in one window and class, beyond what is handed over already; the market takes off what it has sold
/// and not handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surplus {
    /// When.
    pub window: DeliveryWindow,
    /// On which terms.
    pub class: LeaseClass,
    /// How many instances; above zero.
    pub units: u32,
    /// What having an instance idle costs its owner, in micro-credits per instance-second.
    pub carrying_cost: u32,
    /// How likely the owner wants it back within the window, in parts per million: pi.
    pub reclaim_ppm: u32,
    /// What share of the window is then unused, in parts per million: rho.
    pub unused_ppm: u32,
    /// The least that the owner takes whatever the formula says, in micro-credits per instance-second.
    pub reserve_floor: u32,
    /// What missing an instance costs its owner, in micro-credits per instance-second: the firm premium is at least
    /// pi x rho x this.
    pub shortage_cost: u32,
}

/// Asks what of a persona's instances is sold and not handed over yet. Changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoldCall {
    /// Of which persona.
    pub persona: PersonaName,
}

/// Instances that will be handed over to a lease when its window begins: the host has them ready by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sold {
    /// To which lease.
    pub lease: LeaseId,
    /// When.
    pub window: DeliveryWindow,
    /// How many.
    pub units: u32,
}

/// An announcement was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {}

/// Asks what getting instances back would cost. Changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewCall {
    /// Of which persona.
    pub persona: PersonaName,
    /// How many instances; above zero.
    pub units: u32,
}

/// What getting instances back would cost, the cheapest first: the first `n` candidates are those that asking for that
/// many units takes, as things stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReclaimPreview {
    /// Leases that could be called back now, in the order in which they would be. Their units may be fewer than were
    /// asked for, and more: a lease is called back as a whole.
    pub candidates: Vec<ReclaimCandidate>,
}

/// One lease that could be, or was, called back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReclaimCandidate {
    /// Which lease.
    pub lease: LeaseId,
    /// How many instances it holds.
    pub units: u32,
    /// What its owner pays in all: refund and compensation, in micro-credits.
    pub cost: i64,
    /// How long the tenant keeps them from the call on, in milliseconds.
    pub notice_ms: i64,
}

/// Calls leases back, the cheapest first, until `units` instances are on their way or `cost_most` is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReclaimCall {
    /// Names it: a repetition calls back nothing more.
    pub reclaim: ReclaimId,
    /// Of which persona.
    pub persona: PersonaName,
    /// How many instances; above zero.
    pub units: u32,
    /// When they are needed: leases whose notice ends later are left alone. `None` takes any.
    pub needed_by: Option<TimestampMs>,
    /// The most that it may cost in all, in micro-credits.
    pub cost_most: i64,
    /// Why, in a sentence that the tenants read.
    pub reason: String,
}

/// What is called back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reclaimed {
    /// Which request.
    pub reclaim: ReclaimId,
    /// The leases, each with its cost and notice as they were decided; none where nothing fits the terms. The host hears
    /// of each by a [`NoticeCall`](super::NoticeCall), too.
    pub leases: Vec<ReclaimCandidate>,
}

/// Why the market refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarketRefusal {
    /// The owner has no account.
    #[error("the market knows no tenant {owner}: open an account for it")]
    UnknownOwner {
        /// Who.
        owner: TenantName,
    },
    /// The reclaim was asked for before with other terms.
    #[error("reclaim {reclaim} was asked for before with other terms")]
    Conflict {
        /// Which.
        reclaim: ReclaimId,
    },
    /// The market can't at present: asking again later may help.
    #[error("the market can't at present: {detail}")]
    Unavailable {
        /// What is in the way.
        detail: String,
    },
    /// The call makes no sense.
    #[error("not a valid call: {detail}")]
    Invalid {
        /// What is wrong, and what would be right.
        detail: String,
    },
}

/// Any call to the market, as it arrives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarketCalls {
    /// See [`WindowsCall`].
    Windows(WindowsCall),
    /// See [`AnnounceCall`].
    Announce(AnnounceCall),
    /// See [`SoldCall`].
    Sold(SoldCall),
    /// See [`PreviewCall`].
    Preview(PreviewCall),
    /// See [`ReclaimCall`].
    Reclaim(ReclaimCall),
}

/// Answers calls to the market.
#[async_trait]
pub trait ServeMarket: Send + Sync + 'static {
    /// The windows for which offers are taken, the soonest first.
    async fn windows(&self, call: WindowsCall) -> Result<Vec<DeliveryWindow>, MarketRefusal>;
    /// Takes what an owner can spare.
    async fn announce(&self, call: AnnounceCall) -> Result<Announced, MarketRefusal>;
    /// Tells what is sold and not handed over yet, by window.
    async fn sold(&self, call: SoldCall) -> Result<Vec<Sold>, MarketRefusal>;
    /// Tells what getting instances back would cost.
    async fn preview(&self, call: PreviewCall) -> Result<ReclaimPreview, MarketRefusal>;
    /// Calls leases back.
    async fn reclaim(&self, call: ReclaimCall) -> Result<Reclaimed, MarketRefusal>;
}

/// Where calls to the market go.
pub(super) fn market_subject() -> Subject {
    Subject::of("forewarm.v1.", "market")
}

macro_rules! market_call {
    ($call:ty, $answer:ty, $operation:literal) => {
        impl MarketCall for $call {
            type Answer = $answer;
            type Refusal = MarketRefusal;
            const OPERATION: &'static str = $operation;
            fn subject(&self) -> Subject {
                market_subject()
            }
        }
    };
}

market_call!(WindowsCall, Vec<DeliveryWindow>, "windows");
market_call!(AnnounceCall, Announced, "announce");
market_call!(SoldCall, Vec<Sold>, "sold");
market_call!(PreviewCall, ReclaimPreview, "preview");
market_call!(ReclaimCall, Reclaimed, "reclaim");
