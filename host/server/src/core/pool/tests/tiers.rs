//! Tiers: surplus is parked, what is wanted comes from the quickest tier, shells become any persona of their class.

use super::*;
use forewarm_domain::persona::{Allocation, Isolation};

fn class() -> ShellClass {
    let allocation = Allocation { cpu_millis: 500, memory_mib: 512, storage_gib: 0, network_mbps: 0 };
    ShellClass { driver: driver(), image: String::new(), allocation, isolation: Isolation::Shared }
}

fn follow(pool: &mut Pool, wanted: u32, parked: u32) -> Followed {
    follow_needed(pool, wanted, wanted, parked)
}

fn follow_needed(pool: &mut Pool, wanted: u32, needed: u32, parked: u32) -> Followed {
    let ways = Ways { class: Some(class()), ..ways() };
    let target = Target { wanted, needed, parked: Some(parked), room: &mut anywhere() };
    pool.follow(&persona(), &driver(), target, &ways, NOW)
}

/// Carries out what is due, as a driver that is done at once.
fn settle_all(pool: &mut Pool) -> Vec<DriverOperation> {
    save(pool);
    let due = pool.take_due(NOW, 100, &HashSet::new());
    for (intent, _) in &due {
        pool.settle(intent);
        match intent.operation {
            DriverOperation::Park => drop(pool.held(intent.instance, "ref", Tier::Parked, NOW)),
            DriverOperation::Destroy => drop(pool.forget(intent.instance, "destroyed", NOW)),
            _ if pool.instance(intent.instance).is_some_and(|one| one.state.bound_for() == Some(Tier::Shell)) => {
                drop(pool.held(intent.instance, "ref", Tier::Shell, NOW));
            }
            _ => drop(pool.ready(intent.instance, "ref", NOW)),
        }
    }
    let mut done: Vec<DriverOperation> = due.into_iter().map(|(intent, _)| intent.operation).collect();
    done.sort_by_key(|operation| *operation as u8);
    done
}

/// A pool with so many warm and parked instances.
fn tiered(ready: u32, parked: u32) -> Pool {
    let mut pool = warm(ready + parked);
    assert_eq!(follow(&mut pool, ready, parked), Followed { parked, ..Followed::default() });
    assert_eq!(settle_all(&mut pool), vec![DriverOperation::Park; parked as usize]);
    assert_eq!(counts(&pool), (ready, 0, parked));
    pool
}

fn counts(pool: &Pool) -> (u32, u32, u32) {
    let stock = pool.stock(&persona());
    (stock.warm, stock.booting, stock.parked)
}

#[test]
fn surplus_is_parked_as_far_as_it_is_wanted_there_and_the_rest_is_let_go() {
    let mut pool = warm(5);
    assert_eq!(follow(&mut pool, 1, 3), Followed { parked: 3, released: 1, ..Followed::default() });
    assert_eq!(counts(&pool), (1, 0, 3), "on their way they count as parked");
    assert_eq!(follow(&mut pool, 1, 3), Followed::default(), "planned again, nothing more is done");
    let mut done = settle_all(&mut pool);
    done.dedup();
    assert_eq!(done, [DriverOperation::Park, DriverOperation::Destroy]);
    assert_eq!(follow(&mut pool, 1, 1), Followed { released: 2, ..Followed::default() });
    assert_eq!(counts(&pool), (1, 0, 1));
}

#[test]
fn without_an_offer_what_is_parked_stays() {
    let mut pool = tiered(1, 2);
    let target = Target { wanted: 0, needed: 0, parked: None, room: &mut Room::anywhere(0) };
    let done = pool.follow(&persona(), &driver(), target, &ways(), NOW);
    assert_eq!((done.released, counts(&pool)), (1, (0, 0, 2)));
}

#[test]
fn what_is_wanted_is_started_before_anything_is_launched() {
    let mut pool = tiered(1, 2);
    assert_eq!(follow(&mut pool, 4, 0), Followed { activated: 2, launched: 1, ..Followed::default() });
    assert_eq!(counts(&pool), (1, 3, 0));
    save(&mut pool);
    let due = pool.take_due(NOW, 9, &HashSet::new());
    let mut changes = Changes::default();
    for (intent, _) in due {
        pool.settle(&intent);
        changes.extend(pool.ready(intent.instance, "ref", NOW + 20_000));
    }
    assert_eq!(counts(&pool), (4, 0, 0));
    assert_eq!(changes.activations, vec![(persona(), Tier::Parked, 20_000); 2], "starts are measured as starts");
    assert_eq!(changes.boots.len(), 1);
}

