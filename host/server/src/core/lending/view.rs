//! What can be looked at of lending, and what an operator decides on quarantined instances.

use super::super::Core;
use super::super::pool::{Changes, Pool};
use crate::metrics::LentInstances;
use crate::probe::Point;
use crate::store::{Lent, LentUnit, StoreError};
use forewarm_bus::message::market::{Surplus, UnitState};
use forewarm_domain::id::{ClaimId, InstanceId, LeaseId, PersonaName, TenantName};
use forewarm_domain::instance::{Instance, InstanceState};
use forewarm_domain::lending::{LeaseClass, Moment};
use forewarm_domain::persona::{LendingPolicy, Persona};
use forewarm_domain::time::TimestampMs;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How lending stands for one persona.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LendingView {
    /// What may be lent; `null` lends nothing.
    pub policy: Option<LendingPolicy>,
    /// Instances that tenants hold through leases.
    pub leased: u32,
    /// Those of them that are called back.
    pub called_back: u32,
    /// What the market was told that can be spared, by window and class; empty where it was told nothing.
    pub announced: Vec<SurplusView>,
    /// Until when that can be counted upon.
    pub announced_until: Option<TimestampMs>,
    /// Leases whose instances have not all come to their end.
    pub leases: Vec<LeaseView>,
    /// Instances that could not be wiped after a lease: nobody gets them until they are released or destroyed.
    pub quarantined: Vec<Instance>,
}

/// How lending stands for a persona, in figures.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Lender {
    /// Which.
    pub persona: PersonaName,
    /// The tenant that is paid; `null` where it lends no more and something is still leased or quarantined.
    pub owner: Option<TenantName>,
    /// At most so many are leased out at a time.
    pub limit: u32,
    /// What the market was told that can be spared in the soonest window, in both classes.
    pub announced: u32,
    /// Instances that tenants hold through leases.
    pub leased: u32,
    /// Those of them that are called back.
    pub called_back: u32,
    /// Instances that could not be wiped.
    pub quarantined: u32,
}

/// What can be spared in one window and class.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct SurplusView {
    /// When the window begins.
    pub from: TimestampMs,
    /// When it ends.
    pub until: TimestampMs,
    /// On which terms.
    pub class: LeaseClass,
    /// How many instances.
    pub units: u32,
    /// What having one idle costs, in micro-credits per instance-second.
    pub carrying_cost: u32,
    /// How likely it is needed within the window, in parts per million.
    pub reclaim_ppm: u32,
    /// What share of the window is then left, in parts per million.
    pub unused_ppm: u32,
}

/// One lease.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LeaseView {
    /// The market's name for it.
    pub lease: LeaseId,
    /// Who leases.
    pub tenant: Option<TenantName>,
    /// On which terms.
    pub class: Option<LeaseClass>,
    /// When it is over.
    pub until: Option<TimestampMs>,
    /// When its instances can be taken back, where it is called back.
    pub notice_until: Option<TimestampMs>,
    /// Milliseconds until then, by a clock that can't be set; `null` where it is not called back.
    pub notice_left_ms: Option<i64>,
    /// Why it is called back.
    pub reason: Option<String>,
    /// Its instances.
    pub units: Vec<LeasedUnitView>,
}

/// One instance of a lease.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LeasedUnitView {
    /// Which instance.
    pub instance: InstanceId,
    /// The claim that holds or held it.
    pub claim: ClaimId,
    /// `held`, `sanitizing`, `returned`, `quarantined` or `lost`.
    pub state: String,
}

