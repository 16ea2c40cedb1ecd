//! Secret headers: added where they belong, absent everywhere else.

use crate::server::{Answer, Server, ok};
use crate::support::{destination, grant, load, local};
use forewarm_runtime::{HttpDestination, Secret, SecretHeader};
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

const VALUE: &str = "Bearer hunter2-hunter2";

fn secret(mut destination: HttpDestination) -> HttpDestination {
    let secret = Secret::new(VALUE).expect("a value");
    destination.secret_headers.push(SecretHeader::new("authorization", secret).expect("a header"));
    destination
}

/// Every event and span of this process, with all fields.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, record: impl FnOnce(&mut dyn Visit)) {
        let mut line = Line(String::new());
        record(&mut line);
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(&line.0);
        text.push('\n');
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!("{}={value:?} ", field.name()));
    }
}

impl Subscriber for Log {
    /// At the level of traces the bindings repeat what a guest hands over, which is the guest's own.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::DEBUG
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.keep(|line| span.record(line));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        self.keep(|line| values.record(line));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.keep(|line| event.record(line));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_secret_goes_to_its_destination_alone() {
    let (with, without) = (Server::start(Answer::Text(ok(""))).await, Server::start(Answer::Text(ok(""))).await);
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).expect("the first of this process");
    let destinations = vec![secret(destination("api.test", with.port())), destination("api.test", without.port())];
    let courier = load(grant(destinations.clone()), local()).await;
    let url = |server: &Server| format!("http://api.test:{}/v1?token=query-secret", server.port());
    for server in [&with, &without] {
        assert_eq!(courier.get(&url(server)).await["status"], 200);
    }
    assert!(with.requests()[0].contains(&format!("authorization: {VALUE}\r\n")));
    assert!(!without.requests()[0].contains("authorization"));

    // A guest can neither set it nor tell whether its guess is right; elsewhere the name is its own.
    for value in ["mine", VALUE] {
        let step = json!({ "url": url(&with), "headers": [["Authorization", value]] });
        courier.refuses(step, "HttpRequestDenied", "header").await;
    }
    let step = json!([{ "url": url(&without), "headers": [["Authorization", "mine"]] }]);
    assert_eq!(courier.run(step).await[0]["status"], 200);
    assert!(without.requests()[1].contains("authorization: mine\r\n"));

    let text = log.text();
    assert!(text.contains("a plugin's request failed") && text.contains("reason=\"header\""), "{text}");
    assert!(text.contains(&format!("GET http://api.test:{}/v1", with.port())), "{text}");
    assert!(!text.contains("hunter2") && !text.contains("query-secret"), "{text}");
    assert!(!format!("{destinations:?}").contains("hunter2"));
}

#[tokio::test]
async fn two_plugins_have_secrets_of_their_own() {
    let server = Server::start(Answer::Text(ok(""))).await;
    let one = load(grant(vec![secret(destination("api.test", server.port()))]), local()).await;
    let other = load(grant(vec![destination("api.test", server.port())]), local()).await;
    for courier in [&one, &other] {
        assert_eq!(courier.get(&format!("http://api.test:{}/", server.port())).await["status"], 200);
    }
    let requests = server.requests();
    assert!(requests[0].contains(VALUE) && !requests[1].contains("authorization"), "{requests:?}");
}
