//! The cloud's behaviour, over a store in memory.

use super::*;
use forewarm_sdk::Setting;
use forewarm_sdk::words::InstanceState;
use forewarm_sdk::{Allocation, ExpectedPerformance, System};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A store in memory that outlives the clouds on it and counts the calls.
#[derive(Clone, Default)]
struct Memory {
    map: Rc<RefCell<BTreeMap<String, Vec<u8>>>>,
    writes: Rc<Cell<usize>>,
    reads: Rc<Cell<usize>>,
}

impl Store for Memory {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.reads.set(self.reads.get() + 1);
        Ok(self.map.borrow().get(key).cloned())
    }
    fn set(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        self.writes.set(self.writes.get() + 1);
        self.map.borrow_mut().insert(key.to_owned(), value.to_vec());
        Ok(())
    }
    fn delete(&self, key: &str) -> Result<(), Error> {
        self.map.borrow_mut().remove(key);
        Ok(())
    }
    fn keys(&self, prefix: &str) -> Result<Vec<String>, Error> {
        self.reads.set(self.reads.get() + 1);
        Ok(self.map.borrow().keys().filter(|key| key.starts_with(prefix)).cloned().collect())
    }
}

fn persona() -> Persona {
    Persona {
        name: "web".to_owned(),
        version: 1,
        allocation: Allocation { cpu_millis: 1_000, memory_mib: 1_024, storage_gib: 0, network_mbps: 0 },
        system: System { image: String::new(), settings: Vec::new(), software: Vec::new() },
        dedicated: false,
        ingress_cidrs: Vec::new(),
        expected: ExpectedPerformance { latency_p95_ms: None, throughput_per_s: None, utilisation: None },
        capacity_per_instance: 10.0,
    }
}

fn request(id: &str, token: &str, tier: Tier) -> CreateRequest {
    CreateRequest { id: id.to_owned(), token: token.to_owned(), persona: persona(), tier }
}

fn cloud() -> (Memory, Cloud<Memory>) {
    let memory = Memory::default();
    let cloud = Cloud::load(memory.clone()).expect("an empty store");
    (memory, cloud)
}

/// Long after everything that a test began at time zero.
const LATER: i64 = 10_000_000;

#[test]
fn an_instance_goes_through_its_life() {
    let (_, mut cloud) = cloud();
    let parameters = Parameters { sigma: 0.0, ..Parameters::default() };
    let shell = cloud.at(0, &parameters).create(request("a", "t0", Tier::Shell)).expect("created");
    assert!(matches!(&shell.state, InstanceState::Changing(change) if change.expected_ms == 300_000));
    assert_eq!(shell.persona, "");
    let state = |cloud: &mut Cloud<Memory>, now| cloud.at(now, &parameters).get("a").expect("there").state;
    assert_eq!(state(&mut cloud, 300_000), InstanceState::Stable(Tier::Shell));
    cloud.at(300_000, &parameters).specialise("a", "t1", &persona()).expect("a shell");
    assert_eq!(state(&mut cloud, 360_000), InstanceState::Stable(Tier::Warm));
    cloud.at(360_000, &parameters).reset("a", "t2").expect("warm");
    assert!(matches!(state(&mut cloud, 364_999), InstanceState::Changing(_)));
    cloud.at(365_000, &parameters).park("a", "t3").expect("warm again");
    assert_eq!(state(&mut cloud, 380_000), InstanceState::Stable(Tier::Parked));
    cloud.at(380_000, &parameters).start("a", "t4").expect("parked");
    let warm = cloud.at(410_000, &parameters).get("a").expect("there");
    assert_eq!((warm.state, warm.persona.as_str(), warm.since_ms), (InstanceState::Stable(Tier::Warm), "web", 410_000));
    cloud.at(LATER, &parameters).destroy("a", "t5").expect("there");
    assert!(matches!(cloud.at(LATER, &parameters).get("a"), Err(Error::NotFound(_))));
}

