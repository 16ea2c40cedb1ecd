//! The pool: every instance, open claim and open intent of this host, in memory, and the only place where they change.
//!
//! A change notes the newest state of what it touched as unsaved; the keeper takes the unsaved writes while it still
//! holds the pool, so that the store sees changes in the order in which they happened. Nothing here waits.

use crate::store::{Intent, Write};
use forewarm_domain::id::{ClaimId, IdempotencyToken, InstanceId, PersonaName, PluginName, TenantName, idempotency_token};
use forewarm_domain::instance::{Claim, ClaimState, EndCause, Instance, InstanceState};
use forewarm_domain::plan::Stock;
use forewarm_domain::plugin::DriverOperation;
use forewarm_domain::time::TimestampMs;
use std::collections::{BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// What a change did, for those who have to hear of it.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Further writes for the same transaction.
    pub also: Vec<Write>,
    /// Claims that were served, with what they waited.
    pub served: Vec<Served>,
    /// Boots that ended, with how long they took in milliseconds.
    pub boots: Vec<(PersonaName, i64)>,
    /// Claims that changed and instances that changed, for events.
    pub notices: Vec<Notice>,
}

impl Changes {
    pub(crate) fn extend(&mut self, more: Self) {
        self.also.extend(more.also);
        self.served.extend(more.served);
        self.boots.extend(more.boots);
        self.notices.extend(more.notices);
    }
}

/// One claim that was served.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    pub persona: PersonaName,
    pub warm: bool,
    pub wait_ms: i64,
}

/// Something that happened, for the event stream.
#[derive(Debug, Clone)]
pub(crate) enum Notice {
    Claim(Claim),
    Instance { instance: Instance, reason: String },
}

/// The instances and open claims of one persona, by what can be done with them.
#[derive(Debug, Default)]
struct Shelf {
    /// Ready and idle, the one that became idle last at the end.
    warm: Vec<InstanceId>,
    booting: BTreeSet<InstanceId>,
    resetting: HashSet<InstanceId>,
    active: HashSet<InstanceId>,
    /// In the order of asking: claim ids are time-ordered.
    waiting: BTreeSet<ClaimId>,
}

/// See the module's description.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    shelves: HashMap<PersonaName, Shelf>,
    instances: HashMap<InstanceId, Instance>,
    claims: HashMap<ClaimId, Claim>,
    keys: HashMap<(TenantName, String), ClaimId>,
    /// At most two an instance: one that is being carried out, and the wish that came after it.
    intents: HashMap<InstanceId, Vec<OpenIntent>>,
    unsaved: HashMap<Subject, Write>,
}

/// What a write is about: of two unsaved writes about the same, the newer one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Subject {
    Instance(InstanceId),
    Claim(ClaimId),
    Intent(IdempotencyToken),
}

impl Subject {
    fn of(write: &Write) -> Option<Self> {
        match write {
            Write::Instance(instance) => Some(Self::Instance(instance.id)),
            Write::InstanceGone(id) => Some(Self::Instance(*id)),
            Write::Claim(claim) => Some(Self::Claim(claim.id)),
            Write::Intent(intent) => Some(Self::Intent(intent.token)),
            Write::IntentDone(token) => Some(Self::Intent(*token)),
            _ => None,
        }
    }
}

#[derive(Debug)]
struct OpenIntent {
    intent: Intent,
    /// Only what is recorded may be carried out.
    saved: bool,
    in_flight: bool,
}

/// What a new claim wants.
#[derive(Debug, Clone)]
pub(crate) struct NewClaim {
    pub id: ClaimId,
    pub persona: PersonaName,
    pub tenant: TenantName,
    pub idempotency_key: Option<String>,
    pub expires_at: Option<TimestampMs>,
    /// Where no instance is warm: who would boot one, at most how many in all, and how long that takes.
    pub driver: PluginName,
    pub max_instances: u32,
    pub max_waiting: u32,
    pub boot_ms: i64,
}

