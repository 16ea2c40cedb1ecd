//! Deadlines are kept when the market is not there at their time: they stand in its database.

use crate::hosted::{Hosted, Kept, PRICE, UNITS, millis, now_ms};
use std::time::Duration;

async fn a_deadline_in_the_meantime(kept: Kept) {
    let mut hosted = Hosted::start(kept).await;
    let lease = hosted.trade().await;
    hosted.until(&lease, "active").await;
    let before = hosted.booked("refund").await;
    let deadline = hosted.call_back().await;
    hosted.restart();
    assert_eq!(hosted.look(&lease).await["state"]["state"], "reclaiming", "a restart ends no notice");
    hosted.market.kill();
    while now_ms() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    hosted.restart();
    let returned = hosted.until(&lease, "returned").await;
    let state = &returned["state"];
    assert_eq!((&state["end"], millis(&state["ended_at"])), (&"reclaimed".into(), deadline), "{returned}");
    // Paid for the time after the deadline, not after the market came back.
    let unused_s = (lease.until_ms() - deadline) / 1_000;
    assert_eq!(hosted.booked("refund").await - before, unused_s * UNITS * PRICE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_that_passed_while_the_market_was_down_is_taken_up_on_sqlite() {
    a_deadline_in_the_meantime(Kept::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_that_passed_while_the_market_was_down_is_taken_up_on_postgres() {
    a_deadline_in_the_meantime(Kept::Postgres).await;
}
