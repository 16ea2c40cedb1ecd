//! A driver that sends the requests it is told to. A test puts them, as JSON, into the setting `script` of a persona and
//! asks for its prices; what became of them comes back as the text of an error.

use forewarm_sdk::Plugin;
use forewarm_sdk::http::{Error as HttpError, Pending, Request, Response};
use forewarm_sdk::prelude::*;
use std::time::Duration;

/// The most of a body that is told.
const BODY_BYTES: usize = 400;

/// The plugin.
pub struct Courier;

/// One request, sent `times` times.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    #[serde(default = "get")]
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    /// A body of that text, repeated.
    #[serde(default)]
    body: String,
    #[serde(default = "once")]
    body_times: usize,
    #[serde(default = "once")]
    times: usize,
    /// Whether all of them are sent before the first is waited for.
    #[serde(default)]
    at_once: bool,
    #[serde(default)]
    timeout_ms: Option<u64>,
    /// Whether the guest never ends once the first is sent.
    #[serde(default)]
    spin: bool,
}

fn get() -> String {
    "GET".to_owned()
}

fn once() -> usize {
    1
}

/// What became of one request.
#[derive(Serialize)]
#[serde(untagged)]
enum Outcome {
    Answered { status: u16, location: Option<String>, length: usize, body: String },
    Failed { error: String },
}

impl From<Result<Response, HttpError>> for Outcome {
    fn from(result: Result<Response, HttpError>) -> Self {
        match result {
            Ok(response) => Self::Answered {
                status: response.status,
                location: response.header("location").map(str::to_owned),
                length: response.body.len(),
                body: String::from_utf8_lossy(&response.body[..response.body.len().min(BODY_BYTES)]).into_owned(),
            },
            Err(error) => Self::Failed { error: error.detail },
        }
    }
}

fn run(step: &Step) -> Vec<Outcome> {
    let mut request = Request::new(&step.method, &step.url).body(step.body.repeat(step.body_times));
    for (name, value) in &step.headers {
        request = request.header(name, value);
    }
    if let Some(timeout) = step.timeout_ms {
        request = request.timeout(Duration::from_millis(timeout));
    }
    let started = || request.start();
    if step.spin {
        let pending = started();
        loop {
            std::hint::black_box(&pending);
        }
    }
    if !step.at_once {
        return (0..step.times).map(|_| started().and_then(Pending::wait).into()).collect();
    }
    let pending: Vec<_> = (0..step.times).map(|_| started()).collect();
    pending.into_iter().map(|pending| pending.and_then(Pending::wait).into()).collect()
}

#[driver(summary = "Sends the requests that a test tells it to", capabilities = ["http"], memory_mib = 64)]
impl Driver for Courier {
    fn describe() -> Result<DriverDescription, Error> {
        Ok(DriverDescription {
            summary: Self::SUMMARY.to_owned(),
            tiers: vec![Tier::Warm],
            operations: vec![],
            max_instances: None,
        })
    }

    fn prices(query: PriceQuery) -> Result<Vec<Price>, Error> {
        let setting = query.persona.system.settings.iter().find(|setting| setting.name == "script");
        let script = setting.ok_or_else(|| Error::invalid_input("the persona has no setting `script`"))?;
        let steps: Vec<Step> =
            serde_json::from_str(&script.value).map_err(|error| Error::invalid_input(format!("script: {error}")))?;
        let outcomes: Vec<Outcome> = steps.iter().flat_map(run).collect();
        Err(Error::other(serde_json::to_string(&outcomes).map_err(|error| Error::other(error.to_string()))?))
    }

    fn create(request: CreateRequest) -> Result<Instance, Error> {
        Err(Error::unsupported(request.id))
    }

    fn list(_: Option<String>) -> Result<Page, Error> {
        Ok(Page { instances: vec![], next: None })
    }

    fn get(id: String) -> Result<Instance, Error> {
        Err(Error::not_found(id))
    }

    fn destroy(_: String, _: String) -> Result<(), Error> {
        Ok(())
    }
}