#[test]
fn a_claim_is_served_from_a_parked_instance_and_told_how_long_that_takes() {
    let mut pool = tiered(0, 1);
    let claim = claim(&mut pool, None);
    let ClaimState::Waiting { expected_at } = claim.state else { panic!("{claim:?}") };
    assert_eq!(expected_at, NOW + 30_000, "a start, not a boot");
    assert_eq!(settle_all(&mut pool), [DriverOperation::Start]);
    assert!(matches!(pool.claim(claim.id).expect("open").state, ClaimState::Served { warm: false, .. }));
}

#[test]
fn what_is_only_to_be_parked_is_launched_and_parked_or_kept_where_it_is_needed() {
    let mut pool = Pool::default();
    assert_eq!(follow(&mut pool, 0, 2), Followed { launched: 2, ..Followed::default() });
    assert_eq!(counts(&pool), (0, 0, 2));
    assert_eq!(follow(&mut pool, 1, 1), Followed { activated: 1, ..Followed::default() });
    assert_eq!(counts(&pool), (0, 1, 1), "one of them is kept ready in its place");
    assert_eq!(settle_all(&mut pool), [DriverOperation::Create, DriverOperation::Create]);
    assert_eq!(counts(&pool), (1, 0, 1));
    assert_eq!(settle_all(&mut pool), [DriverOperation::Park]);
    let states: Vec<&str> = pool.instances_of(&persona()).iter().map(|instance| instance.state.as_str()).collect();
    assert!(states.contains(&"parked") && states.contains(&"warm"), "{states:?}");
}

#[test]
fn a_boot_that_is_not_needed_any_more_is_parked_where_none_is_idle() {
    let mut pool = Pool::default();
    follow(&mut pool, 2, 0);
    assert_eq!(follow(&mut pool, 1, 1), Followed { parked: 1, ..Followed::default() });
    assert_eq!(counts(&pool), (0, 1, 1));
}

#[test]
fn a_shell_becomes_an_instance_of_who_needs_it_first() {
    let mut pool = Pool::default();
    let other: PersonaName = "other".parse().expect("valid");
    assert_eq!(pool.follow_shells(&class(), &other, 2, NOW).launched, 2);
    assert_eq!((pool.shells(&class()), pool.stock(&other)), ((2, 2), Stock::default()));
    assert_eq!(settle_all(&mut pool), [DriverOperation::Create, DriverOperation::Create]);
    assert_eq!(pool.shells(&class()), (2, 0));
    assert_eq!(follow(&mut pool, 1, 0), Followed { activated: 1, ..Followed::default() });
    assert_eq!((pool.shells(&class()).0, counts(&pool)), (1, (0, 1, 0)));
    save(&mut pool);
    let (intent, instance) = pool.take_due(NOW, 1, &HashSet::new()).pop().expect("due");
    assert_eq!((intent.operation, &intent.persona), (DriverOperation::Specialise, &persona()));
    assert_eq!(instance.persona, persona(), "it is the taker's from now on");
    pool.settle(&intent);
    let changes = pool.ready(intent.instance, "ref", NOW + 50_000);
    assert_eq!(changes.activations, [(persona(), Tier::Shell, 50_000)]);
    assert_eq!(counts(&pool), (1, 0, 0));
    assert_eq!(pool.follow_shells(&class(), &other, 0, NOW).released, 1);
}

#[test]
fn a_restored_pool_is_the_same_in_every_tier() {
    let mut pool = tiered(1, 2);
    pool.follow_shells(&class(), &persona(), 2, NOW);
    follow(&mut pool, 2, 1);
    let instances = pool.instances.values().cloned().collect();
    let open = pool.intents.values().flatten().map(|open| open.intent.clone()).collect();
    let again = Pool::restore(instances, vec![], open, vec![]);
    assert_eq!((again.stock(&persona()), again.shells(&class())), (pool.stock(&persona()), pool.shells(&class())));
    assert_eq!(again.intents.len(), 3, "two shells and one start");
}

#[test]
fn shells_are_kept_for_what_nobody_foresaw() {
    let mut pool = Pool::default();
    pool.follow_shells(&class(), &persona(), 2, NOW);
    settle_all(&mut pool);
    assert_eq!(follow_needed(&mut pool, 2, 0, 0), Followed { launched: 2, ..Followed::default() });
    assert_eq!((pool.shells(&class()).0, counts(&pool)), (2, (0, 2, 0)));
    // Now one is needed, and a boot would take long: it is given up for the shell.
    let done = follow_needed(&mut pool, 2, 1, 0);
    assert_eq!(done, Followed { activated: 1, released: 1, ..Followed::default() });
    assert_eq!((pool.shells(&class()).0, counts(&pool)), (1, (0, 2, 0)));
    assert_eq!(follow_needed(&mut pool, 2, 1, 0), Followed::default(), "it is on its way");
}
