//! What the host counts and measures, in the OpenMetrics text format. Each part of the host calls the method that names
//! what happened; only this file knows names and labels of the metrics.

mod lending;
mod sandbox;

pub use lending::LentInstances;

use crate::plugins::PluginInfo;
use forewarm_domain::id::{PersonaName, PluginName};
use forewarm_domain::plan::{Plan, ReasonCode, Stock};
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// The media type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels<const N: usize> = [(&'static str, String); N];
type Counts<const N: usize> = Family<Labels<N>, Counter>;
type Levels<const N: usize> = Family<Labels<N>, Gauge>;
type Spans<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

/// The host's counters, gauges and histograms. Cheap to clone: clones count together.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: std::sync::Arc<Registry>,
    http_requests: Counts<3>,
    http_seconds: Spans<2>,
    logins_refused: Counter,
    event_streams: Gauge,
    claims: Counts<2>,
    claim_wait_seconds: Spans<1>,
    claims_waiting: Levels<1>,
    instances: Levels<2>,
    plan_wanted: Levels<1>,
    plan_bounds: Levels<2>,
    spent: Family<Labels<2>, Gauge<f64, AtomicU64>>,
    plan_seconds: Histogram,
    forecast_seconds: Spans<1>,
    plugin_calls: Counts<2>,
    plugin_failures: Counts<2>,
    day_forecasts: Counts<1>,
    plugin_supervised: Counts<2>,
    plugin_quarantined: Levels<1>,
    plugin_switches: Counts<1>,
    forecaster_switches: Counts<2>,
    policy_switches: Counts<2>,
    ingest_samples: Counts<2>,
    lending: lending::Lending,
    store_commit_seconds: Histogram,
}

/// 100 us to 52 s, doubling.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.000_1, 2.0, 20))
}

/// 1 s to 34 min, doubling: for what a caller waits for a machine.
fn long_seconds() -> Histogram {
    Histogram::new(exponential_buckets(1.0, 2.0, 12))
}

fn register<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("forewarm");
        let r = &mut registry;
        let http_requests = register(r, "http_requests", "Requests answered", Counts::default());
        let http_seconds = register(r, "http_request_seconds", "Time to answer a request", spans(seconds));
        let logins_refused = register(r, "http_logins_refused", "Requests without a valid token", Counter::default());
        let event_streams = register(r, "http_event_streams", "Event streams that are open", Gauge::default());
        let claims = register(r, "claims", "Claims served, by whether an instance was warm", Counts::default());
        let claim_wait_seconds = register(r, "claim_wait_seconds", "Time from claim to instance", spans(long_seconds));
        let claims_waiting = register(r, "claims_waiting", "Claims that wait for an instance", Levels::default());
        let instances = register(r, "instances", "Instances by persona and state", Levels::default());
        let plan_wanted = register(r, "plan_wanted_instances", "Instances that the last plan wants", Levels::default());
        let plan_bounds = register(
            r,
            "plan_bounds",
            "1 while a bound acts on a persona's plans, by the bound's name",
            Levels::default(),
        );
        let spent = register(
            r,
            "spent",
            "What a persona's instances have cost in the present period, in the driver's currency",
            Family::default(),
        );
        let plan_seconds = register(r, "plan_round_seconds", "Time of one planning round over all personas", seconds());
        let forecast_seconds = register(r, "forecast_seconds", "Time to get one forecast", spans(seconds));
        let plugin_calls = register(r, "plugin_calls", "Calls to plugins", Counts::default());
        let plugin_failures = register(r, "plugin_failures", "Calls to plugins without an answer", Counts::default());
        let plugin_supervised = register(
            r,
            "plugin_supervised",
            "Decisions of a plugin's supervisor, by the state reached",
            Counts::default(),
        );
        let plugin_quarantined =
            register(r, "plugin_quarantined", "1 while a plugin is quarantined", Levels::default());
        let plugin_switches = register(r, "plugin_switches", "Switches between a plugin's versions", Counts::default());
        let forecaster_switches =
            register(r, "forecaster_switches", "Switches of a persona to another forecaster", Counts::default());
        let day_forecasts = register(r, "day_forecasts", "Forecasts of the coming days, by result", Counts::default());
        let policy_switches =
            register(r, "policy_switches", "Switches of a persona to another rule", Counts::default());
        let ingest_samples = register(r, "ingest_samples", "Samples taken in or refused", Counts::default());
        let lending = lending::Lending::register(r);
        let store_commit_seconds = register(r, "store_commit_seconds", "Time to commit to the store", seconds());
        Self {
            registry: std::sync::Arc::new(registry),
            http_requests,
            http_seconds,
            logins_refused,
            event_streams,
            claims,
            claim_wait_seconds,
            claims_waiting,
            instances,
            plan_wanted,
            plan_bounds,
            spent,
            plan_seconds,
            forecast_seconds,
            plugin_calls,
            plugin_failures,
            day_forecasts,
            plugin_supervised,
            plugin_quarantined,
            plugin_switches,
            forecaster_switches,
            policy_switches,
            ingest_samples,
            lending,
            store_commit_seconds,
        }
    }
}

