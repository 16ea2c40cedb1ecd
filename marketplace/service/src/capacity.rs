//! The capacity behind leases, as the market sees it: whoever has the instances hands them over, takes them back and
//! wipes them.

use crate::model::{HandedOver, Lease};
use async_trait::async_trait;
use forewarm_domain::id::InstanceId;

/// Why capacity could not be moved now. The market asks again, with the same lease.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CapacityError(pub String);

/// How far the wiping of a lease's instances is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wiping {
    /// Not all are done.
    Under {
        /// How many are left.
        left: u32,
    },
    /// All are done.
    Done {
        /// Those that could not be wiped, and are kept apart.
        quarantined: Vec<InstanceId>,
    },
}

/// Moves instances. Every call may come again with the same lease, after a crash or a lost answer, and has one effect.
#[async_trait]
pub trait Capacity: Send + Sync + 'static {
    /// Hands all instances of the lease to its tenant.
    ///
    /// # Errors
    /// [`CapacityError`] when not all of them are there yet.
    async fn hand_over(&self, lease: &Lease) -> Result<Vec<HandedOver>, CapacityError>;

    /// Takes the lease's instances from its tenant, whether or not they had been handed over, and has them wiped.
    ///
    /// # Errors
    /// [`CapacityError`] when the tenant may still have some.
    async fn take_back(&self, lease: &Lease) -> Result<(), CapacityError>;

    /// How far the wiping is.
    ///
    /// # Errors
    /// [`CapacityError`] when that can't be told now.
    async fn wiping(&self, lease: &Lease) -> Result<Wiping, CapacityError>;
}
