//! Each limit is met by a guest that goes over it. Whatever it does ends as an error of that one call, and its
//! neighbours go on.

use crate::support::{STEP_MS, forecaster, grant, history, load_forecaster, runtime, small, tight};
use forewarm_domain::plugin::{PluginError, PluginErrorKind as Kind};
use forewarm_domain::time::TimestampMs;
use forewarm_runtime::{Forecaster, LoadError, Model, Plugin};
use serde_json::Value;

const LOOP: &str = "(loop $forever (br $forever))";
const BOMB: &str = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))";
const STACK: &str = "(drop (call $recurse (i32.const 0)))";
const CHATTER: &str = "(loop $forever (drop (call $now)) (br $forever))";
/// 40 lines of 100 bytes (of zeros).
const LOG: &str = "(loop $more
    (call $log (i32.const 1) (i32.const 128) (i32.const 100) (i32.const 0) (i32.const 0))
    (local.set $level (i32.add (local.get $level) (i32.const 1)))
    (br_if $more (i32.lt_u (local.get $level) (i32.const 40))))
    (local.set $level (i32.const 0))";
/// A line of 7 MiB.
const FLOOD: &str = "(drop (memory.grow (i32.const 112)))
    (call $log (i32.const 1) (i32.const 0) (i32.const 7340032) (i32.const 0) (i32.const 0))";

async fn fitted(forecaster: &Forecaster) -> Model {
    forecaster.fit(history(&[1.0, 2.0, 3.0]), Value::Null).await.expect("fits")
}

async fn step(model: &mut Model) -> Result<forewarm_domain::forecast::Fan, PluginError> {
    model.step(vec![4.0], TimestampMs(180_000), STEP_MS, 3, vec![0.1, 0.9]).await
}

async fn check(body: &str, kind: Kind, message: &str) {
    let (plugin, forecaster) = load_forecaster("FORECAST", body).await;
    let (mut model, mut neighbour) = (fitted(&forecaster).await, fitted(&forecaster).await);
    let error = step(&mut model).await.expect_err(body);
    assert_eq!(error.kind, kind, "{error}");
    assert!(error.message.contains(message), "{error}");
    let after = step(&mut model).await.expect_err("lost");
    assert_eq!((after.kind, plugin.metrics().live_instances), (Kind::Trap, 1), "{after}");
    neighbour.observe(vec![1.0]).await.expect("a neighbour goes on");
}

#[tokio::test]
async fn an_endless_loop_meets_its_deadline() {
    check(LOOP, Kind::Deadline, "longer than 100 ms").await;
}

#[tokio::test]
async fn a_memory_bomb_meets_its_limit() {
    check(BOMB, Kind::Memory, "8388608 granted").await;
}

#[tokio::test]
async fn an_exhausted_stack_traps() {
    check(STACK, Kind::Trap, "stack").await;
}

#[tokio::test]
async fn a_trap_is_told_with_its_code() {
    check("unreachable", Kind::Trap, "`unreachable`").await;
    check("(drop (i32.load (i32.const -4)))", Kind::Trap, "out of bounds memory access").await;
}

#[tokio::test]
async fn host_calls_are_counted() {
    check(CHATTER, Kind::HostBudget, "more than 100 host calls").await;
}

#[tokio::test]
async fn one_huge_text_is_not_copied() {
    check(FLOOD, Kind::HostBudget, "more data").await;
}

#[tokio::test]
async fn log_beyond_the_budget_is_dropped_and_counted() {
    let (plugin, forecaster) = load_forecaster("FORECAST", LOG).await;
    let mut model = fitted(&forecaster).await;
    step(&mut model).await.expect("the call itself is fine");
    assert_eq!(plugin.metrics().log_dropped, 30, "1,000 bytes hold 10 of 40 lines");
    step(&mut model).await.expect("the next call has a budget of its own");
    assert_eq!(plugin.metrics().log_dropped, 60);
}

