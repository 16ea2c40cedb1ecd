//! What choosing among placements promises, for any prices, rooms and needs.

use super::*;
use proptest::prelude::*;

fn choice(placement: Option<&str>, per_hour: Option<f64>, room: u32, held: u32) -> Offering {
    let placement = placement.map(|name| name.parse().expect("valid"));
    Offering { placement, per_hour, room, held, idle: held }
}

fn names(placing: &Placing) -> Vec<&str> {
    placing.offerings().iter().map(|choice| shown(choice.placement.as_ref())).collect()
}

#[test]
fn the_cheapest_comes_first_and_what_is_unknown_last_as_listed() {
    let own = |per_hour| choice(None, per_hour, 9, 0);
    let placing = Placing::new(vec![
        own(Some(0.11)),
        choice(Some("c"), None, 9, 0),
        choice(Some("b"), Some(0.08), 9, 0),
        choice(Some("d"), None, 9, 0),
        choice(Some("e"), Some(0.11), 9, 0),
    ]);
    assert_eq!(names(&placing), ["b", "the persona's own", "e", "c", "d"]);
    assert!(placing.reason().detail.contains("no price is known of c, d"), "{}", placing.reason().detail);
    let unknown = Placing::new(vec![own(None), choice(Some("b"), None, 9, 0), choice(Some("a"), None, 9, 0)]);
    assert_eq!(names(&unknown), ["the persona's own", "b", "a"]);
}

#[test]
fn money_is_told_against_the_persona_as_it_stands() {
    let placing = Placing::new(vec![choice(None, Some(0.11), 9, 7), choice(Some("b"), Some(0.08), 0, 3)]);
    let reason = placing.reason();
    for part in ["3 of 10 in b at 0.0800 instead of 0.1100 an hour", "0.0900 an hour less", "no room in b"] {
        assert!(reason.detail.contains(part), "{part:?} is missing in {}", reason.detail);
    }
    assert_eq!(placing.placed()[0].instances, 3);
    let dearer = Placing::new(vec![choice(None, Some(0.11), 0, 0), choice(Some("b"), Some(0.2), 9, 1)]);
    assert!(dearer.reason().detail.contains("0.0900 an hour more"), "{}", dearer.reason().detail);
    let unknown = Placing::new(vec![choice(None, Some(0.11), 9, 7), choice(Some("b"), None, 9, 3)]);
    assert_eq!(unknown.saved_per_hour(), None);
    let unused = Placing::new(vec![choice(None, Some(0.11), 9, 7), choice(Some("b"), None, 9, 0)]);
    assert_eq!(unused.saved_per_hour(), Some(0.0), "a price that is not needed is not missed");
}

#[test]
fn a_move_is_made_where_it_pays_for_its_boot() {
    let choices = [choice(None, Some(1.0), 9, 4), choice(Some("b"), Some(0.7), 9, 1)];
    // 0.3 an hour less, against 0.7 for each hour of booting; of five levels the upper four are the dear ones.
    let within = |hours: f64, boot: f64| moves(&choices, 9, boot, |_| hours).len();
    assert_eq!((within(1.0, 0.1), within(0.2, 0.1), within(0.0, 0.0)), (4, 0, 0));
    let only_low = moves(&choices, 9, 0.1, |level| if level <= 3 { 1.0 } else { 0.0 });
    assert_eq!(only_low.len(), 2, "levels 2 and 3");
    let told = Placing::explain(&only_low, Some("a freeze")).expect("some");
    for part in ["2 idle are worth moving from the persona's own to b", "0.6000", "0.1400", "not now: a freeze"] {
        assert!(told.detail.contains(part), "{part:?} is missing in {}", told.detail);
    }
    assert!(moves(&[choice(None, None, 9, 4), choice(Some("b"), Some(0.7), 9, 0)], 9, 0.0, |_| 1.0).is_empty());
    assert!(moves(&[choice(None, Some(1.0), 9, 4), choice(Some("b"), None, 9, 0)], 9, 0.0, |_| 1.0).is_empty());
    assert_eq!(Placing::explain(&[], None), None);
}

fn choices() -> impl Strategy<Value = Vec<Offering>> {
    let one = (prop::option::of(0..6_u32), 0..4_u32, 0..5_u32, 0..5_u32);
    prop::collection::vec(one, 1..6).prop_map(|all| {
        let offering = |(index, (price, room, busy, idle)): (usize, (Option<u32>, u32, u32, u32))| Offering {
            placement: (index > 0).then(|| format!("p{index}").parse().expect("valid")),
            per_hour: price.map(f64::from),
            room,
            held: busy + idle,
            idle,
        };
        all.into_iter().enumerate().map(offering).collect()
    })
}

proptest! {
    #[test]
    fn moves_keep_to_what_is_idle_what_is_free_and_what_is_allowed(
        choices in choices(), most in 0..6_u32, boot in 0.0..1.0_f64, first in 0.0..4.0_f64, falls in 0.0..1.0_f64,
    ) {
        let kept = |level: u32| f64::max(first - falls * f64::from(level), 0.0);
        let moves = moves(&choices, most, boot, kept);
        prop_assert!(moves.len() <= most as usize);
        let of = |placement: &Option<PlacementName>| choices.iter().find(|choice| choice.placement == *placement).expect("one of them");
        for (index, one) in moves.iter().enumerate() {
            let (from, to) = (of(&one.from).per_hour.expect("known"), of(&one.to).per_hour.expect("known"));
            prop_assert!(to < from && one.saved_per_hour * one.hours > one.boot_cost);
            // No cheaper one has room that is not taken.
            for choice in choices.iter().filter(|choice| choice.per_hour.is_some_and(|price| price < to)) {
                let taken = moves[..index].iter().filter(|one| one.to == choice.placement).count();
                prop_assert!(taken >= choice.room as usize);
            }
        }
        for choice in &choices {
            prop_assert!(moves.iter().filter(|one| one.from == choice.placement).count() <= choice.idle as usize);
            prop_assert!(moves.iter().filter(|one| one.to == choice.placement).count() <= choice.room as usize);
        }
    }

    #[test]
    fn without_a_difference_nothing_moves(mut choices in choices(), most in 0..6_u32) {
        choices.iter_mut().for_each(|choice| choice.per_hour = choice.per_hour.map(|_| 1.0));
        prop_assert!(moves(&choices, most, 0.0, |_| 1.0).is_empty());
    }

    #[test]
    fn the_order_is_that_of_prices_with_the_unknown_last(choices in choices()) {
        let placing = Placing::new(choices.clone());
        let order = placing.offerings();
        prop_assert_eq!(order.len(), choices.len());
        for pair in order.windows(2) {
            let in_order = match (pair[0].per_hour, pair[1].per_hour) {
                (Some(a), Some(b)) => a <= b,
                (a, _) => a.is_some() || pair[1].per_hour.is_none(),
            };
            prop_assert!(in_order);
        }
    }
}
