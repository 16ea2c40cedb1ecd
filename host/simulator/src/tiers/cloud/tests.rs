//! What a cloud with cheaper tiers does, step by step, and that nothing is lost or invented in it.

use super::*;
use crate::cloud::Cloud;
use rand::RngExt;

const STEP_MS: i64 = 60_000;

fn tiers(parked: &str, shell: &str) -> Tiers {
    let offer = |text: &str| (!text.is_empty()).then(|| text.parse().expect("an offer"));
    Tiers::new(offer(parked), offer(shell)).expect("one at least")
}

/// `ready` instances of which all are idle.
fn cloud(ready: u32, tiers: Tiers, faults: Faults) -> TieredCloud {
    let mut cloud = TieredCloud::new(ready, 5, STEP_MS, tiers, faults, 1);
    step(&mut cloud, ready, 0, 0);
    cloud
}

fn step(cloud: &mut TieredCloud, wanted: u32, parked: u32, demand: u32) -> TieredStep {
    cloud.advance();
    cloud.follow(Target { wanted, parked, shells: 0 }, demand)
}

#[test]
fn surplus_is_parked_and_comes_back_within_its_latency() {
    let mut cloud = cloud(3, tiers("hold=0.1,latency=30s,enter=60s", ""), Faults::default());
    let parking = step(&mut cloud, 2, 1, 2);
    assert_eq!((parking.ready, parking.parking, parking.parked), (2, 1, 0), "parking takes its time");
    assert_eq!(parking.usage.cost(19.0), 1.0, "and is paid like a running one");
    let parked = step(&mut cloud, 2, 1, 2);
    assert_eq!((parked.parked, parked.usage.cost(19.0)), (1, 0.1));
    // Nobody foresaw the third: it is started when it is asked for, and serves for the second half of the minute.
    let short = step(&mut cloud, 2, 1, 3);
    assert_eq!((short.usage.unserved, short.usage.activating, short.usage.warm), (0.5, 0.5, 0.0));
    assert_eq!((short.usage.shortened, short.usage.waited, short.usage.started), (1, 0.5, 1));
    let served = step(&mut cloud, 3, 0, 3);
    assert_eq!((served.ready, served.usage.cost(19.0)), (3, 0.0));
}

#[test]
fn what_is_in_use_is_not_parked() {
    let mut cloud = cloud(3, tiers("hold=0.1,latency=30s", ""), Faults::default());
    step(&mut cloud, 5, 0, 3);
    // The two that boot are too many: they are parked when they are there.
    let parked = step(&mut cloud, 3, 2, 3);
    assert_eq!((parked.ready, parked.booting, parked.parking, parked.launches), (3, 2, 0, 0));
    assert_eq!(cloud.stock().0, Stock { warm: 3, parked: 2, ..Stock::default() });
    // One in use is surplus too: it is not parked, nor is another launched in its place.
    let parked = step(&mut cloud, 2, 3, 3);
    assert_eq!((parked.ready, parked.booting, parked.parking), (3, 2, 0));
    assert_eq!(cloud.stock().0, Stock { warm: 3, parked: 2, ..Stock::default() });
}

#[test]
fn a_start_that_was_planned_is_none_that_was_waited_for() {
    let mut cloud = cloud(3, tiers("hold=0.1,latency=90s,enter=1s", ""), Faults::default());
    step(&mut cloud, 1, 2, 1);
    step(&mut cloud, 1, 2, 1);
    let started = step(&mut cloud, 3, 0, 1);
    assert_eq!((started.starting, started.launches, started.usage.activating), (2, 0, 2.0));
    // Half a minute later one serves, and the other is idle for the rest.
    let arriving = step(&mut cloud, 3, 0, 2);
    assert_eq!((arriving.usage.unserved, arriving.usage.activating, arriving.usage.warm), (0.5, 1.0, 0.5));
    assert_eq!(arriving.usage.shortened, 0);
    assert_eq!(step(&mut cloud, 3, 0, 2).ready, 3);
}

#[test]
fn shells_are_kept_for_what_nobody_foresaw() {
    let mut cloud =
        cloud(2, tiers("hold=0.1,latency=50s,enter=1s", "hold=0.5,latency=10s,enter=60s"), Faults::default());
    cloud.advance();
    let built = cloud.follow(Target { wanted: 1, parked: 1, shells: 1 }, 1);
    assert_eq!((built.launches, built.booting, built.parking), (1, 1, 1));
    cloud.advance();
    let foreseen = cloud.follow(Target { wanted: 4, parked: 0, shells: 1 }, 1);
    assert_eq!((foreseen.usage.specialised, foreseen.usage.started, foreseen.launches), (0, 1, 2));
    // Those that boot come too late for the third.
    cloud.advance();
    let rush = cloud.follow(Target { wanted: 4, parked: 0, shells: 1 }, 3);
    assert_eq!((rush.ready, rush.booting, rush.usage.specialised, rush.usage.shortened), (2, 2, 1, 1));
    // One of the boots is given up for it.
    cloud.advance();
    let after = cloud.follow(Target { wanted: 4, parked: 0, shells: 0 }, 3);
    assert_eq!((after.ready, after.booting, after.shells, after.usage.unserved), (3, 1, 0, 0.0));
}

