//! The events of a lease, as a reader takes them: repetitions have the same identifier.

use super::Played;
use forewarm_bus::message::Event;
use forewarm_domain::id::LeaseId;
use forewarm_tests::eventually;
use serde_json::json;

/// Each event of a lease once, in the order in which they came first.
pub(super) fn news_of(played: &Played, lease: LeaseId) -> Vec<Event> {
    let mut once: Vec<Event> = Vec::new();
    for event in played.book().events.iter().filter(|event| event.data["lease"] == json!(lease)) {
        match once.iter().find(|known| known.id == event.id) {
            Some(known) => assert_eq!(
                (&known.at, &known.reason, &known.data["units"]),
                (&event.at, &event.reason, &event.data["units"]),
                "a repetition says the same"
            ),
            None => once.push(event.clone()),
        }
    }
    once
}

/// Waits until a lease's end was told, and finds `count` events, from the hand-over to the end.
pub(super) fn expect_news(played: &Played, lease: LeaseId, count: usize, when: &str) {
    let news = eventually("the end of a lease to be told", || {
        let news = news_of(played, lease);
        (news.last()?.data["state"] == "ended").then_some(news)
    });
    let states: Vec<_> = news.iter().map(|event| &event.data["state"]).collect();
    assert_eq!(news.len(), count, "{when}: {states:?}");
    assert_eq!(states.first(), Some(&&json!("held")), "{when}");
    let sorted = |one: &Event| (one.data["state"] != "held", one.data["state"] == "ended");
    assert!(news.is_sorted_by_key(sorted), "{when}: in order: {states:?}");
}
