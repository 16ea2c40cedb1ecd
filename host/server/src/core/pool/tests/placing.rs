//! Placements: the next is created where it is cheapest, the dearest is let go first, idle ones change places one for one.

use super::*;
use forewarm_domain::id::PlacementName;
use forewarm_domain::plan::Move;
use proptest::prelude::*;

fn b() -> Option<PlacementName> {
    Some("b".parse().expect("valid"))
}

/// Room for so many in `b`, which is the cheaper one, and for any number as the persona stands.
fn room(in_b: u32) -> Room {
    Room::new(u32::MAX, vec![(b(), in_b), (None, u32::MAX)])
}

fn to_b() -> Move {
    Move { from: None, to: b(), saved_per_hour: 0.3, hours: 1.0, boot_cost: 0.1 }
}

fn follow(pool: &mut Pool, wanted: u32, room: &mut Room) -> Followed {
    pool.follow(&persona(), &driver(), Target { wanted, needed: 0, parked: None, room }, &ways(), NOW)
}

/// Begins at most `most` moves from the persona's own place to `b`.
fn consolidate(pool: &mut Pool, wanted: u32, most: u32) -> u32 {
    let moves = vec![to_b(); most as usize];
    pool.consolidate(&persona(), &driver(), &moves, (wanted, most), &mut room(u32::MAX), NOW)
}

/// Carries out what is due, as a driver that is done at once.
fn settle(pool: &mut Pool) {
    save(pool);
    for (intent, _) in pool.take_due(NOW, 100, &HashSet::new()) {
        pool.settle(&intent);
        if intent.operation == DriverOperation::Destroy {
            pool.forget(intent.instance, "destroyed", NOW);
        } else {
            pool.ready(intent.instance, "ref", NOW);
        }
    }
}

/// Warm instances, so many as the persona stands and so many in `b`.
fn placed(own: u32, in_b: u32) -> Pool {
    let mut pool = Pool::default();
    follow(&mut pool, own, &mut room(0));
    settle(&mut pool);
    follow(&mut pool, own + in_b, &mut room(in_b));
    settle(&mut pool);
    assert_eq!(serving(&pool), (own, in_b));
    pool
}

/// Those that serve as the persona stands, and in `b`.
fn serving(pool: &Pool) -> (u32, u32) {
    let held = pool.held_in(&persona());
    let of = |placement: Option<PlacementName>| held.get(&placement).map_or(0, |held| held.serving);
    (of(None), of(b()))
}

fn moving(pool: &Pool) -> u32 {
    pool.stock(&persona()).moving
}

#[test]
fn the_cheapest_place_is_filled_first() {
    let mut pool = Pool::default();
    let mut rooms = room(2);
    assert_eq!(follow(&mut pool, 5, &mut rooms).launched, 5);
    assert_eq!((serving(&pool), rooms.taken()), ((3, 2), [b(), None].as_slice()));
    let mut bounded = Room::new(1, vec![(b(), u32::MAX), (None, u32::MAX)]);
    assert_eq!(follow(&mut pool, 9, &mut bounded).launched, 1, "a quota is one for all places");
    assert_eq!(serving(&pool), (3, 3));
}

#[test]
fn the_dearest_idle_ones_are_let_go_first() {
    let mut pool = placed(2, 2);
    assert_eq!(follow(&mut pool, 3, &mut room(9)).released, 1);
    assert_eq!(serving(&pool), (1, 2));
    // A place that is no choice any more goes before all others.
    let mut only_own = Room::anywhere(u32::MAX);
    assert_eq!(follow(&mut pool, 2, &mut only_own).released, 1);
    assert_eq!(serving(&pool), (1, 1));
}

