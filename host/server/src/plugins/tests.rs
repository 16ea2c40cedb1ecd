//! Plugins as the loop meets them: over the bus, with real guests, on a clock of the test's.

use super::*;
use forewarm_bus::LocalBus;
use forewarm_bus::message::{DriverCall, DriverRequest, FitCall, ForecastAnswer, ForecastCall, call};
use forewarm_domain::forecast::Fan;
use forewarm_domain::id::{InstanceId, idempotency_token};
use forewarm_domain::plugin::{PluginError, PluginErrorKind as Kind};
use forewarm_domain::series::Series;
use forewarm_domain::time::{ManualClock, TimestampMs};
use forewarm_runtime::{MemoryState, RuntimeConfig};
use forewarm_tests::guests::{TRAPS_AT_FIT, driver, forecaster};
use tempfile::TempDir;

const NAME: &str = "forecaster-test";
const STEP_MS: i64 = 60_000;
const START: TimestampMs = TimestampMs(1_700_000_040_000);
const PATIENCE: Duration = Duration::from_secs(20);

/// Blends what it sees, so that the order and the number of values show, and traps at the third `observe` of an
/// instance.
const BLENDS: &str = "(i32.store (i32.const 132) (i32.const 0))
    (loop $next (if (i32.lt_u (i32.load (i32.const 132)) (local.get $count)) (then
      (global.set $last (f64.add (f64.mul (global.get $last) (f64.const 0.5))
        (f64.load (i32.add (local.get $values) (i32.shl (i32.load (i32.const 132)) (i32.const 3))))))
      (i32.store (i32.const 132) (i32.add (i32.load (i32.const 132)) (i32.const 1)))
      (br $next))))
    (return (call $ok (i32.const 0) (i32.const 0)))";
const TIRES: &str = "(i32.store (i32.const 128) (i32.add (i32.load (i32.const 128)) (i32.const 1)))
    (if (i32.ge_u (i32.load (i32.const 128)) (i32.const 3)) (then unreachable))";

struct Bench {
    host: PluginHost,
    bus: Arc<dyn Bus>,
    clock: Arc<ManualClock>,
    store: Store,
    folder: TempDir,
    runtime: Runtime,
}

impl Bench {
    async fn new(files: &[(&str, Vec<u8>)]) -> Self {
        Self::with(files, |_| {}).await
    }

    async fn with(files: &[(&str, Vec<u8>)], set: impl Fn(&mut PluginsConfig)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).expect("written");
        }
        let clock = Arc::new(ManualClock::at(START));
        let limits = Limits { call: Duration::from_millis(200), ..Limits::default() };
        let room = RuntimeConfig { max_instances: 64, default_limits: limits, ..RuntimeConfig::default() };
        let runtime = Runtime::new(room, Arc::clone(&clock) as _, Arc::new(MemoryState::new())).expect("a runtime");
        let store = Store::open(&crate::store::StoreConfig {
            url: "sqlite::memory:".into(),
            synchronous: crate::store::Synchronous::Normal,
            max_connections: 1,
        })
        .await
        .expect("a store");
        let (host, bus) = host(&folder, &clock, &store, &runtime, set).await;
        Self { host, bus, clock, store, folder, runtime }
    }

    /// The same host after a restart.
    async fn restarted(self) -> Self {
        let Self { host: before, clock, store, folder, runtime, .. } = self;
        before.stop().await;
        drop(before);
        let (host, bus) = host(&folder, &clock, &store, &runtime, |_| {}).await;
        Self { host, bus, clock, store, folder, runtime }
    }

    fn add(&self, file: &str, content: &[u8]) {
        std::fs::write(self.folder.path().join(file), content).expect("written");
    }

    async fn fit(&self, key: &str) -> Result<Fan, PluginError> {
        let history = Series { start: START - 3 * STEP_MS, step_ms: STEP_MS, values: vec![1.0, 2.0, 4.0] };
        let fit = FitCall {
            plugin: NAME.parse().expect("valid"),
            key: key.into(),
            revision: 1,
            history,
            parameters: serde_json::json!({}),
            horizon: 2,
            levels: vec![0.5],
        };
        call(self.bus.as_ref(), &fit, PATIENCE).await
    }

    /// The forecast after the `step`th value, which is shown.
    async fn forecast(&self, key: &str, step: i64) -> Result<ForecastAnswer, PluginError> {
        let ask = ForecastCall {
            plugin: NAME.parse().expect("valid"),
            key: key.into(),
            revision: 1,
            observed_from: START + STEP_MS * step,
            observed: vec![10.0 + step as f64],
            horizon: 2,
            levels: vec![0.5],
        };
        call(self.bus.as_ref(), &ask, PATIENCE).await
    }

    async fn forecasts(&self, key: &str, steps: i64) -> Vec<ForecastAnswer> {
        let mut answers = Vec::new();
        for step in 0..steps {
            answers.push(self.forecast(key, step).await.expect("a forecast"));
        }
        answers
    }

    fn info(&self, version: &str) -> PluginInfo {
        let infos = self.host.infos();
        infos.into_iter().find(|info| info.version.as_deref() == Some(version)).expect("the version")
    }

    fn active(&self) -> String {
        let infos = self.host.infos();
        infos.into_iter().find(|info| info.active).and_then(|info| info.version).expect("an active version")
    }

    fn wait(&self, ms: i64) {
        self.clock.advance_to(self.clock.now() + ms);
    }
}