#[test]
fn a_repeated_token_answers_as_first_and_writes_nothing() {
    let (memory, mut cloud) = cloud();
    let parameters = Parameters::default();
    let first = cloud.at(0, &parameters).create(request("a", "t", Tier::Warm)).expect("created");
    assert_eq!(memory.writes.get(), 1, "one create writes one key");
    let again = cloud.at(LATER, &parameters).create(request("a", "t", Tier::Warm)).expect("repeated");
    assert_eq!((first, memory.writes.get()), (again, 1));
    let parked = cloud.at(LATER, &parameters).park("a", "p").expect("warm");
    assert_eq!(cloud.at(2 * LATER, &parameters).park("a", "p").expect("repeated"), parked);
    assert_eq!(memory.writes.get(), 2);
}

#[test]
fn a_late_create_does_not_bring_a_removed_instance_back() {
    let (memory, mut cloud) = cloud();
    let parameters = Parameters::default();
    cloud.at(0, &parameters).create(request("a", "t", Tier::Warm)).expect("created");
    cloud.at(1, &parameters).destroy("a", "d").expect("there");
    cloud.at(2, &parameters).destroy("a", "d").expect("removed already");
    cloud.at(2, &parameters).destroy("never", "d").expect("nothing to remove");
    let mut restarted = Cloud::load(memory).expect("its own state");
    assert!(matches!(restarted.at(3, &parameters).create(request("a", "t", Tier::Warm)), Err(Error::NotFound(_))));
    restarted.at(4, &parameters).create(request("a", "t2", Tier::Warm)).expect("a new creation is another matter");
}

#[test]
fn operations_in_the_wrong_state_are_refused() {
    let (_, mut cloud) = cloud();
    let parameters = Parameters::default();
    let invalid = |result: Result<Instance, Error>| matches!(result, Err(Error::InvalidInput(_)));
    cloud.at(0, &parameters).create(request("a", "t", Tier::Warm)).expect("created");
    assert!(invalid(cloud.at(1, &parameters).reset("a", "x")), "booting");
    assert!(invalid(cloud.at(1, &parameters).park("a", "x")), "booting");
    assert!(invalid(cloud.at(LATER, &parameters).start("a", "x")), "warm");
    assert!(invalid(cloud.at(LATER, &parameters).specialise("a", "x", &persona())), "warm");
    assert!(invalid(cloud.at(LATER, &parameters).create(request("a", "other", Tier::Warm))), "in use");
    assert!(invalid(cloud.at(LATER, &parameters).create(request("b", "t", Tier::Parked))), "parked");
    assert!(invalid(cloud.at(LATER, &parameters).create(request("", "t", Tier::Warm))), "no id");
    assert!(matches!(cloud.at(LATER, &parameters).park("b", "x"), Err(Error::NotFound(_))));
}

#[test]
fn the_quota_holds_until_something_is_released() {
    let (_, mut cloud) = cloud();
    let parameters = Parameters { max_instances: 1, ..Parameters::default() };
    cloud.at(0, &parameters).create(request("a", "t", Tier::Warm)).expect("within");
    let over = cloud.at(0, &parameters).create(request("b", "t", Tier::Warm));
    assert!(matches!(over, Err(Error::QuotaExceeded(_))));
    cloud.at(0, &parameters).destroy("a", "d").expect("there");
    cloud.at(0, &parameters).create(request("b", "t", Tier::Warm)).expect("within again");
}

#[test]
fn a_full_cloud_has_room_again_when_something_is_released() {
    let (_, mut cloud) = cloud();
    let parameters = Parameters { capacity: 1, ..Parameters::default() };
    cloud.at(0, &parameters).create(request("a", "t", Tier::Warm)).expect("within");
    let over = cloud.at(0, &parameters).create(request("b", "t", Tier::Warm));
    assert!(matches!(over, Err(Error::OutOfCapacity(_))), "{over:?}");
    cloud.at(0, &parameters).destroy("a", "d").expect("there");
    cloud.at(0, &parameters).create(request("b", "t", Tier::Warm)).expect("within again");
}