/// Why a claim was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TooManyWaiting {
    pub waiting: usize,
}

impl Pool {
    /// The pool as the store remembers it.
    pub(crate) fn restore(instances: Vec<Instance>, claims: Vec<Claim>, intents: Vec<Intent>) -> Self {
        let mut pool = Self::default();
        for instance in instances {
            pool.put(instance);
        }
        for claim in claims {
            pool.hold(claim);
        }
        for intent in intents {
            let open = OpenIntent { intent, saved: true, in_flight: false };
            pool.intents.entry(open.intent.instance).or_default().push(open);
        }
        pool
    }

    /// All that was changed since the last call.
    pub(crate) fn take_unsaved(&mut self) -> Vec<Write> {
        self.unsaved.drain().map(|(_, write)| write).collect()
    }

    /// The writes are durable: the intents among them may be carried out.
    pub(crate) fn saved(&mut self, writes: &[Write]) {
        for write in writes {
            if let Write::Intent(intent) = write {
                let opens = self.intents.get_mut(&intent.instance).into_iter().flatten();
                opens.filter(|open| open.intent.token == intent.token).for_each(|open| open.saved = true);
            }
        }
    }

    /// The writes were not made: they stay unsaved, unless something newer was noted meanwhile.
    pub(crate) fn not_saved(&mut self, writes: Vec<Write>) {
        for write in writes {
            if let Some(subject) = Subject::of(&write) {
                self.unsaved.entry(subject).or_insert(write);
            }
        }
    }

    fn note(&mut self, write: Write) {
        if let Some(subject) = Subject::of(&write) {
            self.unsaved.insert(subject, write);
        }
    }

    pub(crate) fn stock(&self, persona: &PersonaName) -> Stock {
        let count = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        self.shelves.get(persona).map_or_else(Stock::default, |shelf| Stock {
            active: count(shelf.active.len()),
            warm: count(shelf.warm.len()),
            booting: count(shelf.booting.len()),
            resetting: count(shelf.resetting.len()),
            waiting: count(shelf.waiting.len()),
        })
    }

    pub(crate) fn instances_of(&self, persona: &PersonaName) -> Vec<Instance> {
        let mut found: Vec<Instance> =
            self.instances.values().filter(|instance| instance.persona == *persona).cloned().collect();
        found.sort_by_key(|instance| instance.id);
        found
    }

    pub(crate) fn instance(&self, id: InstanceId) -> Option<&Instance> {
        self.instances.get(&id)
    }

    pub(crate) fn claim(&self, id: ClaimId) -> Option<&Claim> {
        self.claims.get(&id)
    }

    pub(crate) fn claim_by_key(&self, tenant: &TenantName, key: &str) -> Option<&Claim> {
        self.keys.get(&(tenant.clone(), key.to_owned())).and_then(|id| self.claims.get(id))
    }

    pub(crate) fn open_claims(&self, persona: &PersonaName) -> Vec<Claim> {
        let mut found: Vec<Claim> = self.claims.values().filter(|claim| claim.persona == *persona).cloned().collect();
        found.sort_by_key(|claim| claim.id);
        found
    }

    /// Takes a claim: from a warm instance at once, else it waits and, where needed, a boot is begun for it.
    pub(crate) fn claim_instance(&mut self, new: NewClaim, now: TimestampMs) -> Result<(Claim, Changes), TooManyWaiting> {
        let mut changes = Changes::default();
        let mut claim = Claim {
            id: new.id,
            persona: new.persona.clone(),
            tenant: new.tenant,
            requested_at: now,
            expires_at: new.expires_at,
            idempotency_key: new.idempotency_key,
            state: ClaimState::Waiting { expected_at: now },
        };
        let shelf = self.shelves.entry(new.persona.clone()).or_default();
        // The one that became idle last is taken first: the others can be let go the sooner.
        if let Some(instance) = shelf.warm.last().copied() {
            claim.state = ClaimState::Served { instance, served_at: now, warm: true };
            self.hold(claim.clone());
            self.serve(instance, &claim, now, &mut changes);
            return Ok((claim, changes));
        }
        let waiting = shelf.waiting.len();
        if waiting >= new.max_waiting as usize {
            return Err(TooManyWaiting { waiting });
        }
        let on_the_way = shelf.booting.len() + shelf.resetting.len();
        claim.state = ClaimState::Waiting { expected_at: self.expected_service(&new.persona, waiting, now, new.boot_ms) };
        self.hold(claim.clone());
        self.note(Write::Claim(claim.clone()));
        changes.notices.push(Notice::Claim(claim.clone()));
        if waiting >= on_the_way && self.stock(&new.persona).total() < new.max_instances {
            self.create(&new.persona, &new.driver, now);
        }
        Ok((claim, changes))
    }

