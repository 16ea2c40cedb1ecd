//! Run one forewarm plugin in the real sandbox, from its author's tests: the same engines, limits and checks as in
//! production, with a clock that the test sets and a state store in memory.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use forewarm_testkit::{Plugin, Testkit, series};
//!
//! let kit = Testkit::load("target/wasm32-wasip2/plugin/my_forecaster.wasm")?
//!     .with_parameters(serde_json::json!({ "period": 24 }));
//! let Plugin::Forecaster(forecaster) = kit.plugin().await? else { panic!("it is a forecaster") };
//!
//! let history = series(3_600_000, (0..480).map(|hour| f64::from(hour % 24)));
//! let start = history.end();
//! let mut model = forecaster.fit(history, serde_json::Value::Null).await?;
//! let fan = model.step(vec![], start, 3_600_000, 24, vec![0.1, 0.5, 0.9]).await?;
//! assert_eq!(fan.horizon(), 24);
//! # Ok(())
//! # }
//! ```

pub mod conformance;

use forewarm_domain::plugin::PluginKind;
use forewarm_domain::series::Series;
use forewarm_domain::time::{ManualClock, TimestampMs};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use forewarm_runtime::{Asset, Capability, Grant, Limits, LoadError, MemoryState, Plugin, RuntimeConfig};

/// Why a plugin could not be tested.
#[derive(Debug, thiserror::Error)]
pub enum TestkitError {
    /// The component's file can't be read.
    #[error("{} can't be read, build the plugin first: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The sandbox could not be set up.
    #[error(transparent)]
    Runtime(#[from] forewarm_runtime::RuntimeError),
    /// The component could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The component is not of the kind that was asked for.
    #[error("this is a {found}, not a {wanted}")]
    Kind {
        /// What was asked for.
        wanted: PluginKind,
        /// What it is.
        found: PluginKind,
    },
}

/// One component, and what it is granted: every capability, no parameters, the default limits.
#[derive(Debug)]
pub struct Testkit {
    component: Vec<u8>,
    grant: Grant,
    clock: Arc<ManualClock>,
    state: Arc<MemoryState>,
    /// Spares compiling the component for each plugin of this kit; without it they are only slower.
    compiled: Option<tempfile::TempDir>,
}

impl Testkit {
    /// Takes a component from a file.
    ///
    /// # Errors
    /// [`TestkitError::File`] when it can't be read.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, TestkitError> {
        let path = path.as_ref();
        let failed = |reason| TestkitError::File { path: path.to_owned(), reason };
        Ok(Self::from_bytes(std::fs::read(path).map_err(failed)?))
    }

    /// Takes a component from memory.
    #[must_use]
    pub fn from_bytes(component: Vec<u8>) -> Self {
        let grant = Grant { capabilities: Capability::ALL.into(), ..Grant::default() };
        let compiled = tempfile::tempdir().ok();
        Self { component, grant, clock: Arc::default(), state: Arc::default(), compiled }
    }

    /// Sets the plugin's parameters.
    #[must_use]
    pub fn with_parameters(mut self, parameters: serde_json::Value) -> Self {
        self.grant.parameters = parameters;
        self
    }

    /// Grants files, by the names that the plugin's manifest has for them.
    #[must_use]
    pub fn with_assets(mut self, assets: BTreeMap<String, Asset>) -> Self {
        self.grant.assets = assets;
        self
    }

    /// Sets what the plugin may use at most.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.grant.limits = Some(limits);
        self
    }

    /// Takes the capabilities away, to see what the plugin says without them.
    #[must_use]
    pub fn without_capabilities(mut self) -> Self {
        self.grant.capabilities.clear();
        self
    }

    /// The clock that the plugin sees; it stands at 1970 until it is advanced.
    #[must_use]
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// Loads the plugin into a sandbox of its own. A second plugin of the same kit has the same clock and the same
    /// state: what it would see after a restart.
    ///
    /// # Errors
    /// [`TestkitError`] says what does not fit.
    pub async fn plugin(&self) -> Result<Plugin, TestkitError> {
        let cache_dir = self.compiled.as_ref().map(|folder| folder.path().join("components"));
        let config = RuntimeConfig { max_instances: 50, cache_dir, ..RuntimeConfig::default() };
        let clock = Arc::clone(&self.clock);
        let state = Arc::clone(&self.state);
        let runtime = forewarm_runtime::Runtime::new(config, clock, state)?;
        Ok(runtime.load(self.component.clone(), self.grant.clone()).await?)
    }
}

/// A series that begins at 1970 with steps of `step_ms` milliseconds.
#[must_use]
pub fn series(step_ms: i64, values: impl IntoIterator<Item = f64>) -> Series {
    Series { start: TimestampMs(0), step_ms, values: values.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_missing_or_wrong_is_named() {
        let error = Testkit::load("no/such.wasm").expect_err("missing");
        assert!(error.to_string().starts_with("no/such.wasm can't be read, build the plugin first"), "{error}");
        let error = Testkit::from_bytes(b"text".to_vec()).plugin().await.expect_err("no component");
        assert!(matches!(error, TestkitError::Load(LoadError::NotWasm)), "{error}");
    }
}
