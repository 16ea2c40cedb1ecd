//! Several calls that share one trip to a compute thread, each under its own limits.

use crate::support::{STEP_MS, forecaster, grant, history, runtime, small, tight};
use forewarm_domain::plugin::PluginErrorKind as Kind;
use forewarm_domain::time::TimestampMs;
use forewarm_runtime::{Forecaster, Plugin, Runtime};
use serde_json::Value;
use std::time::Instant;

async fn load(runtime: &Runtime, place: &str, body: &str) -> Forecaster {
    let plugin = runtime.load(forecaster(place, body), grant(tight())).await.expect("loads");
    let Plugin::Forecaster(forecaster) = plugin else { panic!("a forecaster") };
    forecaster
}

#[tokio::test]
async fn a_batch_of_calls_answers_as_single_calls_do() {
    let runtime = runtime(small());
    let forecaster = load(&runtime, "", "").await;
    let batch = move |thread: &_| {
        let mut model = forecaster.fit_on(thread, history(&[1.0, 2.0]), &Value::Null)?;
        model.observe_on(thread, &[5.0])?;
        let saved = model.save_on(thread)?;
        let mut restored = forecaster.restore_on(thread, &saved, &Value::Null)?;
        restored.step_on(thread, &[], TimestampMs(0), STEP_MS, 2, &[0.5])
    };
    let fan = runtime.on_compute(batch).await.expect("open").expect("forecasts");
    assert_eq!((fan.at(0), fan.at(1)), (&[5.0][..], &[5.0][..]));
}

#[tokio::test]
async fn every_call_of_a_batch_has_its_own_deadline() {
    let runtime = runtime(small());
    let (spins, answers) = (load(&runtime, "OBSERVE", "(loop br 0)").await, load(&runtime, "", "").await);
    let batch = move |thread: &_| {
        let mut good = answers.fit_on(thread, history(&[1.0]), &Value::Null).expect("fits");
        for _ in 0..3 {
            let mut bad = spins.fit_on(thread, history(&[1.0]), &Value::Null).expect("fits");
            assert_eq!(bad.observe_on(thread, &[1.0]).expect_err("it spins").kind, Kind::Deadline);
            assert_eq!(bad.observe_on(thread, &[1.0]).expect_err("it is lost").kind, Kind::Trap);
            good.observe_on(thread, &[1.0]).expect("the others go on");
        }
    };
    let began = Instant::now();
    runtime.on_compute(batch).await.expect("open");
    assert!(began.elapsed() >= 3 * tight().call, "{:?}", began.elapsed());
}

#[tokio::test]
async fn the_thread_of_another_runtime_is_refused() {
    let (one, other) = (runtime(small()), runtime(small()));
    let forecaster = load(&one, "", "").await;
    let fit = move |thread: &_| forecaster.fit_on(thread, history(&[1.0]), &Value::Null).map(drop);
    let error = other.on_compute(fit).await.expect("open").expect_err("it would not keep deadlines");
    assert_eq!(error.kind, Kind::InvalidInput, "{error}");
}

#[tokio::test]
async fn a_panic_of_the_caller_reaches_it_and_frees_the_thread() {
    let runtime = runtime(forewarm_runtime::RuntimeConfig { compute_threads: 1, ..small() });
    let host = runtime.clone();
    let panics = tokio::spawn(async move { host.on_compute(|_| panic!("the caller's own")).await.map(|(): ()| ()) });
    assert!(panics.await.expect_err("panics").is_panic());
    assert_eq!(runtime.on_compute(|_| 7).await, Ok(7));
}
