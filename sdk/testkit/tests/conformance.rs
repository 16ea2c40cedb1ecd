//! The first-party plugins keep to the contract, and plugins that break it are found out: each breaks exactly the
//! properties that it means to.

#![expect(clippy::expect_used, reason = "the helpers of tests fail as tests do")]

use forewarm_testkit::conformance::{Options, Report, check};
use serde_json::json;
use std::path::PathBuf;

fn component(variable: &str, name: &str) -> Vec<u8> {
    let folder = std::env::var_os(variable).map(PathBuf::from);
    let folder = folder.expect("the environment names no folder: run through `cargo xtask test`");
    std::fs::read(folder.join(format!("{name}.wasm"))).expect("a built component")
}

async fn keeps_to_the_contract(name: &str, parameters: serde_json::Value) {
    let options = Options { parameters, seed: 1, ..Options::default() };
    let report = check(component("FOREWARM_PLUGINS", name), &options).await.expect("loads");
    report.require().expect("it keeps to the contract");
}

/// Every fault and the properties that it breaks, its own name first.
async fn are_found_out(name: &str, faults: &[&[&str]]) {
    let component = component("FOREWARM_GUESTS", name);
    let run = async |fault: &str| -> Report {
        let options = Options { parameters: json!({ "fault": fault }), cases: 3, ..Options::default() };
        check(component.clone(), &options).await.expect("loads")
    };
    let sound = run("none").await;
    assert_eq!(sound.failed(), [""; 0], "without a fault: {:?}", sound.require());
    for broken in faults {
        let report = run(broken[0]).await;
        let mut found = report.failed();
        found.sort_unstable();
        let mut expected = broken.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected, "{:?}", report.require());
    }
}

#[tokio::test]
async fn the_seasonal_forecaster() {
    keeps_to_the_contract("forecaster-seasonal", json!({})).await;
}

#[tokio::test]
async fn the_intermittent_forecaster() {
    keeps_to_the_contract("forecaster-intermittent", json!({})).await;
}

#[tokio::test]
async fn the_forecasters_of_whole_days() {
    for name in [
        "forecaster-naive",
        "forecaster-theta",
        "forecaster-ets",
        "forecaster-mstl",
        "forecaster-analog",
        "forecaster-arima",
        "forecaster-ridge",
    ] {
        keeps_to_the_contract(name, json!({})).await;
        keeps_to_the_contract(name, json!({ "season_lengths": [] })).await;
        keeps_to_the_contract(name, json!({ "season_lengths": [8, 30, 90] })).await;
    }
}

#[tokio::test]
async fn arima_of_given_orders() {
    keeps_to_the_contract("forecaster-arima", json!({ "order": [1, 0, 1], "seasonal_order": [0, 1, 1] })).await;
}

#[tokio::test]
async fn the_lstm_forecaster() {
    keeps_to_the_contract("forecaster-lstm", json!({})).await;
}

#[tokio::test]
async fn the_robust_detector() {
    keeps_to_the_contract("anomaly-robust", json!({})).await;
}

#[tokio::test]
async fn the_rules_profiler() {
    keeps_to_the_contract("profiler-rules", json!({})).await;
}

#[tokio::test]
async fn the_simulated_driver() {
    keeps_to_the_contract("driver-simulated", json!({})).await;
    keeps_to_the_contract("driver-simulated", json!({ "max_instances": 3, "boot_seconds": 1 })).await;
}

#[tokio::test]
async fn wrong_forecasters() {
    let faults: &[&[&str]] = &[
        &["survives-odd-series"],
        &["finite-values"],
        &["quantiles-do-not-cross"],
        &["horizon-limits", "within-own-limits"],
        &["short-history"],
        &["max-history-suffices"],
        &["observe-in-parts"],
        &["save-restore"],
        &["seasons"],
    ];
    are_found_out("wrong-forecaster", faults).await;
}

#[tokio::test]
async fn wrong_detectors() {
    let faults: &[&[&str]] = &[
        &["survives-odd-series"],
        &["score-range"],
        &["usual-range"],
        &["missing-is-usual"],
        &["monotone-sensitivity"],
        &["causal", "stream-agrees"],
        &["stream-agrees"],
        &["save-restore"],
    ];
    are_found_out("wrong-detector", faults).await;
}

#[tokio::test]
async fn wrong_profilers() {
    let faults: &[&[&str]] = &[
        &["survives-odd-usage"],
        &["only-asked-resources", "order-independent"],
        &["insufficient-left-out"],
        &["evidence-given"],
        &["confidence-range"],
        &["allocation-positive"],
        &["order-independent"],
        &["changes-state-reasons"],
        &["from-is-present-value"],
    ];
    are_found_out("wrong-profiler", faults).await;
}

#[tokio::test]
async fn wrong_drivers() {
    let faults: &[&[&str]] = &[
        &["prices"],
        &["offered-tiers-only"],
        &["idempotent-tokens"],
        &["destroy-twice"],
        &["unsupported-operations"],
        &["pages-complete", "create-get-list-agree", "state-survives"],
        &["state-survives"],
        &["quota"],
    ];
    are_found_out("wrong-driver", faults).await;
}
