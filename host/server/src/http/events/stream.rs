//! One stream of events to one caller.

use super::ring::EventRing;
use crate::http::auth::Caller;
use crate::http::parameters::InQuery;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::state::AppState;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event as Line, KeepAlive};
use forewarm_bus::message::{Event, EventTopic};
use futures::stream::{self, Stream};
use serde::Deserialize;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(in crate::http) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(events))
}

/// Which events.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Only these topics, separated by commas, such as `plan_changed,claim_changed`.
    topics: Option<String>,
    /// Only events about this, such as a persona's name.
    subject: Option<String>,
}

/// Streams what happens. Each event has an id; a caller that comes back with it as `Last-Event-ID` reads on from there,
/// as far as events are kept. An event `lagged` says how many were missed.
#[utoipa::path(
    get,
    path = "/v1/events",
    tag = "host",
    operation_id = "stream_events",
    params(Filter, ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was seen")),
    responses((status = 200, description = "Server-sent events", content_type = "text/event-stream", body = String))
)]
async fn events(
    State(state): State<AppState>,
    caller: Caller,
    InQuery(filter): InQuery<Filter>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Line, Infallible>>>, Problem> {
    caller.may_read()?;
    let wanted = Wanted { topics: topics(filter.topics.as_deref())?, subject: filter.subject };
    let Ok(permit) = Arc::clone(&state.streams).try_acquire_owned() else {
        let most = state.config.max_event_streams;
        let detail = format!("{most} event streams are open, which is the limit (http.max_event_streams)");
        return Err(Problem::new(ProblemKind::Overloaded, detail).retry_after(30));
    };
    let ring = Arc::clone(&state.events);
    let from = begin(&ring, headers.get("last-event-id").and_then(|value| value.to_str().ok()));
    let reader = Reader {
        changed: ring.watch(),
        ring,
        from: from.number,
        queued: from.unknown.then(lagged_unknown).into_iter().collect(),
        wanted,
        stopping: state.stopping.clone(),
        _open: Open::new(&state, permit),
    };
    let keep_alive = Duration::from_secs(state.config.event_keep_alive_s.into());
    Ok(Sse::new(stream::unfold(reader, Reader::next)).keep_alive(KeepAlive::new().interval(keep_alive)))
}

/// Where a stream begins.
struct Begin {
    number: u64,
    /// The caller named an event that is not kept any more: nobody knows how many it missed.
    unknown: bool,
}

fn begin(ring: &EventRing, last: Option<&str>) -> Begin {
    let Some(last) = last else { return Begin { number: ring.end(), unknown: false } };
    match last.trim().parse::<Uuid>().ok().and_then(|id| ring.after(id)) {
        Some(number) => Begin { number, unknown: false },
        None => Begin { number: ring.begin(), unknown: true },
    }
}

/// Which events a stream wants.
struct Wanted {
    /// Empty for all.
    topics: Vec<EventTopic>,
    subject: Option<String>,
}

impl Wanted {
    fn takes(&self, event: &Event) -> bool {
        (self.topics.is_empty() || self.topics.contains(&event.topic))
            && self.subject.as_ref().is_none_or(|subject| *subject == event.subject)
    }
}

fn topics(text: Option<&str>) -> Result<Vec<EventTopic>, Problem> {
    let names = text.into_iter().flat_map(|text| text.split(',')).map(str::trim).filter(|name| !name.is_empty());
    names.map(topic).collect()
}

fn topic(name: &str) -> Result<EventTopic, Problem> {
    EventTopic::ALL.into_iter().find(|topic| topic.as_str() == name).ok_or_else(|| {
        let name: String = name.chars().take(40).collect();
        let known = EventTopic::ALL.map(EventTopic::as_str).join(", ");
        let detail = format!("the query is not valid: `{name}` is no topic, the topics are {known}");
        Problem::new(ProblemKind::InvalidParameter, detail)
    })
}

/// One open stream; counted while it lives.
struct Open {
    state: AppState,
    permit: Option<OwnedSemaphorePermit>,
}

impl Open {
    fn new(state: &AppState, permit: OwnedSemaphorePermit) -> Self {
        let open = Self { state: state.clone(), permit: Some(permit) };
        open.count();
        open
    }

    fn count(&self) {
        let most = self.state.config.max_event_streams as usize;
        self.state.metrics.event_streams(most - self.state.streams.available_permits());
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.permit = None;
        self.count();
    }
}

/// Reads the ring for one stream.
struct Reader {
    ring: Arc<EventRing>,
    changed: watch::Receiver<u64>,
    from: u64,
    queued: VecDeque<Line>,
    wanted: Wanted,
    stopping: CancellationToken,
    _open: Open,
}

impl Reader {
    /// The next line; ends with the host.
    async fn next(mut self) -> Option<(Result<Line, Infallible>, Self)> {
        loop {
            if let Some(line) = self.queued.pop_front() {
                return Some((Ok(line), self));
            }
            self.changed.mark_unchanged();
            if !self.read() {
                let stopping = self.stopping.clone();
                stopping.run_until_cancelled(self.changed.changed()).await?.ok()?;
            }
        }
    }

    /// Takes over what there is; false when there was nothing.
    fn read(&mut self) -> bool {
        let batch = self.ring.read(self.from);
        self.from = batch.next;
        if batch.missed > 0 {
            self.queued.push_back(lagged(batch.missed));
        }
        let lines = batch.events.iter().filter(|event| self.wanted.takes(event)).filter_map(|event| line(event));
        self.queued.extend(lines);
        batch.missed > 0 || !batch.events.is_empty()
    }
}

fn line(event: &Event) -> Option<Line> {
    let data = serde_json::to_string(event).ok()?;
    Some(Line::default().id(event.id.to_string()).event(event.topic.as_str()).data(data))
}

fn lagged(missed: u64) -> Line {
    Line::default().event("lagged").data(format!("{{\"missed\":{missed}}}"))
}

fn lagged_unknown() -> Line {
    Line::default().event("lagged").data("{\"missed\":null}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_a_list_of_known_names() {
        let known = topics(Some("plan_changed, claim_changed")).expect("known");
        assert_eq!(known, [EventTopic::PlanChanged, EventTopic::ClaimChanged]);
        assert_eq!(topics(None).expect("all"), []);
        let problem = topics(Some("plans")).expect_err("unknown");
        assert!(problem.document(None).detail.contains("plan_changed"), "{problem:?}");
    }

    #[test]
    fn an_unknown_last_event_begins_with_what_is_kept() {
        let ring = EventRing::new(4);
        let begin = begin(&ring, Some("not-an-id"));
        assert!(begin.unknown);
        assert_eq!(begin.number, ring.begin());
        assert!(!super::begin(&ring, None).unknown);
    }
}