    /// When the claim behind `ahead` others will be served: by the boot that is its own, else by one begun now.
    fn expected_service(&self, persona: &PersonaName, ahead: usize, now: TimestampMs, boot_ms: i64) -> TimestampMs {
        let ready_at = |id: &InstanceId| match self.instances.get(id).map(|instance| instance.state) {
            Some(InstanceState::Booting { ready_at: Some(at) } | InstanceState::Resetting { ready_at: Some(at) }) => at,
            _ => now + boot_ms,
        };
        let shelf = self.shelves.get(persona);
        let coming = shelf.into_iter().flat_map(|shelf| shelf.booting.iter().chain(&shelf.resetting));
        let mut arrivals: Vec<TimestampMs> = coming.map(ready_at).collect();
        arrivals.sort();
        arrivals.get(ahead).copied().unwrap_or(now + boot_ms).max(now)
    }

    /// Ends a claim; the instance it holds is wiped before anyone else gets it. `None` where there is no such claim.
    pub(crate) fn end_claim(&mut self, id: ClaimId, cause: EndCause, now: TimestampMs) -> Option<(Claim, Changes)> {
        let mut claim = self.claims.remove(&id)?;
        let mut changes = Changes::default();
        let (served_at, warm, instance) = match claim.state {
            ClaimState::Served { instance, served_at, warm } => (Some(served_at), warm, Some(instance)),
            ClaimState::Waiting { .. } | ClaimState::Ended { .. } => (None, false, None),
        };
        claim.state = ClaimState::Ended { ended_at: now, cause, served_at, warm };
        if let Some(key) = &claim.idempotency_key {
            self.keys.remove(&(claim.tenant.clone(), key.clone()));
        }
        if let Some(shelf) = self.shelves.get_mut(&claim.persona) {
            shelf.waiting.remove(&id);
        }
        self.note(Write::Claim(claim.clone()));
        changes.notices.push(Notice::Claim(claim.clone()));
        if let Some(instance) = instance.filter(|_| cause != EndCause::InstanceLost) {
            self.begin(instance, InstanceState::Resetting { ready_at: None }, DriverOperation::Reset, now);
        }
        Some((claim, changes))
    }

    /// Gives a claim another end of life.
    pub(crate) fn renew(&mut self, id: ClaimId, expires_at: Option<TimestampMs>) -> Option<Claim> {
        let claim = self.claims.get_mut(&id)?;
        claim.expires_at = expires_at;
        let claim = claim.clone();
        self.note(Write::Claim(claim.clone()));
        Some(claim)
    }

    /// Open claims that are over: expired ones, and waiting ones for whom `gives_up(persona)` milliseconds have passed.
    pub(crate) fn overdue(
        &self,
        now: TimestampMs,
        gives_up: impl Fn(&PersonaName) -> Option<i64>,
    ) -> Vec<(ClaimId, EndCause)> {
        let cause = |claim: &Claim| {
            if claim.expires_at.is_some_and(|at| at <= now) {
                return Some(EndCause::Expired);
            }
            let waits = matches!(claim.state, ClaimState::Waiting { .. });
            let limit = gives_up(&claim.persona).filter(|_| waits)?;
            (now.since(claim.requested_at) > limit).then_some(EndCause::TimedOut)
        };
        self.claims.values().filter_map(|claim| cause(claim).map(|cause| (claim.id, cause))).collect()
    }