#[tokio::test]
async fn answers_are_checked() {
    for (body, message) in [
        ("(return (call $ok (i32.const 0) (i32.const 0)))", "levels [0.1, 0.9] were asked for, [] were answered"),
        ("(local.set $horizon (i32.const 2))", "level 0.1 has 2 values for 3 steps"),
        ("(global.set $last (f64.const nan))", "the value for level 0.1 at step 1 is NaN"),
    ] {
        let (_, forecaster) = load_forecaster("FORECAST", body).await;
        let mut model = fitted(&forecaster).await;
        let error = step(&mut model).await.expect_err(body);
        assert_eq!(error.kind, Kind::InvalidAnswer, "{error}");
        assert!(error.message.contains(message), "{error}");
        model.observe(vec![1.0]).await.expect("a wrong answer does not lose the model");
    }
}

#[tokio::test]
async fn an_outsize_saved_state_is_refused() {
    let (_, forecaster) = load_forecaster(
        "SAVE",
        "(drop (memory.grow (i32.const 32))) (return (call $ok (i32.const 0) (i32.const 1048577)))",
    )
    .await;
    let error = fitted(&forecaster).await.save().await.expect_err("too large");
    assert_eq!(error.kind, Kind::InvalidAnswer, "{error}");
}

#[tokio::test]
async fn a_hostile_fit_leaves_nothing_behind() {
    let (plugin, forecaster) = load_forecaster("FIT", LOOP).await;
    let error = forecaster.fit(history(&[1.0]), Value::Null).await.expect_err("endless");
    let metrics = plugin.metrics();
    assert_eq!((error.kind, metrics.deadlines, metrics.live_instances), (Kind::Deadline, 1, 0));
}

#[tokio::test]
async fn a_probe_that_fails_is_told() {
    let loaded = runtime(small()).load(forecaster("DESCRIBE", "unreachable"), grant(tight())).await;
    let Err(LoadError::Probe(error)) = loaded else { panic!("{loaded:?}") };
    assert_eq!(error.kind, Kind::Trap);
    let nonsense = forecaster("DESCRIBE", "(i32.store (i32.const 8) (i32.const 0))");
    let loaded = runtime(small()).load(nonsense, grant(tight())).await;
    assert!(matches!(loaded, Err(LoadError::Probe(error)) if error.kind == Kind::InvalidAnswer));
}

#[tokio::test]
async fn a_full_pool_refuses_and_recovers() {
    let config = forewarm_runtime::RuntimeConfig { max_instances: 1, ..small() };
    let plugin = runtime(config).load(forecaster("", ""), grant(tight())).await.expect("loads");
    let Plugin::Forecaster(forecaster) = &plugin else { panic!("a forecaster") };
    let mut model = fitted(forecaster).await;
    let error = forecaster.fit(history(&[1.0]), Value::Null).await.expect_err("full");
    assert_eq!((error.kind, plugin.metrics().refused), (Kind::Saturated, 1), "{error}");
    step(&mut model).await.expect("a held model keeps its place");
    drop(model);
    fitted(forecaster).await;
}

#[tokio::test]
async fn a_cancelled_call_loses_its_model_alone() {
    let (plugin, forecaster) = load_forecaster("FORECAST", LOOP).await;
    let mut model = fitted(&forecaster).await;
    let mut call = Box::pin(step(&mut model));
    // Polled once, the call is on its way to a compute thread; then its caller gives up.
    assert!(poll_once(&mut call).await.is_none());
    drop(call);
    let error = model.observe(vec![1.0]).await.expect_err("lost");
    assert_eq!(error.kind, Kind::Trap, "{error}");
    fitted(&forecaster).await;
    assert_eq!(plugin.metrics().traps, 0);
}

/// The answer of a future that is ready at once.
async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let polled = std::future::poll_fn(|context| {
        let polled = std::pin::Pin::new(&mut *future).poll(context);
        std::task::Poll::Ready(match polled {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    });
    polled.await
}
