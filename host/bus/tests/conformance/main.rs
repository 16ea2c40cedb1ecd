//! One suite over both buses: whatever holds of one holds of the other.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod nats_only;
mod typed;

use async_trait::async_trait;
use bytes::Bytes;
use forewarm_bus::{
    Bus, BusError, Delivery, Handler, LocalBus, LocalConfig, Pattern, QUEUE_PER_WORKER, Subject, Subscription,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use support::NatsServer;
use tokio::sync::Semaphore;

/// Long enough to never decide a test that passes.
const LONG: Duration = Duration::from_secs(60);
/// What both kinds of bus are told to hold for a subscriber in the tests of lag.
const CAPACITY: usize = 16;

/// A bus under test, and what keeps it running.
struct Bench {
    bus: Arc<dyn Bus>,
    /// Another member of the same installation.
    other: Arc<dyn Bus>,
    limit: usize,
    _server: Option<NatsServer>,
}

fn local() -> Bench {
    let config = LocalConfig { max_payload: 1024 * 1024, subscription_capacity: CAPACITY };
    let bus = LocalBus::with_config(config);
    Bench { bus: Arc::new(bus.clone()), other: Arc::new(bus), limit: config.max_payload, _server: None }
}

async fn nats() -> Bench {
    let server = NatsServer::start();
    let mut config = server.config();
    config.subscription_capacity = CAPACITY;
    let bus = forewarm_bus::NatsBus::connect(config).await.expect("connects");
    let limit = bus.max_payload();
    Bench { bus: Arc::new(bus), other: Arc::new(server.connect().await), limit, _server: Some(server) }
}

/// Makes one test of `scenario` per bus.
macro_rules! on_both {
    ($($scenario:ident),* $(,)?) => {
        mod in_process {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                super::$scenario(super::local()).await;
            })*
        }
        mod over_nats {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                super::$scenario(super::nats().await).await;
            })*
        }
    };
}

on_both!(
    a_request_gets_its_answer,
    no_responders_is_said_at_once,
    a_slow_answer_is_a_timeout,
    beyond_the_queue_is_busy,
    servers_of_one_subject_share_its_requests,
    wildcards_select_and_order_is_kept,
    a_slow_subscriber_is_told_what_it_lost,
    too_large_is_refused_with_the_limit,
    an_answer_that_is_too_large_is_an_error,
    stop_lets_accepted_requests_finish,
    a_dropped_service_is_gone,
    a_panic_is_answered_and_survived,
    health_is_connected,
);

fn subject(text: &str) -> Subject {
    text.parse().expect("valid")
}

fn pattern(text: &str) -> Pattern {
    text.parse().expect("valid")
}

/// Answers through a function.
struct Answer<F>(F);

#[async_trait]
impl<F: Fn(Bytes) -> Bytes + Send + Sync + 'static> Handler for Answer<F> {
    async fn handle(&self, payload: Bytes) -> Bytes {
        (self.0)(payload)
    }
}

/// Echoes once it is let through; counts who has come.
struct Gate {
    arrived: Semaphore,
    open: Semaphore,
}

impl Gate {
    fn new() -> Arc<Self> {
        Arc::new(Self { arrived: Semaphore::new(0), open: Semaphore::new(0) })
    }

    async fn wait_for(&self, arrivals: u32) {
        self.arrived.acquire_many(arrivals).await.expect("never closed").forget();
    }
}

#[async_trait]
impl Handler for Gate {
    async fn handle(&self, payload: Bytes) -> Bytes {
        self.arrived.add_permits(1);
        self.open.acquire().await.expect("never closed").forget();
        payload
    }
}

async fn a_request_gets_its_answer(bench: Bench) {
    let reversed = |payload: Bytes| payload.iter().rev().copied().collect();
    let _service = bench.other.serve(&subject("test.reverse"), Arc::new(Answer(reversed)), 4).await.unwrap();
    for text in ["abc", ""] {
        let answer = bench.bus.request(&subject("test.reverse"), text.into(), LONG).await.unwrap();
        assert_eq!(answer, text.chars().rev().collect::<String>());
    }
}

async fn no_responders_is_said_at_once(bench: Bench) {
    let nobody = subject("test.nobody");
    let error = tokio::time::timeout(LONG, bench.bus.request(&nobody, Bytes::new(), Duration::MAX / 4)).await;
    assert_eq!(error.expect("at once"), Err(BusError::NoResponders { subject: nobody }));
}