async fn host(
    folder: &TempDir,
    clock: &Arc<ManualClock>,
    store: &Store,
    runtime: &Runtime,
    set: impl Fn(&mut PluginsConfig),
) -> (PluginHost, Arc<dyn Bus>) {
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::default());
    let mut config = PluginsConfig::new(folder.path());
    config.allow_unsigned = true;
    config.supervision = PluginSupervision { budget: 3, rest_s: 60, ..PluginSupervision::default() };
    set(&mut config);
    let parts = Parts {
        config,
        runtime: runtime.clone(),
        bus: Arc::clone(&bus),
        store: Some(store.clone()),
        clock: Arc::clone(clock) as _,
        metrics: Arc::default(),
    };
    (PluginHost::start(parts).await.expect("a host"), bus)
}

/// Fails until it is quarantined; each time the wait of the failure before is over.
async fn fail_until_quarantined(bench: &Bench) {
    for _ in 0..3 {
        assert_eq!(bench.fit("web").await.expect_err("fails").kind, Kind::Trap);
        bench.wait(1_000);
    }
}

#[tokio::test]
async fn a_plugin_that_keeps_trapping_is_not_called_any_more_until_it_is_released() {
    let bench = Bench::new(&[("a.wasm", forecaster(NAME, "1", &[TRAPS_AT_FIT]))]).await;
    fail_until_quarantined(&bench).await;
    let calls = bench.info("1").calls;
    let error = bench.fit("web").await.expect_err("quarantined");
    assert_eq!(error.kind, Kind::Quarantined);
    for part in ["3 failures within 300 s", "trapped", "forewarm plugin release forecaster-test"] {
        assert!(error.message.contains(part), "{part} is missing in {error}");
    }
    let info = bench.info("1");
    assert_eq!((info.calls, info.supervision), (calls, Some(Supervision::Quarantined)));
    let released = bench.host.release(&NAME.parse().expect("valid")).await.expect("released");
    assert_eq!(released.supervision, Some(Supervision::Ready));
    assert_eq!(bench.fit("web").await.expect_err("called again").kind, Kind::Trap);
}

#[tokio::test]
async fn a_quarantine_survives_a_restart_and_ends_with_a_probe_that_succeeds() {
    // It traps as long as the time is early.
    let body = "(if (i64.lt_s (call $now) (i64.const 1700000100000)) (then unreachable))";
    let bench = Bench::new(&[("a.wasm", forecaster(NAME, "1", &[("FIT", body)]))]).await;
    fail_until_quarantined(&bench).await;
    let bench = bench.restarted().await;
    assert_eq!(bench.fit("web").await.expect_err("still quarantined").kind, Kind::Quarantined);
    bench.wait(60_000);
    bench.fit("web").await.expect("the probe succeeds");
    assert_eq!(bench.info("1").supervision, Some(Supervision::Ready));
    let bench = bench.restarted().await;
    bench.fit("web").await.expect("and that is kept as well");
}

#[tokio::test]
async fn what_a_plugin_answers_by_the_contract_is_no_failure() {
    // `not-enough-data`.
    let body = "(i32.store8 (i32.const 64) (i32.const 1)) (i32.store8 (i32.const 68) (i32.const 1))
        (i32.store (i32.const 72) (i32.const 0)) (i32.store (i32.const 76) (i32.const 0)) (return (i32.const 64))";
    let bench = Bench::new(&[("a.wasm", forecaster(NAME, "1", &[("FIT", body)]))]).await;
    for _ in 0..10 {
        assert_eq!(bench.fit("web").await.expect_err("too little").kind, Kind::NotEnoughData);
    }
    assert_eq!(bench.info("1").supervision, Some(Supervision::Ready));
}