fn spans<const N: usize>(buckets: fn() -> Histogram) -> Spans<N> {
    Family::new_with_constructor(buckets)
}

impl Metrics {
    /// A request was answered. `route` is the route's pattern, never the path, so that labels stay few.
    pub fn http_request(&self, method: &str, route: &str, status: u16, took: Duration) {
        let (method, route) = (method.to_owned(), route.to_owned());
        let labels = [("method", method.clone()), ("route", route.clone()), ("status", status.to_string())];
        self.http_requests.get_or_create(&labels).inc();
        self.http_seconds.get_or_create(&[("method", method), ("route", route)]).observe(took.as_secs_f64());
    }

    /// A request came without a valid token.
    pub fn login_refused(&self) {
        self.logins_refused.inc();
    }

    /// How many event streams are open.
    pub fn event_streams(&self, open: usize) {
        self.event_streams.set(i64::try_from(open).unwrap_or(i64::MAX));
    }

    /// A claim got its instance: at once (`warm`), or after it `waited`.
    pub fn claim_served(&self, persona: &PersonaName, warm: bool, waited: Duration) {
        let start = if warm { "warm" } else { "cold" };
        self.claims.get_or_create(&[("persona", persona.to_string()), ("start", start.to_owned())]).inc();
        self.claim_wait_seconds.get_or_create(&[("start", start.to_owned())]).observe(waited.as_secs_f64());
    }

    /// A plan was decided: what it wants, and what there was.
    pub fn planned(&self, plan: &Plan) {
        let persona = plan.persona.to_string();
        self.plan_wanted.get_or_create(&[("persona", persona.clone())]).set(plan.wanted.into());
        let Stock { active, warm, booting, resetting, waiting, parked, moving } = plan.stock;
        let states = [
            ("active", active),
            ("warm", warm),
            ("booting", booting),
            ("resetting", resetting),
            ("parked", parked),
            ("moving", moving),
        ];
        for (state, count) in states {
            self.instances
                .get_or_create(&[("persona", persona.clone()), ("state", state.to_owned())])
                .set(count.into());
        }
        self.claims_waiting.get_or_create(&[("persona", persona.clone())]).set(waiting.into());
        let bounds = plan.bounds();
        for bound in ReasonCode::ALL.into_iter().filter(|code| code.is_bound()) {
            let labels = [("persona", persona.clone()), ("bound", bound.as_str().to_owned())];
            let acts = bounds.contains(&bound);
            // One that never acted on a persona has no line of its own.
            if acts || self.plan_bounds.get(&labels).is_some() {
                self.plan_bounds.get_or_create(&labels).set(acts.into());
            }
        }
    }

    /// A persona's instances have cost so much in the present period of that name.
    pub fn spent(&self, persona: &PersonaName, period: &'static str, spent: f64) {
        self.spent.get_or_create(&[("persona", persona.to_string()), ("period", period.to_owned())]).set(spent);
    }

    /// A planning round over all personas is done.
    pub fn cycle_done(&self, took: Duration) {
        self.plan_seconds.observe(took.as_secs_f64());
    }

    /// A forecast was asked for; `made` says whether there is one.
    pub fn forecast_made(&self, made: bool, took: Duration) {
        let result = if made { "made" } else { "missing" };
        self.forecast_seconds.get_or_create(&[("result", result.to_owned())]).observe(took.as_secs_f64());
    }

    /// The days of a persona were to be forecast; `made` says whether they were.
    pub fn day_forecast_made(&self, made: bool) {
        let result = if made { "made" } else { "missing" };
        self.day_forecasts.get_or_create(&[("result", result.to_owned())]).inc();
    }

    /// A plugin was called; `failure` is the kind of failure if there was no answer.
    pub fn plugin_call(&self, plugin: &PluginName, function: &'static str, failure: Option<&str>) {
        let name = plugin.to_string();
        self.plugin_calls.get_or_create(&[("plugin", name.clone()), ("function", function.to_owned())]).inc();
        if let Some(kind) = failure {
            self.plugin_failures.get_or_create(&[("plugin", name), ("kind", kind.to_owned())]).inc();
        }
    }

