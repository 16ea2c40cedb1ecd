//! What only a bus with a server can do: lose it and find it again.

use super::{Answer, Gate, LONG, NatsServer, pattern, subject};
use bytes::Bytes;
use forewarm_bus::{Bus, BusError, ConnectError, Delivery, Health, NatsBus};
use std::sync::Arc;
use std::time::Duration;

/// Looks again and again; the server's return has no signal of its own.
async fn until_connected(bus: &NatsBus) {
    while bus.health().await != Health::Connected {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_goes_away_and_comes_back() {
    let mut server = NatsServer::start();
    let (asking, serving) = (server.connect().await, server.connect().await);
    let (echo, slow) = (subject("test.echo"), subject("test.slow"));
    let gate = Gate::new();
    let _echo = serving.serve(&echo, Arc::new(Answer(|payload| payload)), 4).await.unwrap();
    let slow_service = serving.serve(&slow, gate.clone(), 4).await.unwrap();
    let mut events = serving.subscribe(&pattern("test.event.*")).await.unwrap();
    assert_eq!(asking.request(&echo, "before".into(), LONG).await.unwrap(), "before");

    let waiting = {
        let (asking, slow) = (asking.clone(), slow.clone());
        tokio::spawn(async move { asking.request(&slow, Bytes::new(), Duration::from_secs(3_600)).await })
    };
    gate.wait_for(1).await;
    server.kill();
    assert_eq!(waiting.await.unwrap(), Err(BusError::Disconnected), "a request on its way does not wait");
    let long = Duration::from_secs(3_600);
    assert_eq!(asking.request(&echo, "away".into(), long).await, Err(BusError::Disconnected));
    assert_eq!(asking.publish(&subject("test.event.a"), "away".into()).await, Err(BusError::Disconnected));
    assert!(matches!(asking.health().await, Health::Disconnected { .. }));

    server.restart();
    until_connected(&asking).await;
    until_connected(&serving).await;
    // The serving side's subscriptions follow its connection: until they are there, the server says that nobody is.
    let answer = loop {
        match asking.request(&echo, "after".into(), LONG).await {
            Err(BusError::NoResponders { .. }) => tokio::task::yield_now().await,
            answer => break answer,
        }
    };
    assert_eq!(answer.unwrap(), "after");
    asking.publish(&subject("test.event.a"), "after".into()).await.unwrap();
    let expected = Delivery::Message { subject: subject("test.event.a"), payload: "after".into() };
    assert_eq!(events.next().await, Some(expected), "and nothing of what was refused meanwhile");
    gate.open.add_permits(1);
    slow_service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_stops_while_the_server_is_away() {
    let mut server = NatsServer::start();
    let bus = server.connect().await;
    let service = bus.serve(&subject("test.echo"), Arc::new(Answer(|payload| payload)), 4).await.unwrap();
    server.kill();
    while bus.health().await == Health::Connected {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_are_announced_and_taken_back() {
    let server = NatsServer::start();
    let bus = server.connect().await;
    let observer = async_nats::connect(server.config().urls[0].clone()).await.unwrap();
    let echo = subject("forewarm.v1.driver.simulated");
    let ask = "$SRV.INFO.forewarm-v1-driver-simulated";
    let service = bus.serve(&echo, Arc::new(Answer(|payload| payload)), 4).await.unwrap();
    let info: serde_json::Value =
        serde_json::from_slice(&observer.request(ask, Bytes::new()).await.unwrap().payload).unwrap();
    assert_eq!(info["endpoints"][0]["subject"], echo.as_str());
    assert_eq!(info["endpoints"][0]["queue_group"], echo.as_str());
    service.stop().await;
    // The announcement is taken back in the background; a question that arrives at that moment stays open.
    let asking = || async_nats::Request::new().timeout(Some(Duration::from_millis(100)));
    loop {
        match observer.send_request(ask, asking()).await {
            Err(error) if error.kind() == async_nats::RequestErrorKind::NoResponders => break,
            Ok(_) | Err(_) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_asked_for_and_never_shown() {
    let server = NatsServer::start_with(&["--auth", "s3cret"]);
    let refused = NatsBus::connect(server.config()).await.unwrap_err();
    assert!(matches!(refused, ConnectError::Unreachable { .. }), "{refused}");
    let mut config = server.config();
    config.token = Some("s3cret".into());
    let bus = NatsBus::connect(config).await.unwrap();
    assert_eq!(bus.health().await, Health::Connected);
    assert!(!format!("{bus:?}").contains("s3cret"), "{bus:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_named() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("nats://ann:password@127.0.0.1:{port}");
    let error = NatsBus::connect(forewarm_bus::NatsConfig::new(vec![url])).await.unwrap_err().to_string();
    assert!(error.contains(&format!("nats://127.0.0.1:{port}")) && !error.contains("password"), "{error}");
}