#[tokio::test]
async fn a_model_that_is_lost_to_a_trap_is_rebuilt_without_a_new_fit() {
    let sound = Bench::new(&[("a.wasm", forecaster(NAME, "1", &[("OBSERVE", BLENDS)]))]).await;
    let tires = format!("{TIRES}\n{BLENDS}");
    let tiring = Bench::new(&[("a.wasm", forecaster(NAME, "1", &[("OBSERVE", &tires)]))]).await;
    for bench in [&sound, &tiring] {
        bench.fit("web").await.expect("fits");
    }
    // No answer is `NeedsFit`, since all are equal to those of the forecaster that never traps.
    let (expected, answered) = (sound.forecasts("web", 3).await, tiring.forecasts("web", 3).await);
    assert!(expected.iter().all(|answer| matches!(answer, ForecastAnswer::Fan(_))), "{expected:?}");
    assert_eq!(answered, expected);
    let info = tiring.info("1");
    assert_eq!((info.traps, info.models_rebuilt, info.models), (1, 1, 1));
    assert_eq!(sound.info("1").models_rebuilt, 0);
}

#[tokio::test]
async fn without_anything_saved_a_lost_model_has_to_be_fitted_again() {
    let tires = format!("{TIRES}\n{BLENDS}");
    let guest = forecaster(NAME, "1", &[("OBSERVE", &tires)]);
    let bench = Bench::with(&[("a.wasm", guest)], |config| config.saved_models_mib = 0).await;
    bench.fit("web").await.expect("fits");
    bench.forecasts("web", 2).await;
    assert_eq!(bench.forecast("web", 2).await.expect_err("lost").kind, Kind::Trap);
    assert_eq!(bench.forecast("web", 2).await.expect("an answer"), ForecastAnswer::NeedsFit);
}

#[tokio::test]
async fn a_fitted_model_leaves_behind_the_memory_that_fitting_took() {
    // In the instance that fitted it the first value would be the third that tires it.
    let fits = "(i32.store (i32.const 128) (i32.const 2))";
    let tires = format!("{TIRES}\n{BLENDS}");
    let bench = Bench::new(&[("a.wasm", forecaster(NAME, "1", &[("FIT", fits), ("OBSERVE", &tires)]))]).await;
    bench.fit("web").await.expect("fits");
    bench.forecasts("web", 2).await;
    assert_eq!(bench.info("1").traps, 0);
}

#[tokio::test]
async fn a_guest_that_can_not_save_goes_on_forecasting() {
    let bench = Bench::new(&[("a.wasm", forecaster(NAME, "1", &[("SAVE", "unreachable")]))]).await;
    // The model is lost over saving, once.
    bench.fit("web").await.expect("fits");
    assert_eq!(bench.forecast("web", 0).await.expect("an answer"), ForecastAnswer::NeedsFit);
    bench.fit("web").await.expect("fits again");
    bench.forecasts("web", 5).await;
    assert_eq!(bench.info("1").traps, 1);
}

#[tokio::test]
async fn models_that_give_way_come_back_as_they_were() {
    let guest = forecaster(NAME, "1", &[("OBSERVE", BLENDS)]);
    let roomy = Bench::new(&[("a.wasm", guest.clone())]).await;
    // Room for one model beside what is left to other plugins.
    let narrow = Bench::with(&[("a.wasm", guest)], |config| config.max_instances = 65).await;
    for bench in [&roomy, &narrow] {
        for key in ["a", "b", "c"] {
            bench.fit(key).await.expect("fits");
        }
    }
    for step in 0..4 {
        for key in ["a", "b", "c"] {
            let (expected, answered) = (roomy.forecast(key, step).await, narrow.forecast(key, step).await);
            assert_eq!(answered.expect("a forecast"), expected.expect("a forecast"), "{key} {step}");
        }
    }
    let info = narrow.info("1");
    assert_eq!((info.models, info.models_rebuilt), (1, 12));
}

