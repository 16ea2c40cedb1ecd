//! Anomaly detectors.

use crate::bindings::anomaly_detector::AnomalyDetectorPluginPre;
use crate::bindings::anomaly_detector::exports::forewarm::plugin::anomaly_detector as wit;
use crate::convert::{self, within};
use crate::failure::Failure;
use crate::guest::Guest;
use crate::shared::Shared;
use forewarm_domain::plugin::{PluginError, PluginErrorKind, Verdict};
use forewarm_domain::series::Series;
use std::sync::Arc;

/// A loaded anomaly detector.
#[derive(Clone)]
pub struct AnomalyDetector {
    pub(crate) shared: Arc<Shared>,
    pub(crate) pre: AnomalyDetectorPluginPre<Guest>,
}

impl std::fmt::Debug for AnomalyDetector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.shared.fmt(f)
    }
}

impl AnomalyDetector {
    /// Makes a first instance, to see that it comes up.
    pub(crate) async fn probe(shared: Arc<Shared>, pre: AnomalyDetectorPluginPre<Guest>) -> Result<Self, PluginError> {
        shared.call(&pre, 0, |_| Ok(())).await?;
        Ok(Self { shared, pre })
    }

    /// Judges every value of a series by those before it: one verdict per value. `sensitivity` lies inside (0, 1).
    ///
    /// # Errors
    /// [`PluginErrorKind::InvalidInput`] when the input breaks the contract, [`PluginErrorKind::InvalidAnswer`] when
    /// the verdicts do, the plugin's own, or the sandbox's.
    pub async fn detect(&self, history: Series, sensitivity: f64) -> Result<Vec<Verdict>, PluginError> {
        self.check_sensitivity(sensitivity)?;
        let own = |failure: Failure| failure.into_error(&self.shared.manifest.name, "");
        let history = convert::series(history).map_err(own)?;
        self.shared
            .call(&self.pre, history.values.len(), move |held| {
                let interface = held.bindings.forewarm_plugin_anomaly_detector();
                let verdicts = interface.call_detect(&mut held.store, &history, sensitivity)??;
                verdicts_from(&verdicts, history.values.len())
            })
            .await
    }

    pub(crate) fn check_sensitivity(&self, sensitivity: f64) -> Result<(), PluginError> {
        if sensitivity > 0.0 && sensitivity < 1.0 {
            return Ok(());
        }
        let message = format!("the sensitivity lies inside (0, 1), not at {sensitivity}");
        Err(self.shared.error(PluginErrorKind::InvalidInput, message))
    }
}

pub(crate) fn verdicts_from(verdicts: &[wit::Verdict], expected: usize) -> Result<Vec<Verdict>, Failure> {
    if verdicts.len() != expected {
        return Err(Failure::Invalid(format!("{} verdicts for {expected} values", verdicts.len())));
    }
    verdicts.iter().map(verdict_from).collect()
}

fn verdict_from(of: &wit::Verdict) -> Result<Verdict, Failure> {
    let expected_low = within("the lowest usual value", of.expected_low, f64::MIN, f64::MAX)?;
    Ok(Verdict {
        score: within("a score", of.score, 0.0, 1.0)?,
        anomalous: of.anomalous,
        expected_low,
        expected_high: within("the highest usual value", of.expected_high, expected_low, f64::MAX)?,
    })
}
