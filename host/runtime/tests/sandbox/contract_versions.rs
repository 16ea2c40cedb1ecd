//! Two versions of the contract side by side in one runtime: 0.1, and the made-up 0.2 of `tests/wit`.

use crate::support::{STEP_MS, grant, history, manifest, runtime, small, tight};
use forewarm_domain::time::TimestampMs;
use forewarm_runtime::{Forecaster, Plugin, Runtime};
use forewarm_tests::guests::{component, component_of, with_manifest};
use serde_json::Value;
use std::path::{Path, PathBuf};

const FORECASTER: &str = include_str!("../guests/forecaster.wat");
const PLACES: [&str; 5] = ["DESCRIBE", "FIT", "OBSERVE", "FORECAST", "SAVE"];

fn plain() -> String {
    PLACES.iter().fold(FORECASTER.to_owned(), |text, place| text.replace(&format!("    {place}\n"), ""))
}

/// The same guest for the next contract: the series' unit comes before its values.
fn next() -> String {
    let text = plain().replace("@0.1.0", "@0.2.0");
    text.replace("(param $step i32) (param $values i32)", "(param $step i32) (param i32 i32) (param $values i32)")
}

fn next_contract() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wit/0.2.0-test")
}

async fn load(runtime: &Runtime, component: &[u8]) -> Forecaster {
    let component = with_manifest(component, &manifest("forecaster"));
    let Plugin::Forecaster(forecaster) = runtime.load(component, grant(tight())).await.expect("loads") else {
        panic!("a forecaster")
    };
    forecaster
}

#[tokio::test]
async fn forecasters_of_two_contracts_are_served_side_by_side() {
    let runtime = runtime(small());
    let old = load(&runtime, &component(&plain(), "forecaster-plugin")).await;
    let new = load(&runtime, &component_of(&next_contract(), &next(), "forecaster-plugin")).await;
    assert_eq!(old.description(), new.description());
    let (start, levels) = (TimestampMs(180_000), vec![0.1, 0.9]);
    let mut fans = Vec::new();
    for forecaster in [&old, &new] {
        let mut model = forecaster.fit(history(&[1.0, 2.0, 3.0]), Value::Null).await.expect("fits");
        let fan = model.step(vec![7.0, 8.0], start, STEP_MS, 3, levels.clone()).await.expect("steps");
        let saved = model.save().await.expect("saves");
        let mut restored = forecaster.restore(saved, Value::Null).await.expect("restores");
        assert_eq!(restored.step(vec![], start, STEP_MS, 3, levels.clone()).await.expect("steps"), fan);
        assert_eq!(forecaster.seasonality(history(&[1.0])).await.expect("answers"), []);
        fans.push(fan);
    }
    assert_eq!(fans[0].at(2), [8.0, 8.0]);
    assert_eq!(fans[0], fans[1]);
}

#[tokio::test]
async fn a_trap_is_a_trap_in_every_version() {
    let runtime = runtime(small());
    let text = next().replace(
        "(call $observe (local.get $values) (local.get $count))\n    (call $ok (call $model_new",
        "unreachable\n    (call $ok (call $model_new",
    );
    let new = load(&runtime, &component_of(&next_contract(), &text, "forecaster-plugin")).await;
    let error = new.fit(history(&[1.0]), Value::Null).await.expect_err("traps");
    assert_eq!(error.kind, forewarm_domain::plugin::PluginErrorKind::Trap);
}

/// The contract in a version that nobody serves.
fn unserved(version: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    for file in std::fs::read_dir(next_contract()).expect("a contract").map(|entry| entry.expect("a file").path()) {
        let text = std::fs::read_to_string(&file).expect("a text");
        let text = text.replace("forewarm:plugin@0.2.0", &format!("forewarm:plugin@{version}"));
        std::fs::write(folder.path().join(file.file_name().expect("a name")), text).expect("written");
    }
    component_of(folder.path(), &next().replace("@0.2.0", &format!("@{version}")), "forecaster-plugin")
}

#[tokio::test]
async fn a_component_for_another_host_says_which() {
    let runtime = runtime(small());
    for (version, message) in [
        ("0.3.0", "needs forewarm >= 0.3.0 (contract forewarm:plugin@0.3.0); this host serves 0.1 and 0.2"),
        ("1.0.0", "needs forewarm >= 1.0.0 (contract forewarm:plugin@1.0.0); this host serves 0.1 and 0.2"),
        ("0.0.9", "was built for contract forewarm:plugin@0.0.9, which this host does not serve any more"),
    ] {
        let component = with_manifest(&unserved(version), &manifest("forecaster"));
        let error = runtime.load(component, grant(tight())).await.expect_err("not served").to_string();
        assert!(error.starts_with(message), "{error}");
    }
}