#[tokio::test]
async fn the_newest_sound_version_answers_and_an_operators_choice_is_kept() {
    let sound = |version| forecaster(NAME, version, &[]);
    let broken = forecaster(NAME, "3", &[TRAPS_AT_FIT]);
    let files = [("1.wasm", sound("1.9.0")), ("2.wasm", sound("1.10.0")), ("3.wasm", broken)];
    let bench = Bench::new(&files).await;
    assert_eq!(bench.active(), "1.10.0", "3 fails its probe");
    let name: PluginName = NAME.parse().expect("valid");
    bench.host.activate(&name, "1.9.0").await.expect("switched");
    assert_eq!(bench.active(), "1.9.0");
    bench.fit("web").await.expect("it answers");
    let error = bench.host.activate(&name, "3").await.expect_err("fails its probe").to_string();
    assert!(error.contains("version 3 failed its probe, so that 1.9.0 goes on answering"), "{error}");
    let error = bench.host.activate(&name, "4").await.expect_err("unknown").to_string();
    assert!(error.contains("there is: 1.9.0, 1.10.0, 3"), "{error}");
    let bench = bench.restarted().await;
    assert_eq!(bench.active(), "1.9.0");
    // A choice stands against newer versions.
    bench.add("4.wasm", &sound("4"));
    bench.host.rescan().await.expect("scanned");
    assert_eq!(bench.active(), "1.9.0");
    bench.host.activate(&name, "4").await.expect("switched");
    assert_eq!(bench.active(), "4");
}

#[tokio::test]
async fn a_newer_version_in_the_folder_takes_over_where_none_was_chosen() {
    let bench = Bench::new(&[("1.wasm", forecaster(NAME, "1", &[]))]).await;
    bench.fit("web").await.expect("fits");
    bench.add("2.wasm", &forecaster(NAME, "2", &[]));
    bench.add("copy.wasm", &forecaster(NAME, "1", &[]));
    bench.host.rescan().await.expect("scanned");
    assert_eq!(bench.active(), "2");
    // Saved state is of one version: the new one has to fit.
    assert_eq!(bench.forecast("web", 0).await.expect("an answer"), ForecastAnswer::NeedsFit);
    assert_eq!(bench.info("1").models, 0);
    let infos = bench.host.infos();
    let copy = infos.iter().find(|info| info.file == "copy.wasm").and_then(|info| info.error.clone());
    assert!(copy.is_some_and(|error| error.contains("1.wasm holds version 1 of forecaster-test already")));
    // The file of a version that does not answer may go.
    std::fs::remove_file(bench.folder.path().join("1.wasm")).expect("removed");
    std::fs::remove_file(bench.folder.path().join("copy.wasm")).expect("removed");
    bench.host.rescan().await.expect("scanned");
    assert_eq!(bench.host.infos().len(), 1);
}

#[tokio::test]
async fn a_version_that_is_quarantined_on_probation_is_rolled_back() {
    // It passes its probe of 240 values and fails with 3.
    let body = "(if (i32.lt_u (local.get $count) (i32.const 100)) (then unreachable))";
    let files = [("1.wasm", forecaster(NAME, "1", &[])), ("2.wasm", forecaster(NAME, "2", &[("FIT", body)]))];
    let bench = Bench::new(&files[..1]).await;
    bench.add("2.wasm", &files[1].1);
    bench.host.rescan().await.expect("scanned");
    assert_eq!(bench.active(), "2");
    fail_until_quarantined(&bench).await;
    assert_eq!(bench.active(), "1");
    bench.fit("web").await.expect("the version before answers");
    assert_eq!(bench.info("2").supervision, Some(Supervision::Quarantined));
    let bench = bench.restarted().await;
    assert_eq!(bench.active(), "1", "the roll-back is kept");
}

#[tokio::test]
async fn after_the_probation_a_version_stays() {
    let body = "(if (i32.lt_u (local.get $count) (i32.const 100)) (then unreachable))";
    let bench = Bench::new(&[("1.wasm", forecaster(NAME, "1", &[]))]).await;
    bench.add("2.wasm", &forecaster(NAME, "2", &[("FIT", body)]));
    bench.host.rescan().await.expect("scanned");
    bench.wait(900_000);
    fail_until_quarantined(&bench).await;
    assert_eq!(bench.active(), "2");
}

#[tokio::test]
async fn a_driver_that_does_not_answer_in_time_is_held_back() {
    let bench = Bench::new(&[("d.wasm", driver("driver-test", "1"))]).await;
    let drive = async |operation| {
        let request = DriverCall { plugin: "driver-test".parse().expect("valid"), operation };
        call(bench.bus.as_ref(), &request, PATIENCE).await
    };
    let id = InstanceId(uuid::Uuid::from_u128(7));
    let reset = || DriverRequest::Reset { id, token: idempotency_token(id, 0) };
    drive(DriverRequest::List).await.expect("a list");
    for _ in 0..3 {
        assert_eq!(drive(reset()).await.expect_err("traps").kind, Kind::Trap);
        bench.wait(1_000);
    }
    assert_eq!(drive(DriverRequest::List).await.expect_err("held back").kind, Kind::Quarantined);
    bench.wait(60_000);
    drive(DriverRequest::List).await.expect("the probe succeeds");
}
