//! Between hosts, which own capacity, and the market, which trades it.
//!
//! Calls to the market go to `forewarm.v1.market`, calls about a persona's capacity to `forewarm.v1.capacity.<persona>`,
//! which the host that holds the persona serves while it lends or instances of it are leased. All are MessagePack with
//! named fields, as calls to plugins are.
//!
//! # Guarantees
//! Every call may be repeated, by whoever is not sure of the answer: what it changes is keyed by the lease's, the
//! reclaim's or the announcement's own name, is durable before it is answered, and a repetition gets the answer that the
//! first one got, or the state as it is now. A name that comes again with other terms is refused.

mod answer;
mod capacity;
mod selling;
mod serve;

pub use answer::{MarketCall, MarketCallError, ask_market};
pub use capacity::{
    CapacityCalls, CapacityRefusal, GrantCall, HandedUnit, Handover, HeldLease, HoldingsCall, LeaseState, LeaseStatus,
    LeasedUnit, NoticeCall, ReleaseCall, ReleaseCause, ServeCapacity, StatusCall, UnitState,
};
pub use selling::{
    AnnounceCall, Announced, MarketCalls, MarketRefusal, PreviewCall, ReclaimCall, ReclaimCandidate, ReclaimPreview,
    Reclaimed, ServeMarket, Sold, SoldCall, Surplus, WindowsCall,
};
pub use serve::{serve_capacity, serve_market};