#[test]
fn launches_that_were_to_be_parked_are_taken_before_new_ones() {
    let mut cloud = cloud(1, tiers("hold=0.1,latency=30s", ""), Faults::default());
    assert_eq!(step(&mut cloud, 1, 2, 1).launches, 2, "launched only to be parked");
    assert_eq!(step(&mut cloud, 4, 0, 1).launches, 1);
    assert_eq!(cloud.stock().0, Stock { warm: 1, booting: 3, ..Stock::default() });
}

#[test]
fn a_quota_holds_for_all_tiers_together() {
    let faults = Faults { quota: Some(4), ..Faults::default() };
    let mut cloud = cloud(2, tiers("hold=0.1,latency=30s", "hold=0.5,latency=10s"), faults);
    cloud.advance();
    let full = cloud.follow(Target { wanted: 3, parked: 9, shells: 9 }, 9);
    assert_eq!((full.launches, cloud.existing()), (2, 4));
}

/// Demands and targets by chance.
fn rush(random: &mut StdRng, most: u32) -> (Target, u32) {
    let mut one = |most: u32| random.random_range(0..=most);
    (Target { wanted: one(most), parked: one(most), shells: one(most) }, one(most))
}

#[test]
fn no_instance_is_lost_and_none_appears() {
    let faults = Faults { boot_spread: 0.4, boot_failures: 0.1, quota: Some(60), ..Faults::default() };
    for seed in 0..40 {
        let both = tiers("hold=0.1,latency=70s,spread=0.5,enter=100s", "hold=0.5,latency=10s,spread=0.2,enter=150s");
        let mut cloud = TieredCloud::new(5, 5, STEP_MS, both, faults.clone(), seed);
        let mut random = StdRng::seed_from_u64(seed);
        let mut failed = 0;
        for _ in 0..300 {
            let before = cloud.existing();
            cloud.advance();
            let fell = u32::try_from(cloud.failed_boots - failed).expect("few");
            failed = cloud.failed_boots;
            assert_eq!(cloud.existing(), before - fell, "only boots that fail are gone by themselves");
            let (target, demand) = rush(&mut random, 25);
            let told = cloud.follow(target, demand);
            assert!(cloud.existing() <= before - fell + told.launches && cloud.existing() <= 60);
            let usage = told.usage;
            let time = usage.sum() - usage.unserved + f64::from(demand) - usage.unserved;
            assert!((time - f64::from(cloud.existing())).abs() < 1e-6, "{told:?} at a demand of {demand}");
            assert!(usage.unserved >= 0.0 && usage.warm >= 0.0 && usage.cost(19.0).is_finite());
        }
    }
}

#[test]
fn without_anything_in_a_cheaper_tier_it_is_a_cloud_without_tiers() {
    let faults = Faults { boot_spread: 0.4, boot_failures: 0.1, ..Faults::default() };
    for faults in [Faults::default(), faults] {
        let mut plain = Cloud::new(5, 5, STEP_MS, faults.clone(), 1);
        let mut tiered = cloud(5, tiers("hold=0.1,latency=30s", "hold=0.5,latency=10s"), faults);
        let mut random = StdRng::seed_from_u64(3);
        for _ in 0..500 {
            let (Target { wanted, .. }, demand) = rush(&mut random, 25);
            plain.advance();
            let tally = plain.follow(wanted, demand);
            let told = step(&mut tiered, wanted, 0, demand);
            let (ready, booting) = plain.stock();
            assert_eq!((told.ready, told.booting, u64::from(told.launches)), (ready, booting, tally.launches));
            assert_eq!(told.usage.cost(19.0), tally.cost(19.0));
        }
    }
}

#[test]
fn ten_million_instances_are_counted() {
    let mut cloud = cloud(10_000_000, tiers("hold=0.1,latency=30s", ""), Faults::default());
    step(&mut cloud, 1, 10_000_000, 1);
    let parked = step(&mut cloud, 1, 10_000_000, 10_000_000);
    assert_eq!((parked.usage.shortened, parked.usage.unserved), (9_999_999, 4_999_999.5));
    assert!(parked.usage.cost(10_000.0).is_finite());
}