    /// Launches `count` instances.
    pub(crate) fn launch(&mut self, persona: &PersonaName, driver: &PluginName, count: u32, now: TimestampMs) {
        (0..count).for_each(|_| self.create(persona, driver, now));
    }

    fn create(&mut self, persona: &PersonaName, driver: &PluginName, now: TimestampMs) {
        let id = InstanceId(Uuid::now_v7());
        self.put(Instance {
            id,
            persona: persona.clone(),
            driver: driver.clone(),
            driver_ref: None,
            created_at: now,
            operations: 0,
            state: InstanceState::Booting { ready_at: None },
        });
        self.begin(id, InstanceState::Booting { ready_at: None }, DriverOperation::Create, now);
    }

    /// Lets `count` instances go: the newest boots first, then those idle the longest; never a claimed one.
    pub(crate) fn release(&mut self, persona: &PersonaName, count: u32, now: TimestampMs) {
        let Some(shelf) = self.shelves.get(persona) else { return };
        let newest_boots = shelf.booting.iter().rev();
        let chosen: Vec<InstanceId> = newest_boots.chain(shelf.warm.iter()).copied().take(count as usize).collect();
        for id in chosen {
            self.begin(id, InstanceState::Destroying { since: now }, DriverOperation::Destroy, now);
        }
    }

    /// Takes an instance out of use and begins to remove it, whatever its state; a claim on it ends as lost.
    pub(crate) fn discard(&mut self, id: InstanceId, reason: &str, now: TimestampMs) -> Changes {
        if self.instances.get(&id).is_none_or(|instance| matches!(instance.state, InstanceState::Destroying { .. })) {
            return Changes::default();
        }
        let mut changes = self.end_claim_on(id, now);
        self.begin(id, InstanceState::Destroying { since: now }, DriverOperation::Destroy, now);
        self.notice(id, reason, &mut changes);
        changes
    }

    /// Forgets an instance that exists no longer; a claim on it ends as lost.
    pub(crate) fn forget(&mut self, id: InstanceId, reason: &str, now: TimestampMs) -> Changes {
        let mut changes = self.end_claim_on(id, now);
        self.notice(id, reason, &mut changes);
        if self.take(id).is_some() {
            self.note(Write::InstanceGone(id));
        }
        for open in self.intents.remove(&id).into_iter().flatten() {
            self.note(Write::IntentDone(open.intent.token));
        }
        changes
    }

    fn end_claim_on(&mut self, id: InstanceId, now: TimestampMs) -> Changes {
        match self.instances.get(&id).map(|instance| instance.state) {
            Some(InstanceState::Active { claim, .. }) => {
                self.end_claim(claim, EndCause::InstanceLost, now).map(|(_, changes)| changes).unwrap_or_default()
            }
            _ => Changes::default(),
        }
    }

    /// The driver says that an instance is ready since `since`: the first waiting claim gets it, else it is kept warm.
    pub(crate) fn ready(&mut self, id: InstanceId, reference: &str, since: TimestampMs) -> Changes {
        let mut changes = Changes::default();
        let Some(instance) = self.coming(id) else { return changes };
        let persona = instance.persona.clone();
        if matches!(instance.state, InstanceState::Booting { .. }) {
            changes.boots.push((persona.clone(), since.since(instance.created_at)));
        }
        self.name(id, reference);
        let waiting = self.shelves.get(&persona).and_then(|shelf| shelf.waiting.first().copied());
        match waiting.and_then(|claim| self.claims.get(&claim).cloned()) {
            Some(mut claim) => {
                let served_at = since.max(claim.requested_at);
                claim.state = ClaimState::Served { instance: id, served_at, warm: false };
                self.hold(claim.clone());
                self.serve(id, &claim, served_at, &mut changes);
            }
            None => self.set(id, InstanceState::Warm { since }),
        }
        changes
    }

