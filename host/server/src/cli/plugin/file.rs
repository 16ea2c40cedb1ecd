//! What the verbs that work on one component's file share: reading it, its parameters, a sandbox for it.

use crate::cli::error::CliError;
use crate::clock::SystemClock;
use clap::Args;
use forewarm_domain::time::Clock;
use forewarm_runtime::{Asset, Capability, Grant, Plugin, Runtime, RuntimeConfig, StateStore};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The longest input of any sort.
const INPUT_BYTES_MAX: u64 = 256 << 20;
/// Instances that live at a time.
const INSTANCES: u32 = 64;

/// A component, and its parameters.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct PluginFile {
    /// The component
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
    /// The plugin's parameters: one JSON object, or @FILE that holds one
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub(in crate::cli) parameters: String,
    /// A file that the plugin may read, such as `weights=weights.safetensors`; may be given several times
    #[arg(long = "asset", value_name = "NAME=FILE")]
    pub(in crate::cli) assets: Vec<String>,
}

impl PluginFile {
    pub(super) fn bytes(&self) -> Result<Vec<u8>, CliError> {
        read(&self.file)
    }

    pub(super) fn parameters(&self) -> Result<Value, CliError> {
        let Some(file) = self.parameters.strip_prefix('@') else {
            let wrong = |error| CliError::Usage(format!("--parameters is not JSON: {error}; give {{\"name\": value}}"));
            return serde_json::from_str(&self.parameters).map_err(wrong);
        };
        json(Path::new(file), "one JSON object, such as {\"name\": value}")
    }

    /// What an operator would grant who trusts the plugin: every capability, the default limits.
    pub(super) fn grant(&self) -> Result<Grant, CliError> {
        let (parameters, assets) = (self.parameters()?, self.assets()?);
        Ok(Grant { parameters, assets, capabilities: Capability::ALL.into(), ..Grant::default() })
    }

    pub(super) fn assets(&self) -> Result<BTreeMap<String, Asset>, CliError> {
        let one = |text: &String| {
            let usage = || CliError::Usage(format!("--asset {text}: give NAME=FILE, such as weights=w.safetensors"));
            let (name, file) = text.split_once('=').ok_or_else(usage)?;
            let asset = Asset::read(Path::new(file));
            Ok((name.to_owned(), asset.map_err(|error| CliError::Usage(format!("--asset {name}: {error}")))?))
        };
        self.assets.iter().map(one).collect()
    }

    /// Loads it into a sandbox of its own, with nothing of a host around it.
    pub(in crate::cli) async fn load(&self, state: Arc<dyn StateStore>) -> Result<Plugin, CliError> {
        let runtime = sandbox(RuntimeConfig::default(), state)?;
        let loaded = runtime.load(self.bytes()?, self.grant()?).await;
        let check = |error| format!("{}: {error}; `forewarm plugin check` tells all at once", self.file.display());
        loaded.map_err(|error| CliError::Failed(check(error)))
    }
}

/// A runtime of a size for one plugin.
pub(super) fn sandbox(config: RuntimeConfig, state: Arc<dyn StateStore>) -> Result<Runtime, CliError> {
    let config = RuntimeConfig { max_instances: INSTANCES, ..config };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Runtime::new(config, clock, state).map_err(|error| CliError::Failed(error.to_string()))
}

/// A file of a size that can be meant.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let failed = |error: std::io::Error| CliError::file(path, "can't be read", error);
    let bytes = std::fs::metadata(path).map_err(failed)?.len();
    if bytes > INPUT_BYTES_MAX {
        let most = INPUT_BYTES_MAX >> 20;
        return Err(CliError::file(path, "is too large", format!("{} MiB, at most {most} are read", bytes >> 20)));
    }
    std::fs::read(path).map_err(failed)
}

/// A JSON file; `expected` says what would be right.
pub(super) fn json<T: DeserializeOwned>(path: &Path, expected: &str) -> Result<T, CliError> {
    let wrong = |error: serde_json::Error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        CliError::file(path, "does not fit", format!("{place}: {error}; expected {expected}"))
    };
    serde_json::from_slice(&read(path)?).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parameters: &str) -> PluginFile {
        PluginFile { file: "none.wasm".into(), parameters: parameters.into(), assets: Vec::new() }
    }

    #[test]
    fn parameters_come_from_the_line_or_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("p.json");
        std::fs::write(&file, "{\n\"a\": oops}").expect("written");
        assert_eq!(of(r#"{"a": 1}"#).parameters().expect("valid"), serde_json::json!({ "a": 1 }));
        let error = of(&format!("@{}", file.display())).parameters().expect_err("no JSON").to_string();
        assert!(error.contains("p.json") && error.contains("line 2, column 6"), "{error}");
        let error = of("a=1").parameters().expect_err("no JSON").to_string();
        assert!(error.contains("--parameters is not JSON"), "{error}");
        let with = |asset: &str| PluginFile { assets: vec![asset.to_owned()], ..of("{}") };
        for (asset, part) in [("weights", "NAME=FILE"), ("weights=/no/such", "/no/such can't be read")] {
            let error = with(asset).grant().expect_err("no asset").to_string();
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(with(&format!("w={}", file.display())).grant().expect("a file").assets["w"].size(), 12);
        assert!(of("{}").bytes().expect_err("missing").to_string().contains("none.wasm can't be read"));
    }
}
