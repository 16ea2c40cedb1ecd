//! Points that a lease passes on its way through the host. Whoever tests the host against crashes ends the process at
//! one of them: a probe is handed in by the program that runs the host, and the one that is shipped has none.

use std::fmt;

/// A point between two steps that a crash may part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Point {
    /// Instances are taken out of the pool for a lease, which is not saved.
    Granting,
    /// A grant is durable and not answered.
    Granted,
    /// A notice of the market's is noted and not saved.
    CallingBack,
    /// A notice of the market's is durable and not answered.
    CalledBack,
    /// The instances of a lease are taken from its tenant, which is not saved.
    TakingBack,
    /// That is durable and not answered.
    TakenBack,
    /// A driver is about to be told to wipe an instance.
    Wiping,
    /// The driver has answered, which is not noted.
    Wiped,
    /// What the driver has answered is durable.
    WipeNoted,
    /// An instance is quarantined, which is not saved.
    Quarantining,
    /// A quarantine is durable.
    Quarantined,
    /// An operator has decided on a quarantined instance, which is not saved.
    Deciding,
    /// The decision is durable and not answered.
    Decided,
    /// A reclaim is durable, and the market has not been asked.
    ReclaimAsked,
    /// The market has answered a reclaim, and nothing of it is noted.
    ReclaimAnswered,
    /// The notices of a reclaim are durable, and the reclaim still counts as unanswered.
    ReclaimNoted,
    /// A reclaim is over.
    ReclaimOver,
    /// A change of a lease is durable, and its event is not published.
    EventDue,
    /// An event was handed to the bus, which is not noted.
    EventSent,
}

impl Point {
    /// Every point, in the order of the way.
    pub const ALL: [Self; 19] = [
        Self::Granting,
        Self::Granted,
        Self::CallingBack,
        Self::CalledBack,
        Self::TakingBack,
        Self::TakenBack,
        Self::Wiping,
        Self::Wiped,
        Self::WipeNoted,
        Self::Quarantining,
        Self::Quarantined,
        Self::Deciding,
        Self::Decided,
        Self::ReclaimAsked,
        Self::ReclaimAnswered,
        Self::ReclaimNoted,
        Self::ReclaimOver,
        Self::EventDue,
        Self::EventSent,
    ];
}

/// The variant's own name.
impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Is told of every point that is reached.
pub trait Probe: Send + Sync + 'static {
    /// The host is at `point`, and goes on when this returns.
    fn reached(&self, point: Point);
}

/// Lets the host go on.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProbe;

impl Probe for NoProbe {
    fn reached(&self, _: Point) {}
}