async fn a_slow_answer_is_a_timeout(bench: Bench) {
    let (gate, slow) = (Gate::new(), subject("test.slow"));
    let _service = bench.other.serve(&slow, gate.clone(), 1).await.unwrap();
    let after = Duration::from_millis(50);
    let error = bench.bus.request(&slow, Bytes::new(), after).await.unwrap_err();
    assert_eq!(error, BusError::Timeout { subject: slow.clone(), after });
    // The server goes on with the request that was given up, and is there for the next one.
    gate.open.add_permits(2);
    assert_eq!(bench.bus.request(&slow, "next".into(), LONG).await.unwrap(), "next");
}

async fn beyond_the_queue_is_busy(bench: Bench) {
    let (gate, narrow) = (Gate::new(), subject("test.narrow"));
    let service = bench.other.serve(&narrow, gate.clone(), 1).await.unwrap();
    let places = 1 + QUEUE_PER_WORKER;
    let request = || {
        let (bus, narrow) = (bench.bus.clone(), narrow.clone());
        tokio::spawn(async move { bus.request(&narrow, Bytes::new(), LONG).await })
    };
    // One more than there are places: whichever comes last is refused while all others wait.
    let mut requests: Vec<_> = (0..=places).map(|_| request()).collect();
    let (first, _, rest) = futures::future::select_all(requests.drain(..)).await;
    assert_eq!(first.unwrap(), Err(BusError::Busy { subject: narrow.clone() }));
    gate.open.add_permits(places);
    for answer in futures::future::join_all(rest).await {
        assert_eq!(answer.unwrap(), Ok(Bytes::new()));
    }
    service.stop().await;
}

async fn servers_of_one_subject_share_its_requests(bench: Bench) {
    let shared = subject("test.shared");
    let counts = [Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0))];
    let counting = |count: &Arc<AtomicUsize>| {
        let count = count.clone();
        Arc::new(Answer(move |payload| {
            count.fetch_add(1, Ordering::SeqCst);
            payload
        }))
    };
    let _first = bench.bus.serve(&shared, counting(&counts[0]), 4).await.unwrap();
    let _second = bench.other.serve(&shared, counting(&counts[1]), 4).await.unwrap();
    for _ in 0..200 {
        bench.bus.request(&shared, Bytes::new(), LONG).await.unwrap();
    }
    let [first, second] = counts.map(|count| count.load(Ordering::SeqCst));
    assert_eq!(first + second, 200, "each request goes to one server");
    // The chance that a fair coin is this far off is below 1e-30.
    assert!(first > 10 && second > 10, "{first} to {second}");
}

async fn wildcards_select_and_order_is_kept(bench: Bench) {
    let mut one = bench.other.subscribe(&pattern("test.*.end")).await.unwrap();
    let mut tail = bench.other.subscribe(&pattern("test.a.>")).await.unwrap();
    for text in ["test.a.end", "test.b.end", "test.a.b.end", "other.a.end", "test.a.end"] {
        bench.bus.publish(&subject(text), Bytes::from(text.to_owned())).await.unwrap();
    }
    for expected in ["test.a.end", "test.b.end", "test.a.end"] {
        let payload = expected.into();
        assert_eq!(one.next().await, Some(Delivery::Message { subject: subject(expected), payload }));
    }
    for expected in ["test.a.end", "test.a.b.end", "test.a.end"] {
        let payload = expected.into();
        assert_eq!(tail.next().await, Some(Delivery::Message { subject: subject(expected), payload }));
    }
}

async fn a_slow_subscriber_is_told_what_it_lost(bench: Bench) {
    let total = CAPACITY * 3;
    let mut slow = bench.bus.subscribe(&pattern("test.flood")).await.unwrap();
    let mut fast = bench.bus.subscribe(&pattern("test.flood")).await.unwrap();
    // Over a network what was published may reach the slow one only while it reads; then there is another round.
    loop {
        // Publishing ends although nobody reads.
        for number in 1..=total {
            bench.bus.publish(&subject("test.flood"), Bytes::from(number.to_string())).await.unwrap();
        }
        read_up_to(total, &mut fast).await;
        let (lost, seen) = read_up_to(total, &mut slow).await;
        assert_eq!(lost + seen.len(), total, "all are seen or counted");
        assert!(seen.is_sorted(), "{seen:?}");
        if lost > 0 {
            break;
        }
    }
}