    /// The driver tells when an instance that is booting or being wiped will be ready.
    pub(crate) fn expect(&mut self, id: InstanceId, reference: &str, at: TimestampMs) {
        let Some(state) = self.coming(id).map(|instance| instance.state) else { return };
        let expected = match state {
            InstanceState::Resetting { .. } => InstanceState::Resetting { ready_at: Some(at) },
            _ => InstanceState::Booting { ready_at: Some(at) },
        };
        if self.name(id, reference) || state != expected {
            self.set(id, expected);
        }
    }

    /// An instance on its way to being ready.
    fn coming(&self, id: InstanceId) -> Option<&Instance> {
        let on_the_way = |instance: &&Instance| {
            matches!(instance.state, InstanceState::Booting { .. } | InstanceState::Resetting { .. })
        };
        self.instances.get(&id).filter(on_the_way)
    }

    /// Takes in an instance that the driver has and the host did not know; it is wiped before anyone gets it.
    pub(crate) fn adopt(&mut self, instance: Instance, reason: &str, now: TimestampMs) -> Changes {
        let mut changes = Changes::default();
        let id = instance.id;
        self.put(instance);
        self.begin(id, InstanceState::Resetting { ready_at: None }, DriverOperation::Reset, now);
        self.notice(id, reason, &mut changes);
        changes
    }

    /// Intents that are recorded and due, marked as being carried out: nobody else gets them until they are settled.
    /// Of one instance, one at a time.
    pub(crate) fn take_due(&mut self, now: TimestampMs, limit: usize) -> Vec<(Intent, Instance)> {
        let Self { intents, instances, .. } = self;
        let due = intents.iter_mut().filter_map(|(id, opens)| {
            let instance = instances.get(id)?;
            let first = opens.first_mut()?;
            let is_due = first.saved && !first.in_flight && first.intent.next_attempt_at <= now;
            is_due.then(|| {
                first.in_flight = true;
                (first.intent.clone(), instance.clone())
            })
        });
        due.take(limit).collect()
    }

    /// An operation was taken by the driver, or need not be carried out any more.
    pub(crate) fn settle(&mut self, intent: &Intent) {
        if let Some(opens) = self.intents.get_mut(&intent.instance) {
            opens.retain(|open| open.intent.token != intent.token);
            if opens.is_empty() {
                self.intents.remove(&intent.instance);
            }
        }
        self.note(Write::IntentDone(intent.token));
    }

    /// An operation failed for now: it is tried again at `next`, unless something else is wanted of the instance.
    pub(crate) fn postpone(&mut self, intent: &Intent, error: &str, next: TimestampMs) {
        let Some(opens) = self.intents.get_mut(&intent.instance) else { return };
        if opens.len() > 1 {
            return self.settle(intent);
        }
        let Some(open) = opens.first_mut() else { return };
        open.in_flight = false;
        open.intent.attempts = open.intent.attempts.saturating_add(1);
        open.intent.next_attempt_at = next;
        open.intent.last_error = Some(error.chars().take(500).collect());
        let write = Write::Intent(open.intent.clone());
        self.note(write);
    }

    /// Instances of one driver that it has been told of, and nothing more is wanted of: those that its list has to show.
    pub(crate) fn known_to(&self, driver: &PluginName) -> HashSet<InstanceId> {
        let known = self.instances.values().filter(|instance| instance.driver == *driver);
        known.map(|instance| instance.id).filter(|id| !self.intents.contains_key(id)).collect()
    }

    pub(crate) fn drivers(&self) -> HashSet<PluginName> {
        self.instances.values().map(|instance| instance.driver.clone()).collect()
    }

