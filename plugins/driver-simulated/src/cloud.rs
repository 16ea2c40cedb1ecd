//! The cloud: its operations, over a store.
//!
//! Guarantees: an operation repeated with its token has no second effect and answers as it did first; one operation
//! writes one key, before it answers; what was written is found again after a restart. Assumption: one cloud object at a
//! time works on a store, since records are held in memory between calls.

use crate::chance::Chance;
use crate::parameters::Parameters;
use crate::prices;
use crate::record::{Held, Move, Now, Record};
use crate::store::Store;
use forewarm_sdk::words::{CreateRequest, DriverDescription, Instance, Operation, Page, Price, PriceQuery};
use forewarm_sdk::{Error, Persona, Tier};
use std::collections::BTreeMap;

/// The most instances of one page.
const PAGE: usize = 1_000;
/// Begins the key of every instance.
const PREFIX: &str = "i/";
/// The key of the latest removed instances: a late repetition of their `create` must not bring them back.
const GONE: &str = "gone";
/// How many of them are remembered.
const GONE_MAX: usize = 1_000;
/// The longest identifier that makes a valid key.
const ID_MAX: usize = 100;

/// The cloud, with its records in memory.
pub struct Cloud<S> {
    store: S,
    records: BTreeMap<String, Record>,
    /// Hashes of instance and token of removed instances' creation, oldest first.
    gone: Vec<u64>,
}

impl<S: Store> Cloud<S> {
    /// Reads a cloud from its store.
    ///
    /// # Errors
    /// When the store fails, or holds something else.
    pub fn load(store: S) -> Result<Self, Error> {
        let mut records = BTreeMap::new();
        for key in store.keys(PREFIX)? {
            if let Some(bytes) = store.get(&key)? {
                records.insert(key[PREFIX.len()..].to_owned(), parse(&key, &bytes)?);
            }
        }
        let gone = store.get(GONE)?.map(|bytes| parse(GONE, &bytes)).transpose()?.unwrap_or_default();
        Ok(Self { store, records, gone })
    }

    /// The cloud's operations at one time, under some parameters.
    pub fn at<'a>(&'a mut self, now_ms: i64, parameters: &'a Parameters) -> CloudAt<'a, S> {
        CloudAt { cloud: self, now_ms, parameters }
    }

    fn write(&mut self, id: &str, record: Record) -> Result<(), Error> {
        let bytes = serde_json::to_vec(&record).map_err(|error| Error::other(format!("instance {id}: {error}")))?;
        self.store.set(&format!("{PREFIX}{id}"), &bytes)?;
        self.records.insert(id.to_owned(), record);
        Ok(())
    }
}

fn parse<T: serde::de::DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes)
        .map_err(|error| Error::invalid_state(format!("key {key} holds no record of this driver: {error}")))
}

/// Tells what the simulated cloud can do.
#[must_use]
pub fn describe(parameters: &Parameters) -> DriverDescription {
    DriverDescription {
        summary: "A simulated cloud that keeps its instances in the plugin's state".to_owned(),
        tiers: vec![Tier::Parked, Tier::Shell, Tier::Warm],
        operations: vec![
            Operation::Create,
            Operation::Park,
            Operation::Start,
            Operation::Specialise,
            Operation::Reset,
            Operation::Destroy,
        ],
        max_instances: Some(parameters.max_instances),
    }
}

/// Gives the prices of one instance.
#[must_use]
pub fn prices(parameters: &Parameters, query: &PriceQuery) -> Vec<Price> {
    prices::prices(parameters, &query.persona)
}

/// The cloud at one time.
pub struct CloudAt<'a, S> {
    cloud: &'a mut Cloud<S>,
    now_ms: i64,
    parameters: &'a Parameters,
}