    /// A plugin's supervisor let it reach another `state`; `quarantined` says whether calls are held back for good.
    pub fn plugin_supervised(&self, plugin: &PluginName, state: &'static str, quarantined: bool) {
        let name = plugin.to_string();
        self.plugin_supervised.get_or_create(&[("plugin", name.clone()), ("state", state.to_owned())]).inc();
        self.plugin_quarantined.get_or_create(&[("plugin", name)]).set(quarantined.into());
    }

    /// A plugin was switched to another version, rolled back included.
    pub fn plugin_switched(&self, plugin: &PluginName) {
        self.plugin_switches.get_or_create(&[("plugin", plugin.to_string())]).inc();
    }

    /// A persona is forecast by another forecaster than before.
    pub fn forecaster_switched(&self, persona: &PersonaName, to: &PluginName) {
        self.forecaster_switches.get_or_create(&[("persona", persona.to_string()), ("to", to.to_string())]).inc();
    }

    /// A persona is planned by another rule than before.
    pub fn policy_switched(&self, persona: &PersonaName, to: &'static str) {
        self.policy_switches.get_or_create(&[("persona", persona.to_string()), ("to", to.to_owned())]).inc();
    }

    /// Samples came in over `source` (`json`, `csv`, `prometheus`).
    pub fn ingested(&self, source: &'static str, accepted: u64, refused: u64) {
        let labels = |result: &str| [("source", source.to_owned()), ("result", result.to_owned())];
        self.ingest_samples.get_or_create(&labels("accepted")).inc_by(accepted);
        self.ingest_samples.get_or_create(&labels("refused")).inc_by(refused);
    }

    /// The store committed.
    pub fn store_commit(&self, took: Duration) {
        self.store_commit_seconds.observe(took.as_secs_f64());
    }

    /// Everything as OpenMetrics text, `plugins` included.
    ///
    /// # Errors
    /// [`std::fmt::Error`] when a metric cannot be written.
    pub fn encode(&self, plugins: &[PluginInfo]) -> Result<String, std::fmt::Error> {
        let mut page = String::new();
        text::encode_registry(&mut page, &self.registry)?;
        text::encode_registry(&mut page, &sandbox::registry(plugins))?;
        text::encode_eof(&mut page)?;
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_domain::persona::Policy;
    use forewarm_domain::time::TimestampMs;

    fn plan(warm: u32) -> Plan {
        Plan {
            persona: "web".parse().expect("valid"),
            persona_version: 1,
            at: TimestampMs(0),
            policy: Policy::Reactive,
            mode: forewarm_domain::persona::Mode::Apply,
            wanted: 9,
            standby: Default::default(),
            saved_per_hour: None,
            placements: vec![],
            placement_saved_per_hour: None,
            stock: Stock { warm, parked: 2, ..Stock::default() },
            reasons: vec![],
            levels: vec![],
        }
    }

    #[test]
    fn a_bound_that_acts_no_more_is_zero() {
        let metrics = Metrics::default();
        let reason = |code| forewarm_domain::plan::Reason { code, detail: String::new() };
        metrics.planned(&Plan { reasons: vec![reason(ReasonCode::Budget), reason(ReasonCode::Rule)], ..plan(1) });
        let line = |value: u8| format!(r#"forewarm_plan_bounds{{persona="web",bound="budget"}} {value}"#);
        assert!(metrics.encode(&[]).expect("encodes").contains(&line(1)));
        metrics.planned(&plan(1));
        let page = metrics.encode(&[]).expect("encodes");
        assert!(page.contains(&line(0)) && !page.contains("quota"), "{page}");
    }

    #[test]
    fn what_happened_is_on_the_page() {
        let metrics = Metrics::default();
        let web = "web".parse().expect("valid");
        metrics.clone().claim_served(&web, true, Duration::ZERO);
        metrics.http_request("GET", "/v1/personas/{name}", 404, Duration::from_millis(3));
        metrics.planned(&plan(7));
        metrics.ingested("csv", 10, 2);
        let page = metrics.encode(&[]).expect("encodes");
        for line in [
            r#"forewarm_claims_total{persona="web",start="warm"} 1"#,
            r#"forewarm_http_requests_total{method="GET",route="/v1/personas/{name}",status="404"} 1"#,
            r#"forewarm_instances{persona="web",state="warm"} 7"#,
            r#"forewarm_instances{persona="web",state="parked"} 2"#,
            r#"forewarm_plan_wanted_instances{persona="web"} 9"#,
            r#"forewarm_ingest_samples_total{source="csv",result="refused"} 2"#,
        ] {
            assert!(page.contains(line), "{line} is missing in\n{page}");
        }
    }
}
