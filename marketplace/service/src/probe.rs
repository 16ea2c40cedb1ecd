//! Points that the market passes on its way. Whoever tests it against crashes ends the process at one of them.

/// A point between two steps that a crash may part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Point {
    /// A round's seal is about to be committed.
    BeforeSeal,
    /// A round's seal is durable.
    Sealed,
    /// A round's result is computed and not yet noted.
    Computed,
    /// A round's result is durable.
    Cleared,
    /// All rows of a settlement are sent, the transaction is not committed.
    BeforeSettle,
    /// A settlement is durable.
    Settled,
    /// An event was handed to the bus and is not yet marked as sent.
    EventSent,
    /// All events of a round are marked as sent, the round is not.
    EventsSent,
    /// A round is marked as published.
    Published,
    /// A lease's hand-over is durable, the host has not been asked.
    HandingOver,
    /// The host has handed instances over, which is not yet noted.
    HandedOver,
    /// A lease is active.
    Active,
    /// Notice of a reclaim is durable.
    Reclaiming,
    /// A lease is over and paid for, the host has not been asked to take the instances.
    Revoking,
    /// The host has taken the instances, which is not yet noted.
    Taken,
    /// The wiping of the instances is durable, the host has not been asked how it went.
    Sanitizing,
    /// The host has told how the wiping went, which is not yet noted.
    Wiped,
    /// A lease is at its end.
    Returned,
}

impl Point {
    /// Every point, in the order of the way.
    pub const ALL: [Self; 18] = [
        Self::BeforeSeal,
        Self::Sealed,
        Self::Computed,
        Self::Cleared,
        Self::BeforeSettle,
        Self::Settled,
        Self::EventSent,
        Self::EventsSent,
        Self::Published,
        Self::HandingOver,
        Self::HandedOver,
        Self::Active,
        Self::Reclaiming,
        Self::Revoking,
        Self::Taken,
        Self::Sanitizing,
        Self::Wiped,
        Self::Returned,
    ];
}

/// Is told of every point that is reached.
pub trait Probe: Send + Sync + 'static {
    /// The market is at `point`, and goes on when this returns.
    fn reached(&self, point: Point);
}

/// Lets the market go on.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProbe;

impl Probe for NoProbe {
    fn reached(&self, _: Point) {}
}
