//! Prints how long a request takes on both buses in one run: p50 and p99 over small payloads and over a history.
//! The nats-server is the one that `FOREWARM_TEST_NATS_SERVER` names.

#![expect(clippy::expect_used, clippy::panic, reason = "a measurement that can't be made ends with its cause")]

#[path = "../tests/support/mod.rs"]
mod support;

use async_trait::async_trait;
use bytes::Bytes;
use forewarm_bus::{Bus, Handler, LocalBus};
use std::sync::Arc;
use std::time::{Duration, Instant};

const WARM_UP: usize = 200;
const REQUESTS: usize = 5_000;

struct Echo;

#[async_trait]
impl Handler for Echo {
    async fn handle(&self, _: Bytes) -> Bytes {
        Bytes::from_static(b"done")
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let server = support::NatsServer::start();
    let local = LocalBus::new();
    measure("in process", &local, &local).await;
    measure("nats", &server.connect().await, &server.connect().await).await;
}

async fn measure(name: &str, asking: &dyn Bus, serving: &dyn Bus) {
    let subject = "forewarm.v1.latency".parse().expect("valid");
    let service = serving.serve(&subject, Arc::new(Echo), 8).await.expect("serves");
    for size in [64, 181_440] {
        let payload = Bytes::from(vec![7; size]);
        let mut micros = Vec::with_capacity(REQUESTS);
        for round in 0..WARM_UP + REQUESTS {
            let begun = Instant::now();
            asking.request(&subject, payload.clone(), Duration::from_secs(10)).await.expect("answers");
            if round >= WARM_UP {
                micros.push(begun.elapsed().as_secs_f64() * 1e6);
            }
        }
        micros.sort_by(f64::total_cmp);
        let (p50, p99) = (micros[REQUESTS / 2], micros[REQUESTS * 99 / 100]);
        println!("{name:<10} {size:>7} bytes: p50 {p50:>7.1} us, p99 {p99:>7.1} us");
    }
    service.stop().await;
}
