//! The bus of forewarm: calls and events between its parts, in process ([`LocalBus`]) or over NATS ([`NatsBus`]).
//!
//! Invariants: whoever holds an `Arc<dyn Bus>` can't tell which one it is, and this crate is the only one that knows
//! NATS. Nothing is buffered without bound: subscribers lose the oldest messages and are told, servers answer `busy`.

mod bus;
mod error;
mod local;
pub mod message;
mod nats;
mod service;
mod subject;
mod subscription;

pub use bus::{Bus, Delivery, Handler, Health};
pub use error::BusError;
pub use local::{LocalBus, LocalConfig};
pub use nats::{ConnectError, NatsBus, NatsConfig};
pub use service::{DRAIN_LIMIT, QUEUE_PER_WORKER, Service};
pub use subject::{InvalidSubject, MAX_SUBJECT_BYTES, Pattern, Subject};
pub use subscription::{SUBSCRIPTION_CAPACITY, Subscription};
