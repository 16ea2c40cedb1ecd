//! One conformance suite per kind of plugin: named properties, each a sentence of the contract or what follows from it,
//! run with seeded inputs against a component in the real sandbox.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let component = std::fs::read("target/wasm32-wasip2/plugin/my_forecaster.wasm")?;
//! forewarm_testkit::conformance::forecaster(component).await?.require()?;
//! # Ok(())
//! # }
//! ```

mod anomaly_detector;
mod cases;
mod driver;
mod forecaster;
mod profiler;
mod suite;

use crate::{Asset, Plugin, Testkit, TestkitError};
use forewarm_domain::plugin::PluginKind;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// One property of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Property {
    /// Its name, the same in every version of the suite.
    pub name: &'static str,
    /// What has to hold, in a sentence.
    pub says: &'static str,
    /// Where the contract says so.
    pub source: &'static str,
    /// Whether a plugin that breaks it is still sound: it does not count as failed.
    pub advisory: bool,
}

/// How a property did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// It held in all cases.
    Passed {
        /// How many there were.
        cases: usize,
    },
    /// It did not hold.
    Failed {
        /// The simplest input that was found to break it.
        counterexample: String,
        /// What the plugin did.
        observed: String,
    },
    /// No case could be judged.
    Unjudged {
        /// Why not.
        reason: String,
    },
}

/// A property and how it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The property.
    #[serde(flatten)]
    pub property: Property,
    /// How it did.
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl Finding {
    /// Whether the plugin breaks the contract here.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        !self.property.advisory && !matches!(self.outcome, Outcome::Passed { .. })
    }
}

/// What a suite found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The plugin's name and version.
    pub plugin: String,
    /// Its kind, and thereby the suite.
    pub kind: PluginKind,
    /// The seed of all inputs: the same one gives the same report.
    pub seed: u64,
    /// Every property of the kind.
    pub findings: Vec<Finding>,
}

/// What a suite is run with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The plugin's parameters.
    pub parameters: serde_json::Value,
    /// The files that it may read.
    pub assets: BTreeMap<String, Asset>,
    /// Decides every random input.
    pub seed: u64,
    /// Random inputs per property.
    pub cases: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { parameters: serde_json::json!({}), assets: BTreeMap::new(), seed: 0, cases: 8 }
    }
}

/// The properties that a plugin broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{plugin} breaks {} of the contract's properties: {}", .broken.len(), list(.broken))]
pub struct Broken {
    /// The plugin's name and version.
    pub plugin: String,
    /// What it broke, or what could not be judged.
    pub broken: Vec<Finding>,
}

fn list(broken: &[Finding]) -> String {
    broken.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.property.name;
        match &self.outcome {
            Outcome::Passed { cases } => write!(f, "{name} held in {cases} cases"),
            Outcome::Failed { counterexample, observed } => write!(f, "{name}: {observed} ({counterexample})"),
            Outcome::Unjudged { reason } => write!(f, "{name} could not be judged: {reason}"),
        }
    }
}

impl Report {
    /// The names of the properties that the plugin broke, or that could not be judged; advisory ones left out.
    #[must_use]
    pub fn failed(&self) -> Vec<&'static str> {
        self.findings.iter().filter(|finding| finding.is_failed()).map(|finding| finding.property.name).collect()
    }

    /// The report, if nothing failed.
    ///
    /// # Errors
    /// [`Broken`] with each property that failed.
    pub fn require(self) -> Result<Self, Broken> {
        let broken: Vec<_> = self.findings.iter().filter(|finding| finding.is_failed()).cloned().collect();
        if broken.is_empty() { Ok(self) } else { Err(Broken { plugin: self.plugin, broken }) }
    }
}

/// Runs the suite of the component's own kind.
///
/// A driver's suite creates instances and destroys them again: run it where that costs nothing.
///
/// # Errors
/// [`TestkitError`] when the component can't be loaded.
pub async fn check(component: Vec<u8>, options: &Options) -> Result<Report, TestkitError> {
    let kit =
        Testkit::from_bytes(component).with_parameters(options.parameters.clone()).with_assets(options.assets.clone());
    let plugin = kit.plugin().await?;
    let manifest = plugin.manifest();
    let name = format!("{} {}", manifest.name, manifest.version);
    let kind = manifest.kind;
    let findings = match &plugin {
        Plugin::Forecaster(forecaster) => forecaster::run(&kit, &plugin, forecaster, options).await?,
        Plugin::AnomalyDetector(detector) => anomaly_detector::run(&kit, &plugin, detector, options).await?,
        Plugin::Profiler(profiler) => profiler::run(&kit, &plugin, profiler, options).await?,
        Plugin::Driver(driver) => driver::run(&kit, driver, options).await?,
    };
    Ok(Report { plugin: name, kind, seed: options.seed, findings })
}

macro_rules! suite {
    ($(#[$doc:meta])* $name:ident, $kind:ident) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// [`TestkitError`] when the component can't be loaded, or is of another kind.
        pub async fn $name(component: Vec<u8>) -> Result<Report, TestkitError> {
            let report = check(component, &Options::default()).await?;
            match report.kind {
                PluginKind::$kind => Ok(report),
                found => Err(TestkitError::Kind { wanted: PluginKind::$kind, found }),
            }
        }
    };
}
suite!(
    /// Runs the suite of forecasters.
    forecaster,
    Forecaster
);
suite!(
    /// Runs the suite of anomaly detectors.
    anomaly_detector,
    AnomalyDetector
);
suite!(
    /// Runs the suite of profilers.
    profiler,
    Profiler
);
suite!(
    /// Runs the suite of drivers, which creates instances and destroys them again.
    driver,
    Driver
);