#[test]
fn an_idle_instance_is_replaced_when_its_successor_is_there_and_not_before() {
    let mut pool = placed(3, 0);
    assert_eq!(consolidate(&mut pool, 3, 2), 2);
    assert_eq!((serving(&pool), moving(&pool), pool.stock(&persona()).total()), ((3, 0), 2, 3), "beside those wanted");
    assert_eq!(consolidate(&mut pool, 3, 2), 0, "no more at a time");
    assert_eq!(follow(&mut pool, 3, &mut room(9)), Followed::default(), "no plan sees them");
    settle(&mut pool);
    assert_eq!((serving(&pool), moving(&pool)), ((1, 2), 0));
    settle(&mut pool);
    assert_eq!(pool.count_of(&driver()), 3, "those that were replaced are gone");
}

#[test]
fn nothing_moves_while_the_plan_grows_or_shrinks_or_somebody_waits() {
    let mut pool = placed(2, 0);
    assert_eq!((consolidate(&mut pool, 3, 1), consolidate(&mut pool, 1, 1)), (0, 0));
    for _ in 0..3 {
        claim(&mut pool, None);
    }
    let total = pool.stock(&persona()).total();
    assert_eq!(consolidate(&mut pool, total, 1), 0);
}

#[test]
fn a_claimed_instance_is_not_touched_and_its_successor_is_one_more() {
    let mut pool = placed(1, 0);
    assert_eq!(consolidate(&mut pool, 1, 1), 1);
    let claim = claim(&mut pool, None);
    assert!(matches!(claim.state, ClaimState::Served { warm: true, .. }));
    settle(&mut pool);
    assert_eq!((stock(&pool), serving(&pool)), ((1, 1, 0, 0, 0), (1, 1)));
    assert_eq!(consolidate(&mut pool, 2, 1), 0, "the claimed one is all that is left in the dearer place");
}

#[test]
fn where_one_more_is_wanted_it_is_the_one_on_its_way() {
    let mut pool = placed(1, 0);
    consolidate(&mut pool, 1, 1);
    assert_eq!(follow(&mut pool, 2, &mut room(9)), Followed { activated: 1, ..Followed::default() });
    settle(&mut pool);
    assert_eq!((serving(&pool), moving(&pool)), ((1, 1), 0));
}

#[test]
fn a_successor_goes_with_what_it_was_to_replace() {
    let mut pool = placed(2, 0);
    consolidate(&mut pool, 2, 1);
    assert_eq!(follow(&mut pool, 1, &mut room(9)).released, 1);
    assert_eq!((moving(&pool), serving(&pool)), (0, (1, 0)));
    settle(&mut pool);
    assert_eq!(pool.count_of(&driver()), 1);
}

#[test]
fn in_a_hold_both_stay() {
    let mut pool = placed(1, 0);
    consolidate(&mut pool, 1, 1);
    let successor = pool.instances_of(&persona()).into_iter().find(|one| one.replaces.is_some()).expect("on its way");
    pool.stay_beside(successor.id);
    settle(&mut pool);
    assert_eq!(serving(&pool), (1, 1));
}

#[test]
fn what_finds_no_capacity_is_created_in_the_next_place() {
    let mut pool = Pool::default();
    follow(&mut pool, 1, &mut room(1));
    let failed = pool.instances_of(&persona()).pop().expect("one");
    pool.discard(failed.id, "full", NOW);
    pool.fall_over(&failed, &mut room(0), NOW);
    assert_eq!(serving(&pool), (1, 0));
    let mut pool = placed(1, 0);
    consolidate(&mut pool, 1, 1);
    let failed = pool.instances_of(&persona()).into_iter().find(|one| one.replaces.is_some()).expect("on its way");
    pool.discard(failed.id, "full", NOW);
    pool.fall_over(&failed, &mut room(0), NOW);
    assert_eq!((serving(&pool), moving(&pool)), ((1, 0), 0), "nothing is missing without a move");
}