/// What was lost and what was seen until the number `end`.
async fn read_up_to(end: usize, subscription: &mut Subscription) -> (usize, Vec<usize>) {
    let (mut lost, mut seen) = (0, Vec::new());
    while seen.last() != Some(&end) {
        match subscription.next().await.unwrap() {
            Delivery::Lagged(missed) => lost += usize::try_from(missed).unwrap(),
            Delivery::Message { payload, .. } => seen.push(String::from_utf8_lossy(&payload).parse().unwrap()),
        }
    }
    (lost, seen)
}

async fn too_large_is_refused_with_the_limit(bench: Bench) {
    let big = subject("test.big");
    let _service = bench.other.serve(&big, Arc::new(Answer(|_| Bytes::new())), 1).await.unwrap();
    let fits = Bytes::from(vec![0; bench.limit]);
    bench.bus.publish(&big, fits.clone()).await.unwrap();
    assert_eq!(bench.bus.request(&big, fits, LONG).await, Ok(Bytes::new()));
    let (size, limit) = (bench.limit + 1, bench.limit);
    let error = BusError::TooLarge { subject: big.clone(), size, limit };
    assert_eq!(bench.bus.publish(&big, Bytes::from(vec![0; size])).await, Err(error.clone()));
    assert_eq!(bench.bus.request(&big, Bytes::from(vec![0; size]), LONG).await, Err(error));
}

async fn an_answer_that_is_too_large_is_an_error(bench: Bench) {
    let (big, size) = (subject("test.big"), bench.limit + 1);
    let _service = bench.other.serve(&big, Arc::new(Answer(move |_| vec![0; size].into())), 1).await.unwrap();
    let error = bench.bus.request(&big, Bytes::new(), LONG).await.unwrap_err();
    assert!(matches!(&error, BusError::Failed { message, .. } if message.contains("exceeds")), "{error}");
}

async fn stop_lets_accepted_requests_finish(bench: Bench) {
    let (gate, ending) = (Gate::new(), subject("test.ending"));
    let service = bench.other.serve(&ending, gate.clone(), 2).await.unwrap();
    let accepted: Vec<_> = ["one", "two"]
        .map(|text| {
            let (bus, ending) = (bench.bus.clone(), ending.clone());
            tokio::spawn(async move { bus.request(&ending, text.into(), LONG).await })
        })
        .into();
    gate.wait_for(2).await;
    let stopping = tokio::spawn(service.stop());
    // Once it stops, new requests find nobody, while the accepted ones are still at work.
    loop {
        match bench.bus.request(&ending, "late".into(), Duration::from_millis(50)).await {
            Err(BusError::NoResponders { .. }) => break,
            // It was not yet stopping, or the request was on the wire at that moment.
            Err(BusError::Timeout { .. } | BusError::Busy { .. }) => {}
            other => panic!("a stopping service answered {other:?}"),
        }
    }
    assert!(!stopping.is_finished());
    gate.open.add_permits(Semaphore::MAX_PERMITS / 2);
    let answers = futures::future::join_all(accepted).await;
    let answers: Vec<Bytes> = answers.into_iter().map(|answer| answer.unwrap().unwrap()).collect();
    assert_eq!(answers, ["one", "two"]);
    stopping.await.unwrap();
}

async fn a_dropped_service_is_gone(bench: Bench) {
    let gone = subject("test.gone");
    drop(bench.bus.serve(&gone, Arc::new(Answer(|payload| payload)), 1).await.unwrap());
    loop {
        match bench.bus.request(&gone, Bytes::new(), Duration::from_millis(50)).await {
            Err(BusError::NoResponders { .. }) => break,
            // It takes a moment until the server has heard.
            Err(BusError::Timeout { .. } | BusError::Failed { .. }) => {}
            other => panic!("a dropped service answered {other:?}"),
        }
    }
}

async fn a_panic_is_answered_and_survived(bench: Bench) {
    let fragile = subject("test.fragile");
    let breaks_on_empty = |payload: Bytes| {
        assert!(!payload.is_empty(), "nothing\r\nto do");
        payload
    };
    let _service = bench.other.serve(&fragile, Arc::new(Answer(breaks_on_empty)), 1).await.unwrap();
    for _ in 0..10 {
        let error = bench.bus.request(&fragile, Bytes::new(), LONG).await.unwrap_err();
        assert!(matches!(&error, BusError::Failed { message, .. } if message.contains("nothing")), "{error}");
    }
    assert_eq!(bench.bus.request(&fragile, "work".into(), LONG).await.unwrap(), "work");
}

async fn health_is_connected(bench: Bench) {
    assert_eq!(bench.bus.health().await, forewarm_bus::Health::Connected);
}