/// Why an instance was not released or destroyed.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// There is no such instance.
    #[error("there is no instance {0}")]
    Unknown(InstanceId),
    /// It is not quarantined.
    #[error("instance {0} is {1}, not quarantined: only quarantined ones are decided upon")]
    NotQuarantined(InstanceId, &'static str),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Core {
    /// The personas that lend, or of which something is still leased or quarantined, by name.
    #[must_use]
    pub fn lenders(&self) -> Vec<Lender> {
        let mut lenders: Vec<Lender> = self.catalog.list().iter().filter_map(|persona| self.lender(persona)).collect();
        lenders.sort_by(|one, other| one.persona.cmp(&other.persona));
        lenders
    }

    fn lender(&self, persona: &Persona) -> Option<Lender> {
        let (name, policy) = (&persona.spec.name, &persona.spec.lending);
        let lent = self.lent(name);
        if policy.is_none() && lent == LentInstances::default() {
            return None;
        }
        let known = self.lending.known();
        let surplus = known.announced.get(name).map(|call| call.surplus.as_slice()).unwrap_or_default();
        let soonest = surplus.iter().map(|one| one.window.from()).min();
        let announced = surplus.iter().filter(|one| Some(one.window.from()) == soonest).map(|one| one.units).sum();
        Some(Lender {
            persona: name.clone(),
            owner: policy.as_ref().map(|policy| policy.owner.clone()),
            limit: policy.as_ref().map_or(0, |policy| policy.limit),
            announced,
            leased: lent.leased + lent.called_back,
            called_back: lent.called_back,
            quarantined: lent.quarantined,
        })
    }

    /// How lending stands for a persona.
    #[must_use]
    pub fn lending_view(&self, name: &PersonaName) -> LendingView {
        let policy = self.catalog.get(name).and_then(|persona| persona.spec.lending.clone());
        let announced = self.lending.known().announced.get(name).cloned();
        let now = self.clock.moment();
        let pool = self.pool();
        let leased = pool.leased(name);
        LendingView {
            policy,
            leased: leased.all(),
            called_back: leased.returning,
            announced_until: announced.as_ref().map(|call| call.valid_until),
            announced: announced.into_iter().flat_map(|call| call.surplus).map(SurplusView::from).collect(),
            leases: pool.open_leases(name).iter().map(|lent| LeaseView::of(lent, &now)).collect(),
            quarantined: pool.quarantined(name),
        }
    }

    /// Lets a quarantined instance be wiped once more, after which it is its owner's again.
    ///
    /// # Errors
    /// [`InstanceError`]; nothing is changed then.
    pub async fn release_instance(&self, id: InstanceId) -> Result<Instance, InstanceError> {
        let now = self.clock.now();
        self.decide_on(id, |pool| pool.wipe_again(id, now).unwrap_or_default()).await
    }

    /// Destroys a quarantined instance.
    ///
    /// # Errors
    /// [`InstanceError`]; nothing is changed then.
    pub async fn destroy_instance(&self, id: InstanceId) -> Result<Instance, InstanceError> {
        let now = self.clock.now();
        self.decide_on(id, |pool| pool.discard(id, "destroyed by an operator", now)).await
    }

    async fn decide_on(
        &self,
        id: InstanceId,
        act: impl FnOnce(&mut Pool) -> Changes,
    ) -> Result<Instance, InstanceError> {
        let decided = self.change(|pool| {
            let state = pool.instance(id).map(|one| one.state);
            let changes = match state {
                None => return (Err(InstanceError::Unknown(id)), Changes::default()),
                Some(InstanceState::Quarantined { .. }) => act(pool),
                Some(other) => {
                    let refused = InstanceError::NotQuarantined(id, other.as_str());
                    return (Err(refused), Changes::default());
                }
            };
            self.reached(Point::Deciding);
            (pool.instance(id).cloned().ok_or(InstanceError::Unknown(id)), changes)
        });
        let instance = decided.await??;
        self.reached(Point::Decided);
        Ok(instance)
    }
}

impl From<Surplus> for SurplusView {
    fn from(surplus: Surplus) -> Self {
        let Surplus { window, class, units, carrying_cost, reclaim_ppm, unused_ppm, .. } = surplus;
        Self { from: window.from(), until: window.until(), class, units, carrying_cost, reclaim_ppm, unused_ppm }
    }
}

impl LeaseView {
    fn of(lent: &Lent, now: &Moment) -> Self {
        let granted = lent.granted.as_ref().map(|granted| &granted.call);
        let called = lent.called_back.as_ref();
        let state = |state: &UnitState| match state {
            UnitState::Held => "held",
            UnitState::Sanitizing { .. } => "sanitizing",
            UnitState::Returned { .. } => "returned",
            UnitState::Quarantined { .. } => "quarantined",
            UnitState::Lost { .. } => "lost",
        };
        let unit = |unit: &LentUnit| LeasedUnitView {
            instance: unit.instance,
            claim: unit.claim,
            state: state(&unit.state).to_owned(),
        };
        Self {
            lease: lent.lease,
            tenant: granted.map(|call| call.tenant.clone()),
            class: granted.map(|call| call.class),
            until: granted.map(|call| call.until),
            notice_until: called.map(|called| called.notice.deadline()),
            notice_left_ms: called.map(|called| called.notice.remaining_ms(now)),
            reason: called.map(|called| called.reason.clone()),
            units: lent.units.iter().map(unit).collect(),
        }
    }
}