#[test]
fn a_full_zone_leaves_room_in_another_and_is_remembered() {
    let (memory, mut cloud) = cloud();
    let parameters = Parameters { zone_capacity: [("b".to_owned(), 1)].into(), ..Parameters::default() };
    let within = |zone: &str, id: &str, tier: Tier| {
        let mut request = request(id, "t", tier);
        request.persona.system.settings.push(Setting { name: "zone".to_owned(), value: zone.to_owned() });
        request
    };
    cloud.at(0, &parameters).create(within("b", "1", Tier::Shell)).expect("within");
    let mut cloud = Cloud::load(memory).expect("its own state");
    let over = cloud.at(0, &parameters).create(within("b", "2", Tier::Warm));
    assert!(matches!(&over, Err(Error::OutOfCapacity(text)) if text.contains("zone b")), "{over:?}");
    cloud.at(0, &parameters).create(within("a", "2", Tier::Warm)).expect("another zone");
    cloud.at(0, &parameters).create(request("3", "t", Tier::Warm)).expect("none at all");
    cloud.at(0, &parameters).destroy("1", "d").expect("there");
    cloud.at(0, &parameters).create(within("b", "4", Tier::Warm)).expect("within again");
}

#[test]
fn a_restarted_host_finds_the_same_cloud() {
    let (memory, mut cloud) = cloud();
    let parameters = Parameters { failure_rate: 0.3, ..Parameters::default() };
    for index in 0..50 {
        cloud.at(index, &parameters).create(request(&format!("i{index}"), "t", Tier::Warm)).expect("created");
    }
    let before = cloud.at(LATER, &parameters).list(None).expect("available").instances;
    let mut restarted = Cloud::load(memory).expect("its own state");
    assert_eq!(restarted.at(LATER, &parameters).list(None).expect("available").instances, before);
    let failed = before.iter().filter(|instance| matches!(instance.state, InstanceState::Failed(_))).count();
    assert!((5..=25).contains(&failed), "{failed} of 50 failed");
}

#[test]
fn lists_are_paged_without_touching_the_store() {
    let (memory, mut cloud) = cloud();
    let parameters = Parameters::default();
    for index in 0..2_500 {
        cloud.at(0, &parameters).create(request(&format!("{index:05}"), "t", Tier::Shell)).expect("created");
    }
    let reads = memory.reads.get();
    let (mut cursor, mut sizes, mut ids) = (None, Vec::new(), Vec::new());
    loop {
        let page = cloud.at(1, &parameters).list(cursor.as_deref()).expect("available");
        sizes.push(page.instances.len());
        ids.extend(page.instances.into_iter().map(|instance| instance.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((sizes, memory.reads.get()), (vec![1_000, 1_000, 500], reads));
    assert!(ids.is_sorted() && ids.len() == 2_500);
}

#[test]
fn unavailable_calls_have_no_effect_and_succeed_when_repeated_later() {
    let (memory, mut cloud) = cloud();
    let parameters = Parameters { unavailable_rate: 0.5, ..Parameters::default() };
    let mut refused = 0;
    for now in 0..1_000 {
        match cloud.at(now, &parameters).create(request(&format!("i{now}"), "t", Tier::Warm)) {
            Err(Error::Unavailable(_)) => refused += 1,
            other => drop(other.expect("created")),
        }
    }
    assert!((430..570).contains(&refused), "{refused}");
    assert_eq!(memory.map.borrow().len(), 1_000 - refused);
}

#[test]
fn the_same_seed_gives_the_same_latencies_and_another_one_does_not() {
    let expected = |seed| {
        let (_, mut cloud) = cloud();
        let parameters = Parameters { seed, ..Parameters::default() };
        cloud.at(0, &parameters).create(request("a", "t", Tier::Warm)).expect("created").state
    };
    assert_eq!(expected(1), expected(1));
    assert_ne!(expected(1), expected(2));
}

#[test]
fn foreign_bytes_are_a_typed_error() {
    let memory = Memory::default();
    memory.set("i/a", b"nonsense").expect("in memory");
    assert!(matches!(Cloud::load(memory), Err(Error::InvalidState(_))));
}
