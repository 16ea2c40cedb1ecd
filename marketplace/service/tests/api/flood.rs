//! A tenant that floods is held back, and nobody else is.

use crate::market::{Market, QUICK};

#[tokio::test]
async fn a_flood_is_told_when_to_come_back_and_delays_nobody() {
    let market =
        Market::start_with(&format!("{QUICK}[market.limits]\nrequests_per_second = 1\nburst = 10\nin_flight = 4\n"));
    let red = market.member("red", 0, &["buyer"]).await;
    let blue = market.member("blue", 0, &["buyer"]).await;
    let flood = futures::future::join_all((0..60).map(|_| {
        let red = red.clone();
        async move { red.get("/rounds/open").await }
    }));
    let (answers, calm) = tokio::join!(flood, blue.get("/rounds/open"));
    calm.json();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert!(refused.len() >= 45, "{} of 60", refused.len());
    for answer in refused {
        let problem = answer.problem(429, "rate-limited");
        assert!(answer.retry_after.is_some(), "{problem}");
    }
    assert!(answers.iter().all(|answer| answer.status == 429 || answer.status == 200));
    market.operator().get("/accounts").await.json();
}
