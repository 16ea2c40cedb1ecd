//! The capability `assets`, through the first-party plugin that reads one.

use crate::support::{runtime, small};
use forewarm_domain::plugin::PluginErrorKind as Kind;
use forewarm_domain::series::Series;
use forewarm_domain::time::{HOUR_MS, TimestampMs};
use forewarm_runtime::{Asset, Capability, Forecaster, Grant, LoadError, Plugin};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn component() -> Vec<u8> {
    let folder = std::env::var_os("FOREWARM_PLUGINS").map(PathBuf::from);
    let folder = folder.expect("FOREWARM_PLUGINS names no folder: run through `cargo xtask test`");
    std::fs::read(folder.join("forecaster-lstm.wasm")).expect("a built plugin")
}

/// The weights that the plugin carries itself.
fn weights() -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read(root.join("plugins/forecaster-lstm/weights/generated.safetensors")).expect("in the tree")
}

fn grant(name: &str, content: Option<Vec<u8>>) -> Grant {
    let asset = |content: Vec<u8>| (name.to_owned(), Asset::new(content).expect("below the limit"));
    Grant { assets: content.map(asset).into_iter().collect(), capabilities: Capability::ALL.into(), ..Grant::default() }
}

async fn load(grant: Grant) -> Result<Plugin, LoadError> {
    runtime(small()).load(component(), grant).await
}

async fn forecaster(content: Option<Vec<u8>>) -> Forecaster {
    let Ok(Plugin::Forecaster(forecaster)) = load(grant("weights", content)).await else { panic!("it loads") };
    forecaster
}

fn history() -> Series {
    let value = |hour: i64| f64::from(i32::try_from(100 + 40 * (hour % 24) + hour % 7).expect("small"));
    Series { start: TimestampMs(0), step_ms: HOUR_MS, values: (0..500).map(value).collect() }
}

async fn forecast(forecaster: &Forecaster) -> forewarm_domain::forecast::Fan {
    let mut model = forecaster.fit(history(), Value::Null).await.expect("fits");
    model.step(vec![], history().end(), HOUR_MS, 24, vec![0.1, 0.5, 0.9]).await.expect("a forecast")
}

#[tokio::test]
async fn a_granted_file_is_read_and_without_one_the_plugin_has_its_own() {
    let own = forecast(&forecaster(None).await).await;
    let granted = load(grant("weights", Some(weights()))).await.expect("loads");
    let asset = &granted.assets()["weights"];
    assert_eq!((asset.size(), asset.digest().len()), (weights().len(), 64));
    assert_eq!(forecast(&forecaster(Some(weights())).await).await, own, "the same weights");
    let mut changed = weights();
    let end = changed.len();
    for value in changed[end - 200_000..].as_chunks_mut::<4>().0 {
        *value = (f32::from_le_bytes(*value) * 0.5).to_le_bytes();
    }
    assert_ne!(forecast(&forecaster(Some(changed)).await).await, own, "other weights");
}

#[tokio::test]
async fn garbled_weights_are_an_error_of_every_call_and_no_trap() {
    let cut = weights()[..200_000].to_vec();
    // Of several pages, too.
    for garbled in [Vec::new(), b"weights".to_vec(), vec![7; 2_500_000], cut] {
        let forecaster = forecaster(Some(garbled)).await;
        for _ in 0..2 {
            let error = forecaster.fit(history(), Value::Null).await.expect_err("no weights");
            assert_eq!(error.kind, Kind::InvalidInput, "{error}");
            assert!(error.message.contains("not a file of `forewarm train`"), "{error}");
        }
    }
}

#[tokio::test]
async fn what_does_not_fit_the_manifest_is_not_loaded() {
    let unknown = load(grant("wieghts", Some(weights()))).await;
    assert!(matches!(&unknown, Err(LoadError::UnknownAsset { name, .. }) if name == "wieghts"), "{unknown:?}");
    let withheld = load(Grant::default()).await;
    assert!(matches!(withheld, Err(LoadError::NotGranted { capability: Capability::Assets, .. })), "{withheld:?}");
}