    /// Moves an instance to `state` and records the intent of the operation that brings it there. Operations that are
    /// not under way yet are superseded: the newest wish counts.
    fn begin(&mut self, id: InstanceId, state: InstanceState, operation: DriverOperation, now: TimestampMs) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        let intent = Intent {
            token: idempotency_token(id, instance.operations),
            instance: id,
            persona: instance.persona.clone(),
            driver: instance.driver.clone(),
            operation,
            created_at: now,
            attempts: 0,
            next_attempt_at: now,
            last_error: None,
        };
        instance.operations += 1;
        self.set(id, state);
        let opens = self.intents.entry(id).or_default();
        let superseded: Vec<IdempotencyToken> =
            opens.extract_if(.., |open| !open.in_flight).map(|open| open.intent.token).collect();
        opens.push(OpenIntent { intent: intent.clone(), saved: false, in_flight: false });
        superseded.into_iter().for_each(|token| self.note(Write::IntentDone(token)));
        self.note(Write::Intent(intent));
    }

    fn serve(&mut self, id: InstanceId, claim: &Claim, at: TimestampMs, changes: &mut Changes) {
        self.set(id, InstanceState::Active { claim: claim.id, since: at });
        let warm = matches!(claim.state, ClaimState::Served { warm: true, .. });
        let wait_ms = at.since(claim.requested_at);
        changes.served.push(Served { persona: claim.persona.clone(), warm, wait_ms });
        self.note(Write::Claim(claim.clone()));
        changes.notices.push(Notice::Claim(claim.clone()));
    }

    fn set(&mut self, id: InstanceId, state: InstanceState) {
        if let Some(mut instance) = self.take(id) {
            instance.state = state;
            self.note(Write::Instance(instance.clone()));
            self.put(instance);
        }
    }

    fn notice(&self, id: InstanceId, reason: &str, changes: &mut Changes) {
        if let Some(instance) = self.instances.get(&id) {
            changes.notices.push(Notice::Instance { instance: instance.clone(), reason: reason.to_owned() });
        }
    }

    /// Notes the driver's own name; true where it is new.
    fn name(&mut self, id: InstanceId, reference: &str) -> bool {
        let Some(instance) = self.instances.get_mut(&id) else { return false };
        let new = instance.driver_ref.as_deref() != Some(reference);
        if new {
            instance.driver_ref = Some(reference.to_owned());
        }
        new
    }

    fn put(&mut self, instance: Instance) {
        let shelf = self.shelves.entry(instance.persona.clone()).or_default();
        let id = instance.id;
        match instance.state {
            InstanceState::Booting { .. } => drop(shelf.booting.insert(id)),
            InstanceState::Warm { .. } => shelf.warm.push(id),
            InstanceState::Active { .. } => drop(shelf.active.insert(id)),
            InstanceState::Resetting { .. } => drop(shelf.resetting.insert(id)),
            InstanceState::Destroying { .. } => {}
        }
        self.instances.insert(id, instance);
    }

    fn take(&mut self, id: InstanceId) -> Option<Instance> {
        let instance = self.instances.remove(&id)?;
        if let Some(shelf) = self.shelves.get_mut(&instance.persona) {
            match instance.state {
                InstanceState::Booting { .. } => drop(shelf.booting.remove(&id)),
                InstanceState::Warm { .. } => {
                    // Nearly always the last one.
                    if let Some(at) = shelf.warm.iter().rposition(|other| *other == id) {
                        shelf.warm.remove(at);
                    }
                }
                InstanceState::Active { .. } => drop(shelf.active.remove(&id)),
                InstanceState::Resetting { .. } => drop(shelf.resetting.remove(&id)),
                InstanceState::Destroying { .. } => {}
            }
        }
        Some(instance)
    }

    fn hold(&mut self, claim: Claim) {
        let shelf = self.shelves.entry(claim.persona.clone()).or_default();
        match claim.state {
            ClaimState::Waiting { .. } => drop(shelf.waiting.insert(claim.id)),
            ClaimState::Served { .. } | ClaimState::Ended { .. } => drop(shelf.waiting.remove(&claim.id)),
        }
        if let Some(key) = &claim.idempotency_key {
            self.keys.insert((claim.tenant.clone(), key.clone()), claim.id);
        }
        self.claims.insert(claim.id, claim);
    }
}
