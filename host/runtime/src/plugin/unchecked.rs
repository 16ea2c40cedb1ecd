//! Calls with what the host otherwise keeps from guests, and answers that it otherwise mends or refuses: for conformance
//! suites, which judge the guest and not the host. Limits and deadlines hold as ever.

use super::anomaly_detector::AnomalyDetector;
use super::forecaster::{Forecaster, description_from};
use super::model::Model;
use super::profiler::Profiler;
use crate::compute::ComputeThread;
use crate::convert;
use crate::failure::Failure;
use forewarm_domain::plugin::{
    Change, ForecasterDescription, PersonaDraft, PersonaView, PluginError, UsageOutcome, Verdict, Workload,
};
use forewarm_domain::series::Series;
use serde_json::Value;

/// The predicted values of one level, as a guest answered them.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantilePath {
    /// The level that it names.
    pub level: f64,
    /// One value per step ahead, if it keeps to the contract.
    pub values: Vec<f64>,
}

impl Forecaster {
    /// Asks a fresh instance what it can do; [`Self::description`] is what the first one said.
    ///
    /// # Errors
    /// As [`Self::fit`].
    pub async fn describe_anew(&self) -> Result<ForecasterDescription, PluginError> {
        self.shared
            .call(&self.pre, 0, |held| {
                let interface = held.bindings.forewarm_plugin_forecaster();
                description_from(interface.call_describe(&mut held.store)?)
            })
            .await
    }

    /// [`Self::fit`] with the whole history, that beyond `max_history` included.
    ///
    /// # Errors
    /// As [`Self::fit`].
    pub async fn fit_whole(&self, history: Series) -> Result<Model, PluginError> {
        let own = |failure: Failure| failure.into_error(&self.shared.manifest.name, "");
        let history = convert::series(history).map_err(own)?;
        let forecaster = self.clone();
        let fit = move |thread: &ComputeThread| {
            forecaster.open(thread, &Value::Null, history.values.len(), |held| {
                let model = held.bindings.forewarm_plugin_forecaster().model();
                Ok(model.call_fit(&mut held.store, &history)??)
            })
        };
        self.shared.on_thread(fit).await
    }
}

impl Model {
    /// The forecast as the guest gives it, whatever the horizon and the levels.
    ///
    /// # Errors
    /// The plugin's own, or the sandbox's.
    pub async fn forecast_unchecked(
        &mut self,
        horizon: u32,
        levels: Vec<f64>,
    ) -> Result<Vec<QuantilePath>, PluginError> {
        // A horizon that is far too long must not grant a far too large answer.
        let values = (horizon as usize).min(forewarm_domain::forecast::MAX_HORIZON) * levels.len();
        self.away(move |model, thread| {
            model.run(thread, values, |guest, store, model| {
                let paths = guest.call_forecast(store, model, horizon, &levels)??;
                Ok(paths.into_iter().map(|path| QuantilePath { level: path.level, values: path.values }).collect())
            })
        })
        .await
    }
}

impl AnomalyDetector {
    /// The verdicts as the guest gives them, whatever the sensitivity.
    ///
    /// # Errors
    /// The plugin's own, or the sandbox's.
    pub async fn detect_unchecked(&self, history: Series, sensitivity: f64) -> Result<Vec<Verdict>, PluginError> {
        let own = |failure: Failure| failure.into_error(&self.shared.manifest.name, "");
        let history = convert::series(history).map_err(own)?;
        self.shared
            .call(&self.pre, history.values.len(), move |held| {
                let interface = held.bindings.forewarm_plugin_anomaly_detector();
                let verdicts = interface.call_detect(&mut held.store, &history, sensitivity)??;
                let verdict =
                    |of: crate::bindings::anomaly_detector::exports::forewarm::plugin::anomaly_detector::Verdict| {
                        Verdict {
                            score: of.score,
                            anomalous: of.anomalous,
                            expected_low: of.expected_low,
                            expected_high: of.expected_high,
                        }
                    };
                Ok(verdicts.into_iter().map(verdict).collect())
            })
            .await
    }
}

impl Profiler {
    /// The drafts as the guest gives them.
    ///
    /// # Errors
    /// [`InvalidAnswer`](forewarm_domain::plugin::PluginErrorKind::InvalidAnswer) when a draft names no resource, the
    /// plugin's own, or the sandbox's.
    pub async fn profile_unchecked(&self, workloads: Vec<Workload>) -> Result<Vec<PersonaDraft>, PluginError> {
        let values =
            workloads.iter().flat_map(|workload| &workload.usages).map(|usage| usage.history.values.len()).sum();
        let workloads: Vec<_> = self.input(workloads, convert::workload)?;
        self.shared
            .call(&self.pre, values, move |held| {
                let interface = held.bindings.forewarm_plugin_profiler();
                let drafts = interface.call_profile(&mut held.store, &workloads)??;
                drafts.into_iter().map(convert::draft_as_it_is).collect()
            })
            .await
    }

    /// The changes as the guest gives them.
    ///
    /// # Errors
    /// The plugin's own, or the sandbox's.
    pub async fn refine_unchecked(
        &self,
        persona: PersonaView,
        outcomes: Vec<UsageOutcome>,
    ) -> Result<Vec<Change>, PluginError> {
        let persona = convert::persona(persona);
        let values = outcomes.iter().map(|outcome| outcome.history.values.len()).sum();
        let outcomes: Vec<_> = self.input(outcomes, convert::outcome)?;
        self.shared
            .call(&self.pre, values, move |held| {
                let interface = held.bindings.forewarm_plugin_profiler();
                let changes = interface.call_refine(&mut held.store, &persona, &outcomes)??;
                Ok(changes.iter().map(convert::change_as_it_is).collect())
            })
            .await
    }
}
