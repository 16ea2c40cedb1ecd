//! Calls to forecasters. Fitted models live on whichever host fitted them; a caller is told when it has to fit again.

use super::Call;
use async_trait::async_trait;
use forewarm_domain::forecast::Fan;
use forewarm_domain::id::PluginName;
use forewarm_domain::plugin::{ForecasterDescription, PluginError, PluginKind, Season};
use forewarm_domain::series::Series;
use forewarm_domain::time::TimestampMs;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Asks for a forecast from a model that was fitted before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForecastCall {
    /// Which forecaster.
    pub plugin: PluginName,
    /// Names the model among the plugin's, such as the persona's name.
    pub key: String,
    /// Which fit of the model: another number than the held one's asks for a new fit.
    pub revision: u64,
    /// When the first of `observed` begins.
    pub observed_from: TimestampMs,
    /// The values since the model last saw some, oldest first; `NaN` where missing. It may overlap with what the model
    /// has seen, but must leave no gap.
    pub observed: Vec<f64>,
    /// Steps ahead.
    pub horizon: u32,
    /// Quantile levels, rising inside (0, 1).
    pub levels: Vec<f64>,
}

/// What comes of a [`ForecastCall`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ForecastAnswer {
    /// The forecast.
    Fan(Fan),
    /// The host that answered holds no such model, or values are missing before the observed ones: send a [`FitCall`].
    NeedsFit,
}

/// Fits a model, keeps it under its key and revision, and forecasts with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FitCall {
    /// Which forecaster.
    pub plugin: PluginName,
    /// Names the model among the plugin's.
    pub key: String,
    /// Which fit of the model it will be.
    pub revision: u64,
    /// The whole history, its newest value last.
    pub history: Series,
    /// The plugin's parameters, a JSON object.
    pub parameters: Value,
    /// Steps ahead.
    pub horizon: u32,
    /// Quantile levels, rising inside (0, 1).
    pub levels: Vec<f64>,
}

/// Asks what a forecaster would have said at several places of a history. No model is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BacktestCall {
    /// Which forecaster.
    pub plugin: PluginName,
    /// The whole history, its newest value last.
    pub history: Series,
    /// The places: how many of the oldest values are known at each, 1 to all of them.
    pub origins: Vec<usize>,
    /// The plugin's parameters, a JSON object.
    pub parameters: Value,
    /// Steps ahead.
    pub horizon: u32,
    /// Quantile levels, rising inside (0, 1).
    pub levels: Vec<f64>,
}

/// What comes of a [`BacktestCall`]: one answer per origin, in their order.
pub type Backtested = Vec<Result<Fan, PluginError>>;

/// Asks for the repeating patterns of a series, strongest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeasonalityCall {
    /// Which forecaster.
    pub plugin: PluginName,
    /// The series.
    pub history: Series,
}

/// Asks what a forecaster can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DescribeForecaster {
    /// Which forecaster.
    pub plugin: PluginName,
}

/// Any call to a forecaster, as it arrives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForecasterCall {
    /// See [`ForecastCall`].
    Forecast(ForecastCall),
    /// See [`FitCall`].
    Fit(FitCall),
    /// See [`BacktestCall`].
    Backtest(BacktestCall),
    /// See [`SeasonalityCall`].
    Seasonality(SeasonalityCall),
    /// See [`DescribeForecaster`].
    Describe(DescribeForecaster),
}

impl Call for ForecastCall {
    type Answer = ForecastAnswer;
    const KIND: PluginKind = PluginKind::Forecaster;
    const OPERATION: &'static str = "forecast";
    fn plugin(&self) -> &PluginName {
        &self.plugin
    }
}

impl Call for FitCall {
    type Answer = Fan;
    const KIND: PluginKind = PluginKind::Forecaster;
    const OPERATION: &'static str = "fit";
    fn plugin(&self) -> &PluginName {
        &self.plugin
    }
}

impl Call for BacktestCall {
    type Answer = Backtested;
    const KIND: PluginKind = PluginKind::Forecaster;
    const OPERATION: &'static str = "backtest";
    fn plugin(&self) -> &PluginName {
        &self.plugin
    }
}

impl Call for SeasonalityCall {
    type Answer = Vec<Season>;
    const KIND: PluginKind = PluginKind::Forecaster;
    const OPERATION: &'static str = "seasonality";
    fn plugin(&self) -> &PluginName {
        &self.plugin
    }
}

impl Call for DescribeForecaster {
    type Answer = ForecasterDescription;
    const KIND: PluginKind = PluginKind::Forecaster;
    const OPERATION: &'static str = "describe";
    fn plugin(&self) -> &PluginName {
        &self.plugin
    }
}

/// Answers calls to one forecaster.
#[async_trait]
pub trait ServeForecaster: Send + Sync + 'static {
    /// Forecasts with a held model, or says that it has to be fitted.
    async fn forecast(&self, call: ForecastCall) -> Result<ForecastAnswer, PluginError>;
    /// Fits a model and forecasts with it.
    async fn fit(&self, call: FitCall) -> Result<Fan, PluginError>;
    /// Fits a model at each place and forecasts from there; an error of its own only where no place could be tried.
    async fn backtest(&self, call: BacktestCall) -> Result<Backtested, PluginError>;
    /// Finds repeating patterns.
    async fn seasonality(&self, call: SeasonalityCall) -> Result<Vec<Season>, PluginError>;
    /// Tells what the forecaster can do.
    async fn describe(&self, call: DescribeForecaster) -> Result<ForecasterDescription, PluginError>;
}