#[test]
fn a_restored_pool_knows_its_moves() {
    let mut pool = placed(2, 0);
    consolidate(&mut pool, 2, 1);
    let instances: Vec<_> = pool.instances.values().cloned().collect();
    let open = pool.intents.values().flatten().map(|open| open.intent.clone()).collect();
    let mut again = Pool::restore(instances, vec![], open, vec![]);
    assert_eq!((again.stock(&persona()), moving(&again)), (pool.stock(&persona()), 1));
    assert_eq!(consolidate(&mut again, 2, 1), 0, "it is not begun a second time");
    settle(&mut again);
    assert_eq!(serving(&again), (1, 1));
}

/// What may happen to a pool.
#[derive(Debug, Clone)]
enum Happens {
    Follow { wanted: u32, in_b: u32 },
    Consolidate { most: u32 },
    Claim,
    Release,
    Settle,
    Restart,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        (0..6_u32, 0..4_u32).prop_map(|(wanted, in_b)| Happens::Follow { wanted, in_b }),
        (0..4_u32).prop_map(|most| Happens::Consolidate { most }),
        Just(Happens::Claim),
        Just(Happens::Release),
        Just(Happens::Settle),
        Just(Happens::Restart),
    ]
}

fn held_by_claims(pool: &Pool) -> Vec<InstanceId> {
    let served = pool.open_claims(&persona()).into_iter().filter_map(|claim| match claim.state {
        ClaimState::Served { instance, .. } => Some(instance),
        _ => None,
    });
    served.collect()
}

/// One thing happens; gives the fewest instances that have to be there afterwards.
fn happen(pool: &mut Pool, what: &Happens) -> u32 {
    let stock = pool.stock(&persona());
    match what {
        Happens::Follow { wanted, in_b } => {
            follow(pool, *wanted, &mut room(*in_b));
            return (*wanted).max(stock.active);
        }
        Happens::Consolidate { most } => {
            let begun = consolidate(pool, stock.total(), *most);
            assert!(begun == 0 || moving(pool) <= *most, "{begun} begun, {} under way", moving(pool));
        }
        Happens::Claim => {
            let new = NewClaim {
                id: ClaimId(Uuid::now_v7()),
                persona: persona(),
                tenant: "shop".parse().expect("valid"),
                idempotency_key: None,
                expires_at: None,
                driver: driver(),
                max_instances: 9,
                max_waiting: 100,
            };
            drop(pool.claim_instance(new, &mut room(1), NOW, ways).expect("room to wait"));
        }
        Happens::Release => {
            if let Some(claim) = pool.open_claims(&persona()).first() {
                pool.end_claim(claim.id, EndCause::Released, NOW);
            }
        }
        Happens::Settle => settle(pool),
        Happens::Restart => {
            save(pool);
            let instances = pool.instances.values().cloned().collect();
            let open = pool.intents.values().flatten().map(|open| open.intent.clone()).collect();
            let claims = pool.claims.values().cloned().collect();
            *pool = Pool::restore(instances, claims, open, vec![]);
        }
    }
    stock.total()
}

proptest! {
    #[test]
    fn moves_take_nothing_from_what_is_there_nor_from_a_claim(events in prop::collection::vec(happens(), 1..60)) {
        let mut pool = Pool::default();
        for what in &events {
            let held = held_by_claims(&pool);
            let least = happen(&mut pool, what);
            let now = pool.stock(&persona());
            prop_assert!(now.total() >= least, "{what:?}: {least} at least, there are {now:?}");
            let ids: Vec<InstanceId> = pool.instances_of(&persona()).iter().map(|one| one.id).collect();
            if !matches!(what, Happens::Release) {
                prop_assert!(held.iter().all(|id| ids.contains(id)), "{what:?}: a claimed instance is gone");
            }
            for successor in pool.instances_of(&persona()).iter().filter(|one| one.replaces.is_some()) {
                let boots = matches!(successor.state, InstanceState::Booting { .. });
                prop_assert!(boots, "{successor:?}");
            }
        }
        (0..3).for_each(|_| settle(&mut pool));
        let (stock, run) = (pool.stock(&persona()), pool.count_of(&driver()));
        prop_assert_eq!((stock.total(), stock.moving), (run, 0), "no orphan and no double one is left");
    }
}
