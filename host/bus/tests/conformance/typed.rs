//! Typed calls and events over both buses.

use super::{Bench, LONG, local, nats, pattern};
use async_trait::async_trait;
use forewarm_bus::message::{
    BacktestCall, Backtested, Calls, DescribeForecaster, DriverAnswer, DriverCall, DriverRequest, Event, EventTopic,
    FitCall, ForecastAnswer, ForecastCall, JudgeCall, Judged, ProfileCall, RefineCall, SeasonalityCall, ServeDetector,
    ServeDriver, ServeForecaster, ServeProfiler, all_events, call, decode_event, publish_event, serve_calls,
};
use forewarm_bus::{Delivery, Subscription};
use forewarm_domain::forecast::Fan;
use forewarm_domain::id::{IdempotencyToken, InstanceId, PluginName};
use forewarm_domain::instance::Tier;
use forewarm_domain::persona::{Allocation, ExpectedPerformance, SystemSettings};
use forewarm_domain::plugin::{
    Change, DriverInstance, DriverState, ForecasterDescription, PersonaDraft, PersonaView, PluginError,
    PluginErrorKind, Season, Usage, UsageOutcome, Verdict, Workload,
};
use forewarm_domain::series::{Metric, Series};
use forewarm_domain::time::TimestampMs;
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_process() {
    all(local()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_nats() {
    all(nats().await).await;
}

async fn all(bench: Bench) {
    nobody_is_unreachable(&bench).await;
    forecasters(&bench).await;
    profilers(&bench).await;
    detectors(&bench).await;
    drivers(&bench).await;
    strange_bytes_are_answered(&bench).await;
    events(&bench).await;
}

fn plugin() -> PluginName {
    "under-test".parse().unwrap()
}

fn history(values: Vec<f64>) -> Series {
    Series { start: TimestampMs(60_000), step_ms: 60_000, values }
}

fn fan() -> Fan {
    Fan::from_paths(TimestampMs(120_000), 60_000, &[0.1, 0.9], &[vec![1.0, 2.0], vec![3.0, 4.0]]).unwrap()
}

fn persona() -> PersonaView {
    PersonaView {
        name: "web".parse().unwrap(),
        version: 3,
        allocation: Allocation { cpu_millis: 500, memory_mib: 512, storage_gib: 0, network_mbps: 0 },
        system: SystemSettings::default(),
        dedicated: true,
        ingress_cidrs: vec!["10.0.0.0/8".into()],
        expected: ExpectedPerformance { latency_p95_ms: Some(20.0), ..ExpectedPerformance::default() },
        capacity_per_instance: 12.5,
    }
}

/// Answers only to what it was meant to be sent, so that a field that gets lost on the way is an error.
struct Echoing;

fn refuse(message: impl std::fmt::Debug) -> PluginError {
    PluginError { plugin: plugin(), kind: PluginErrorKind::NotEnoughData, message: format!("{message:?}") }
}

#[async_trait]
impl ServeForecaster for Echoing {
    async fn forecast(&self, call: ForecastCall) -> Result<ForecastAnswer, PluginError> {
        let gap = call.observed.first().is_some_and(|value| value.is_nan()) && call.observed[1] == 0.1;
        match (call.revision, gap) {
            (u64::MAX, true) => Ok(ForecastAnswer::Fan(fan())),
            (_, true) => Ok(ForecastAnswer::NeedsFit),
            _ => Err(refuse(call)),
        }
    }
    async fn fit(&self, call: FitCall) -> Result<Fan, PluginError> {
        let whole = call.history.values.len() == 20_160 && call.history.values[7].is_nan();
        let parameters = json!({"season": 1_440, "damping": 0.98, "names": ["a", null, true]});
        if whole && call.parameters == parameters { Ok(fan()) } else { Err(refuse(call.parameters)) }
    }
    async fn backtest(&self, call: BacktestCall) -> Result<Backtested, PluginError> {
        let whole = call.origins == [7, 12] && call.horizon == 2 && call.levels == [0.1, 0.9];
        if whole { Ok(vec![Err(refuse("too short")), Ok(fan())]) } else { Err(refuse(call)) }
    }
    async fn seasonality(&self, call: SeasonalityCall) -> Result<Vec<Season>, PluginError> {
        Ok(vec![Season { period: call.history.values.len() as u32, strength: 0.5 }])
    }
    async fn describe(&self, _: DescribeForecaster) -> Result<ForecasterDescription, PluginError> {
        let summary = "echoes".into();
        Ok(ForecasterDescription { summary, min_history: 1, max_history: 20_160, max_horizon: 60 })
    }
}

#[async_trait]
impl ServeProfiler for Echoing {
    async fn profile(&self, call: ProfileCall) -> Result<Vec<PersonaDraft>, PluginError> {
        Err(refuse(call.workloads.len()))
    }
    async fn refine(&self, call: RefineCall) -> Result<Vec<Change>, PluginError> {
        if call.persona != persona() || call.outcomes.len() != 1 {
            return Err(refuse(call));
        }
        let (field, reason) = ("capacity_per_instance".into(), "it does more".into());
        Ok(vec![Change { field, from: 12.5, to: f64::INFINITY, reason }])
    }
}

#[async_trait]
impl ServeDetector for Echoing {
    async fn judge(&self, call: JudgeCall) -> Result<Judged, PluginError> {
        if !call.values.values[0].is_nan() || call.learned.as_deref() != Some(&[0, 255]) || call.sensitivity != 0.25 {
            return Err(refuse(call));
        }
        let verdict = Verdict { score: 0.5, anomalous: true, expected_low: f64::MIN, expected_high: 2.0 };
        Ok(Judged { verdicts: vec![verdict], learned: vec![7; 3].into() })
    }
}

#[async_trait]
impl ServeDriver for Echoing {
    async fn drive(&self, call: DriverCall) -> Result<DriverAnswer, PluginError> {
        let instance = |id, persona: &PersonaView, to| DriverInstance {
            id,
            reference: "vm-1".into(),
            persona: Some(persona.name.clone()),
            state: DriverState::Changing { to, expected_at: TimestampMs(5) },
            since: TimestampMs(4),
        };
        match call.operation {
            DriverRequest::Create { id, persona, tier, .. } => Ok(DriverAnswer::Instance(instance(id, &persona, tier))),
            DriverRequest::Destroy { .. } => Ok(DriverAnswer::Destroyed),
            DriverRequest::List => Ok(DriverAnswer::Instances(Vec::new())),
            other => Err(refuse(other)),
        }
    }
}

async fn nobody_is_unreachable(bench: &Bench) {
    let error = call(bench.bus.as_ref(), &DescribeForecaster { plugin: plugin() }, LONG).await.unwrap_err();
    assert_eq!((error.plugin, error.kind), (plugin(), PluginErrorKind::Unreachable));
}

async fn forecasters(bench: &Bench) {
    let serving = Calls::Forecaster(Arc::new(Echoing));
    let service = serve_calls(bench.other.as_ref(), &plugin(), serving, 2).await.unwrap();
    let bus = bench.bus.as_ref();
    let mut asked = ForecastCall {
        plugin: plugin(),
        key: "web".into(),
        revision: u64::MAX,
        observed_from: TimestampMs(60_000),
        observed: vec![f64::NAN, 0.1],
        horizon: 2,
        levels: vec![0.1, 0.9],
    };
    assert_eq!(call(bus, &asked, LONG).await, Ok(ForecastAnswer::Fan(fan())));
    asked.revision = 0;
    assert_eq!(call(bus, &asked, LONG).await, Ok(ForecastAnswer::NeedsFit));
    let mut values = vec![0.1; 20_160];
    values[7] = f64::NAN;
    let fit = FitCall {
        plugin: plugin(),
        key: "web".into(),
        revision: 1,
        history: history(values),
        parameters: json!({"season": 1_440, "damping": 0.98, "names": ["a", null, true]}),
        horizon: 2,
        levels: vec![0.1, 0.9],
    };
    assert_eq!(call(bus, &fit, LONG).await, Ok(fan()));
    let backtest = BacktestCall {
        plugin: plugin(),
        history: history(vec![1.0; 12]),
        origins: vec![7, 12],
        parameters: json!({}),
        horizon: 2,
        levels: vec![0.1, 0.9],
    };
    assert_eq!(call(bus, &backtest, LONG).await, Ok(vec![Err(refuse("too short")), Ok(fan())]));
    let seasons = SeasonalityCall { plugin: plugin(), history: history(vec![1.0; 12]) };
    assert_eq!(call(bus, &seasons, LONG).await, Ok(vec![Season { period: 12, strength: 0.5 }]));
    let described = call(bus, &DescribeForecaster { plugin: plugin() }, LONG).await.unwrap();
    assert_eq!(described.max_history, 20_160);
    let far_too_long = SeasonalityCall { plugin: plugin(), history: history(vec![0.1; bench.limit / 8]) };
    let error = call(bus, &far_too_long, LONG).await.unwrap_err();
    assert_eq!(error.kind, PluginErrorKind::InvalidInput);
    assert!(error.message.contains(&bench.limit.to_string()), "{error}");
    service.stop().await;
}

async fn profilers(bench: &Bench) {
    let serving = Calls::Profiler(Arc::new(Echoing));
    let service = serve_calls(bench.other.as_ref(), &plugin(), serving, 2).await.unwrap();
    let usages = vec![Usage { metric: Metric::CpuCores, history: history(vec![f64::NAN]) }];
    let workloads = vec![Workload { resource: "vm/1".parse().unwrap(), allocation: None, usages }];
    let error = call(bench.bus.as_ref(), &ProfileCall { plugin: plugin(), workloads }, LONG).await.unwrap_err();
    assert_eq!(error, refuse(1), "the plugin's own error arrives as it is");
    let outcomes = vec![UsageOutcome { metric: Metric::Requests, history: history(vec![]), out_of_memory: 2 }];
    let refine = RefineCall { plugin: plugin(), persona: persona(), outcomes };
    assert_eq!(call(bench.bus.as_ref(), &refine, LONG).await.unwrap()[0].to, f64::INFINITY);
    service.stop().await;
}

async fn detectors(bench: &Bench) {
    let serving = Calls::AnomalyDetector(Arc::new(Echoing));
    let service = serve_calls(bench.other.as_ref(), &plugin(), serving, 2).await.unwrap();
    let learned = Some(vec![0, 255].into());
    let judge = JudgeCall { plugin: plugin(), learned, values: history(vec![f64::NAN]), sensitivity: 0.25 };
    let judged = call(bench.bus.as_ref(), &judge, LONG).await.unwrap();
    assert_eq!((judged.verdicts[0].expected_low, judged.learned), (f64::MIN, vec![7; 3].into()));
    service.stop().await;
}

async fn drivers(bench: &Bench) {
    let serving = Calls::Driver(Arc::new(Echoing));
    let service = serve_calls(bench.other.as_ref(), &plugin(), serving, 2).await.unwrap();
    let (id, token) = (InstanceId(Uuid::from_u128(1)), IdempotencyToken(Uuid::from_u128(2)));
    let drive = |operation| DriverCall { plugin: plugin(), operation };
    let bus = bench.bus.as_ref();
    let create = DriverRequest::Create { id, token, persona: Box::new(persona()), tier: Tier::Warm };
    let DriverAnswer::Instance(instance) = call(bus, &drive(create), LONG).await.unwrap() else {
        panic!("another kind of answer");
    };
    assert_eq!((instance.id, instance.since), (id, TimestampMs(4)));
    assert_eq!(instance.state, DriverState::Changing { to: Tier::Warm, expected_at: TimestampMs(5) });
    let destroy = DriverRequest::Destroy { id, token };
    assert_eq!(call(bus, &drive(destroy), LONG).await, Ok(DriverAnswer::Destroyed));
    assert_eq!(call(bus, &drive(DriverRequest::List), LONG).await, Ok(DriverAnswer::Instances(Vec::new())));
    for other in [
        DriverRequest::Describe,
        DriverRequest::Prices(Box::new(persona())),
        DriverRequest::Get(id),
        DriverRequest::Park { id, token },
        DriverRequest::Start { id, token },
        DriverRequest::Reset { id, token },
        DriverRequest::Specialise { id, token, persona: Box::new(persona()) },
    ] {
        let expected = Err(refuse(&other));
        assert_eq!(call(bus, &drive(other), LONG).await, expected);
    }
    service.stop().await;
}

async fn strange_bytes_are_answered(bench: &Bench) {
    let serving = Calls::Driver(Arc::new(Echoing));
    let service = serve_calls(bench.other.as_ref(), &plugin(), serving, 2).await.unwrap();
    let subject = "forewarm.v1.driver.under-test".parse().unwrap();
    for strange in [&b""[..], b"{}", b"\x81\xa5fight\xc0", &[0xdd, 0xff, 0xff, 0xff, 0xff]] {
        let payload = bytes::Bytes::copy_from_slice(strange);
        let answer = bench.bus.request(&subject, payload, LONG).await.unwrap();
        let answer: Result<DriverAnswer, PluginError> = rmp_serde::from_slice(&answer).unwrap();
        assert_eq!(answer.unwrap_err().kind, PluginErrorKind::InvalidInput);
    }
    service.stop().await;
}

async fn events(bench: &Bench) {
    let mut every = bench.other.subscribe(&all_events()).await.unwrap();
    let mut plans = bench.other.subscribe(&pattern("forewarm.v1.event.plan_changed")).await.unwrap();
    let event = |topic| Event::new(TimestampMs(1_700_000_000_000), topic, "web", "it grew", json!({"wanted": 3}));
    let (anomaly, plan) = (event(EventTopic::Anomaly), event(EventTopic::PlanChanged));
    for event in [&anomaly, &plan] {
        publish_event(bench.bus.as_ref(), event).await.unwrap();
    }
    let read = [next_event(&mut every).await, next_event(&mut every).await, next_event(&mut plans).await];
    assert_eq!(read, [anomaly, plan.clone(), plan]);
}

async fn next_event(subscription: &mut Subscription) -> Event {
    match subscription.next().await {
        Some(Delivery::Message { payload, .. }) => decode_event(&payload).unwrap(),
        other => panic!("{other:?} instead of an event"),
    }
}