impl<S: Store> CloudAt<'_, S> {
    /// Begins to create an instance.
    ///
    /// # Errors
    /// `invalid-input` for a tier other than shell and warm, a bad identifier, or one in use under another token;
    /// `quota-exceeded` at the quota; `out-of-capacity` when the cloud or the zone is full; `unavailable` by injection.
    pub fn create(&mut self, request: CreateRequest) -> Result<Instance, Error> {
        let CreateRequest { id, token, persona, tier } = request;
        self.available("create", &id, &token)?;
        if id.is_empty() || id.len() > ID_MAX {
            return Err(Error::invalid_input(format!("an instance's id has 1 to {ID_MAX} bytes, got {}", id.len())));
        }
        if let Some(record) = self.cloud.records.get(&id) {
            let taken = || Error::invalid_input(format!("instance {id} exists already, created under another token"));
            return record.answer(&id, 'c', &token).ok_or_else(taken);
        }
        if self.cloud.gone.contains(&creation(&id, &token)) {
            return Err(Error::not_found(format!("instance {id} was created under this token and is removed by now")));
        }
        let zone = prices::zone(&persona).to_owned();
        let (to, persona) = match tier {
            Tier::Shell => (Held::Shell, String::new()),
            Tier::Warm => (Held::Warm, persona.name),
            Tier::Parked => return Err(Error::invalid_input("an instance is created as shell or warm, not parked")),
        };
        let quota = self.parameters.max_instances;
        if self.cloud.records.len() >= quota as usize {
            return Err(Error::QuotaExceeded(format!("the quota of {quota} instances is used up: destroy some")));
        }
        let capacity = self.parameters.capacity;
        if self.cloud.records.len() >= capacity as usize {
            return Err(Error::OutOfCapacity(format!("the cloud has room for {capacity} instances and is full")));
        }
        self.room_in(&zone)?;
        let fails = self.chance("fails", &id, &token).happens(0, self.parameters.failure_rate);
        let change = Move { fails, ..self.change(to, self.parameters.boot_seconds, "create", &id, &token) };
        self.commit(&id, Record::new(persona, &token, change).in_zone(zone))
    }

    fn room_in(&self, zone: &str) -> Result<(), Error> {
        let Some(room) = self.parameters.zone_capacity.get(zone) else { return Ok(()) };
        let used = self.cloud.records.values().filter(|record| record.zone == zone).count();
        if used < *room as usize {
            return Ok(());
        }
        Err(Error::OutOfCapacity(format!("zone {zone} has room for {room} instances and is full")))
    }

    /// Lists the instances in the order of their ids, 1,000 at a time.
    ///
    /// # Errors
    /// `unavailable` by injection.
    pub fn list(&self, cursor: Option<&str>) -> Result<Page, Error> {
        self.available("list", cursor.unwrap_or_default(), "")?;
        let from = cursor.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let mut rest = self.cloud.records.range::<str, _>((from, std::ops::Bound::Unbounded));
        let instances: Vec<Instance> =
            rest.by_ref().take(PAGE).map(|(id, record)| record.view(id, self.now_ms)).collect();
        let next = rest.next().and(instances.last()).map(|instance| instance.id.clone());
        Ok(Page { instances, next })
    }

    /// Gives one instance.
    ///
    /// # Errors
    /// `not-found`; `unavailable` by injection.
    pub fn get(&self, id: &str) -> Result<Instance, Error> {
        self.available("get", id, "")?;
        self.record(id).map(|record| record.view(id, self.now_ms))
    }

    /// Begins to park a warm instance or a shell.
    ///
    /// # Errors
    /// `not-found`; `invalid-input` in another state; `unavailable` by injection.
    pub fn park(&mut self, id: &str, token: &str) -> Result<Instance, Error> {
        self.begin(('p', "park"), id, token, |record, now| {
            let fits = matches!(now, Now::Stable(Held::Warm | Held::Shell));
            fits.then_some((Held::Parked, record)).ok_or("a warm instance or a shell")
        })
    }

    /// Begins to start a parked instance, to the tier that it was parked from.
    ///
    /// # Errors
    /// `not-found`; `invalid-input` in another state; `unavailable` by injection.
    pub fn start(&mut self, id: &str, token: &str) -> Result<Instance, Error> {
        self.begin(('s', "start"), id, token, |record, now| {
            let fits = now == Now::Stable(Held::Parked);
            fits.then(|| (record.home(), record)).ok_or("a parked instance")
        })
    }

    /// Begins to turn a shell into a warm instance of a persona.
    ///
    /// # Errors
    /// `not-found`; `invalid-input` in another state; `unavailable` by injection.
    pub fn specialise(&mut self, id: &str, token: &str, persona: &Persona) -> Result<Instance, Error> {
        self.begin(('x', "specialise"), id, token, |mut record, now| {
            let fits = now == Now::Stable(Held::Shell);
            record.persona.clone_from(&persona.name);
            fits.then_some((Held::Warm, record)).ok_or("a shell")
        })
    }

    /// Begins to wipe a warm instance.
    ///
    /// # Errors
    /// `not-found`; `invalid-input` in another state; `unavailable` by injection.
    pub fn reset(&mut self, id: &str, token: &str) -> Result<Instance, Error> {
        self.begin(('r', "reset"), id, token, |record, now| {
            let fits = now == Now::Stable(Held::Warm);
            fits.then_some((Held::Warm, record)).ok_or("a warm instance")
        })
    }

    /// Removes an instance, whatever its state; it is gone at once. One that does not exist is removed already.
    ///
    /// # Errors
    /// `unavailable` by injection or when the store fails.
    pub fn destroy(&mut self, id: &str, token: &str) -> Result<(), Error> {
        self.available("destroy", id, token)?;
        let Some(record) = self.cloud.records.get(id) else { return Ok(()) };
        let creation = creation(id, record.created_by());
        self.forget(creation);
        self.cloud.store.delete(&format!("{PREFIX}{id}"))?;
        self.cloud.records.remove(id);
        Ok(())
    }

    /// Remembers a removed instance. A store that is full or failing only shortens this memory.
    fn forget(&mut self, creation: u64) {
        let gone = &mut self.cloud.gone;
        if gone.len() >= GONE_MAX {
            gone.remove(0);
        }
        gone.push(creation);
        let written = serde_json::to_vec(&*gone)
            .map_err(|error| Error::other(error.to_string()))
            .and_then(|bytes| self.cloud.store.set(GONE, &bytes));
        if let Err(error) = written {
            forewarm_sdk::host::warn(&format!("removed instances could not be remembered: {}", error.text()));
        }
    }

    fn begin(
        &mut self,
        (letter, name): (char, &str),
        id: &str,
        token: &str,
        step: impl FnOnce(Record, Now) -> Result<(Held, Record), &'static str>,
    ) -> Result<Instance, Error> {
        self.available(name, id, token)?;
        let record = self.record(id)?;
        if let Some(answer) = record.answer(id, letter, token) {
            return Ok(answer);
        }
        let now = record.at(self.now_ms);
        let (to, mut record) = step(record.clone(), now).map_err(|wanted| {
            Error::invalid_input(format!("{name} needs {wanted}; instance {id} is {}", describe_state(now)))
        })?;
        record.begin(letter, token, self.change(to, self.seconds(letter), name, id, token));
        self.commit(id, record)
    }

    fn commit(&mut self, id: &str, record: Record) -> Result<Instance, Error> {
        let answer = record.view(id, self.now_ms);
        self.cloud.write(id, record)?;
        Ok(answer)
    }

    fn record(&self, id: &str) -> Result<&Record, Error> {
        self.cloud.records.get(id).ok_or_else(|| Error::not_found(format!("there is no instance {id}")))
    }

    fn seconds(&self, letter: char) -> f64 {
        match letter {
            'p' => self.parameters.park_seconds,
            's' => self.parameters.start_seconds,
            'x' => self.parameters.specialise_seconds,
            _ => self.parameters.reset_seconds,
        }
    }

    fn change(&self, to: Held, median_s: f64, operation: &str, id: &str, token: &str) -> Move {
        let latency = self.chance(operation, id, token).log_normal_ms(0, median_s, self.parameters.sigma);
        Move { to, began_ms: self.now_ms, done_ms: self.now_ms + latency, fails: false }
    }

    fn chance(&self, what: &str, id: &str, token: &str) -> Chance {
        Chance::new(self.parameters.seed, &[what, id, token])
    }

    /// Fails for the share of calls that the parameters ask for. The time takes part, so that a repetition can succeed.
    fn available(&self, operation: &str, id: &str, token: &str) -> Result<(), Error> {
        let now = self.now_ms.to_string();
        let chance = Chance::new(self.parameters.seed, &["unavailable", operation, id, token, &now]);
        if chance.happens(0, self.parameters.unavailable_rate) {
            return Err(Error::unavailable(format!("{operation} failed, as the parameters asked for: repeat it")));
        }
        Ok(())
    }
}

fn creation(id: &str, token: &str) -> u64 {
    Chance::new(0, &["create", id, token]).bits(0)
}

fn describe_state(now: Now) -> &'static str {
    match now {
        Now::Stable(Held::Parked) => "parked",
        Now::Stable(Held::Shell) => "a shell",
        Now::Stable(Held::Warm) => "warm",
        Now::Changing => "changing",
        Now::Failed => "broken and can only be destroyed",
    }
}

#[cfg(test)]
mod tests;
