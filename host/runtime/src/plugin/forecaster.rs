//! Forecasters: describing, fitting, restoring.

use super::model::Model;
use crate::bindings::forecaster::exports::forewarm::plugin::forecaster as wit;
use crate::bindings::forecaster::{ForecasterPlugin, ForecasterPluginPre};
use crate::compute::{ComputeThread, Held};
use crate::convert::{self, MAX_TEXT, within};
use crate::failure::{Failure, clean};
use crate::guest::Guest;
use crate::parameters::ParameterError;
use crate::shared::Shared;
use forewarm_domain::plugin::{ForecasterDescription, PluginError, PluginErrorKind, Season};
use forewarm_domain::series::Series;
use serde_json::Value;
use std::sync::Arc;
use wasmtime::component::ResourceAny;

/// The largest saved model, in bytes.
pub(crate) const MAX_SAVED_BYTES: usize = 1 << 20;

/// A loaded forecaster.
#[derive(Clone)]
pub struct Forecaster {
    pub(crate) shared: Arc<Shared>,
    pub(crate) pre: ForecasterPluginPre<Guest>,
    description: Arc<ForecasterDescription>,
}

impl std::fmt::Debug for Forecaster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.shared.fmt(f)
    }
}

impl Forecaster {
    /// Makes a first instance and asks it to describe itself.
    pub(crate) async fn probe(shared: Arc<Shared>, pre: ForecasterPluginPre<Guest>) -> Result<Self, PluginError> {
        let describe = |held: &mut Held<ForecasterPlugin>| {
            let interface = held.bindings.forewarm_plugin_forecaster();
            description_from(interface.call_describe(&mut held.store)?)
        };
        let description = Arc::new(shared.call(&pre, 0, describe).await?);
        Ok(Self { shared, pre, description })
    }

    /// What it can do.
    #[must_use]
    pub fn description(&self) -> &ForecasterDescription {
        &self.description
    }

    /// Checks parameters for [`Self::fit`] against the manifest's schema.
    ///
    /// # Errors
    /// [`ParameterError`] with each place that does not fit.
    pub fn check_parameters(&self, parameters: &Value) -> Result<(), ParameterError> {
        self.shared.schema.check(parameters)
    }

    /// Fits a model to a history, its newest value last. The model keeps an instance of its own until it is dropped.
    /// `parameters` are the guest's for this model; null or an empty object stands for the granted ones.
    ///
    /// # Errors
    /// The plugin's own, [`PluginErrorKind::InvalidInput`] when parameters or history break the contract, or the
    /// sandbox's.
    pub async fn fit(&self, history: Series, parameters: Value) -> Result<Model, PluginError> {
        let forecaster = self.clone();
        self.shared.on_thread(move |thread| forecaster.fit_on(thread, history, &parameters)).await
    }

    /// [`Self::fit`] where the caller is on a compute thread.
    ///
    /// # Errors
    /// As [`Self::fit`].
    pub fn fit_on(&self, thread: &ComputeThread, history: Series, parameters: &Value) -> Result<Model, PluginError> {
        let history = self.recent(history)?;
        self.open(thread, parameters, history.values.len(), |held| {
            let model = held.bindings.forewarm_plugin_forecaster().model();
            Ok(model.call_fit(&mut held.store, &history)??)
        })
    }

    /// Builds a model again from what [`Model::save`] gave, by this plugin in this version.
    ///
    /// # Errors
    /// As [`Self::fit`]; [`PluginErrorKind::InvalidState`] when the saved state does not fit.
    pub async fn restore(&self, saved: Vec<u8>, parameters: Value) -> Result<Model, PluginError> {
        let forecaster = self.clone();
        self.shared.on_thread(move |thread| forecaster.restore_on(thread, &saved, &parameters)).await
    }

    /// [`Self::restore`] where the caller is on a compute thread.
    ///
    /// # Errors
    /// As [`Self::restore`].
    pub fn restore_on(&self, thread: &ComputeThread, saved: &[u8], parameters: &Value) -> Result<Model, PluginError> {
        if saved.len() > MAX_SAVED_BYTES {
            let message = format!("{} bytes were saved, at most {MAX_SAVED_BYTES} are", saved.len());
            return Err(self.shared.error(PluginErrorKind::InvalidState, message));
        }
        self.open(thread, parameters, 0, |held| {
            let model = held.bindings.forewarm_plugin_forecaster().model();
            Ok(model.call_restore(&mut held.store, saved)??)
        })
    }

    /// Finds the repeating patterns of a series, strongest first.
    ///
    /// # Errors
    /// As [`Self::fit`].
    pub async fn seasonality(&self, history: Series) -> Result<Vec<Season>, PluginError> {
        let history = self.recent(history)?;
        self.shared
            .call(&self.pre, history.values.len(), move |held| {
                let interface = held.bindings.forewarm_plugin_forecaster();
                let seasons = interface.call_seasonality(&mut held.store, &history)??;
                seasons.iter().map(season_from).collect()
            })
            .await
    }

    pub(crate) fn open(
        &self,
        thread: &ComputeThread,
        parameters: &Value,
        values: usize,
        make: impl FnOnce(&mut Held<ForecasterPlugin>) -> Result<ResourceAny, Failure>,
    ) -> Result<Model, PluginError> {
        let config = self.config(parameters)?;
        let (held, model) = self.shared.open(thread, &self.pre, config, values, make)?;
        Ok(Model::new(Arc::clone(&self.shared), Arc::clone(&self.description), held, model))
    }

    /// The part of a history that makes a difference, as the contract wants it.
    fn recent(&self, mut history: Series) -> Result<crate::bindings::types::Series, PluginError> {
        let surplus = history.values.len().saturating_sub(self.description.max_history as usize);
        history.values.drain(..surplus);
        history.start = history.start + history.step_ms.saturating_mul(surplus as i64);
        convert::series(history).map_err(|failure| failure.into_error(&self.shared.manifest.name, ""))
    }

    fn config(&self, parameters: &Value) -> Result<Arc<str>, PluginError> {
        let own = parameters.as_object().map_or(!parameters.is_null(), |object| !object.is_empty());
        if !own {
            return Ok(Arc::clone(&self.shared.parameters));
        }
        let invalid = |error: ParameterError| self.shared.error(PluginErrorKind::InvalidInput, error.to_string());
        self.check_parameters(parameters).map_err(invalid)?;
        Ok(parameters.to_string().into())
    }
}

pub(crate) fn description_from(of: wit::Description) -> Result<ForecasterDescription, Failure> {
    let wit::Description { summary, min_history, max_history, max_horizon } = of;
    if min_history == 0 || max_history < min_history || max_horizon == 0 {
        return Err(Failure::Invalid(format!(
            "it describes itself as taking {min_history} to {max_history} values and predicting {max_horizon} steps"
        )));
    }
    Ok(ForecasterDescription { summary: clean(&summary, MAX_TEXT), min_history, max_history, max_horizon })
}

fn season_from(of: &wit::Season) -> Result<Season, Failure> {
    if of.period < 2 {
        return Err(Failure::Invalid(format!("a season's period is {} steps, not 2 or more", of.period)));
    }
    Ok(Season { period: of.period, strength: within("a season's strength", of.strength, 0.0, 1.0)? })
}
