//! What happens, as it is streamed.

use crate::host::{Host, persona};
use futures::StreamExt;
use reqwest::{RequestBuilder, Response};

/// Reads one server-sent event: its lines up to the empty one.
async fn next_event(response: &mut Response, left: &mut String) -> String {
    loop {
        if let Some((event, rest)) = left.split_once("\n\n") {
            let event = event.to_owned();
            *left = rest.to_owned();
            if !event.starts_with(':') {
                return event;
            }
        } else {
            let chunk = response.chunk().await.unwrap().expect("the stream goes on");
            left.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

async fn open(request: RequestBuilder) -> Response {
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    response
}

fn id(event: &str) -> String {
    event.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned()
}

#[tokio::test]
async fn events_arrive_and_a_caller_that_comes_back_reads_on() {
    let host = Host::start().await;
    let (mut stream, mut left) = (open(host.get("/v1/events?topics=persona_applied")).await, String::new());
    for name in ["a", "b"] {
        host.apply(&persona(name)).send().await.expect("answers");
    }
    let first = next_event(&mut stream, &mut left).await;
    assert!(first.contains("event: persona_applied") && first.contains(r#""subject":"a""#), "{first}");
    let second = next_event(&mut stream, &mut left).await;
    drop(stream);
    host.apply(&persona("c")).send().await.expect("answers");
    let (mut stream, mut left) =
        (open(host.get("/v1/events").header("last-event-id", id(&second))).await, String::new());
    let third = next_event(&mut stream, &mut left).await;
    assert!(third.contains(r#""subject":"c""#), "{third}");
}

#[tokio::test]
async fn a_subject_is_picked_out() {
    let host = Host::start().await;
    let (mut stream, mut left) = (open(host.get("/v1/events?subject=b")).await, String::new());
    for name in ["a", "b"] {
        host.apply(&persona(name)).send().await.expect("answers");
    }
    assert!(next_event(&mut stream, &mut left).await.contains(r#""subject":"b""#));
}

#[tokio::test]
async fn what_is_gone_is_said_to_be() {
    let host = Host::start_with(|config| config.http.event_backlog = 1).await;
    let (mut stream, mut left) = (open(host.get("/v1/events")).await, String::new());
    host.apply(&persona("a")).send().await.expect("answers");
    let seen = id(&next_event(&mut stream, &mut left).await);
    drop(stream);
    let all = ["b", "c"].map(|name| host.apply(&persona(name)).send());
    futures::stream::iter(all).for_each(|sent| async { drop(sent.await) }).await;
    // The ring is filled beside the requests: the last event is there once a new stream can see it.
    loop {
        let (mut stream, mut left) =
            (open(host.get("/v1/events").header("last-event-id", seen.clone())).await, String::new());
        let first = next_event(&mut stream, &mut left).await;
        if first.contains("event: lagged") {
            break;
        }
    }
}
