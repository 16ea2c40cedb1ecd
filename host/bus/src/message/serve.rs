//! The answering side of calls to plugins.

use super::call::{decode, encode};
use super::{DetectorCall, DriverCall, ForecasterCall, ProfilerCall};
use super::{ServeDetector, ServeDriver, ServeForecaster, ServeProfiler, subject_of};
use crate::bus::{Bus, Handler};
use crate::error::BusError;
use crate::service::Service;
use async_trait::async_trait;
use bytes::Bytes;
use forewarm_domain::id::PluginName;
use forewarm_domain::plugin::{PluginError, PluginErrorKind, PluginKind};
use serde::Serialize;
use std::sync::Arc;

/// Who answers the calls to one plugin.
#[derive(Clone)]
pub enum Calls {
    /// A forecaster.
    Forecaster(Arc<dyn ServeForecaster>),
    /// An anomaly detector.
    AnomalyDetector(Arc<dyn ServeDetector>),
    /// A profiler.
    Profiler(Arc<dyn ServeProfiler>),
    /// A driver.
    Driver(Arc<dyn ServeDriver>),
}

impl Calls {
    fn kind(&self) -> PluginKind {
        match self {
            Self::Forecaster(_) => PluginKind::Forecaster,
            Self::AnomalyDetector(_) => PluginKind::AnomalyDetector,
            Self::Profiler(_) => PluginKind::Profiler,
            Self::Driver(_) => PluginKind::Driver,
        }
    }
}

/// Answers the calls to `plugin`, `concurrency` at a time. Hosts that serve the same plugin share its calls.
///
/// # Errors
/// [`BusError::Disconnected`].
pub async fn serve_calls(
    bus: &dyn Bus,
    plugin: &PluginName,
    calls: Calls,
    concurrency: usize,
) -> Result<Service, BusError> {
    let subject = subject_of(calls.kind(), plugin);
    bus.serve(&subject, Arc::new(Answering { plugin: plugin.clone(), calls }), concurrency).await
}

struct Answering {
    plugin: PluginName,
    calls: Calls,
}

#[async_trait]
impl Handler for Answering {
    async fn handle(&self, payload: Bytes) -> Bytes {
        let answered = match &self.calls {
            Calls::Forecaster(forecaster) => self.forecaster(forecaster.as_ref(), &payload).await,
            Calls::AnomalyDetector(detector) => self.detector(detector.as_ref(), &payload).await,
            Calls::Profiler(profiler) => self.profiler(profiler.as_ref(), &payload).await,
            Calls::Driver(driver) => self.driver(driver.as_ref(), &payload).await,
        };
        answered.unwrap_or_else(|refused| refused)
    }
}

impl Answering {
    async fn forecaster(&self, forecaster: &dyn ServeForecaster, payload: &Bytes) -> Result<Bytes, Bytes> {
        Ok(match self.read(payload)? {
            ForecasterCall::Forecast(call) => self.write(&forecaster.forecast(call).await),
            ForecasterCall::Fit(call) => self.write(&forecaster.fit(call).await),
            ForecasterCall::Backtest(call) => self.write(&forecaster.backtest(call).await),
            ForecasterCall::Seasonality(call) => self.write(&forecaster.seasonality(call).await),
            ForecasterCall::Describe(call) => self.write(&forecaster.describe(call).await),
        })
    }

    async fn detector(&self, detector: &dyn ServeDetector, payload: &Bytes) -> Result<Bytes, Bytes> {
        let DetectorCall::Judge(call) = self.read(payload)?;
        Ok(self.write(&detector.judge(call).await))
    }

    async fn profiler(&self, profiler: &dyn ServeProfiler, payload: &Bytes) -> Result<Bytes, Bytes> {
        Ok(match self.read(payload)? {
            ProfilerCall::Profile(call) => self.write(&profiler.profile(call).await),
            ProfilerCall::Refine(call) => self.write(&profiler.refine(call).await),
        })
    }

    async fn driver(&self, driver: &dyn ServeDriver, payload: &Bytes) -> Result<Bytes, Bytes> {
        let DriverCalls::Drive(call) = self.read(payload)?;
        Ok(self.write(&driver.drive(call).await))
    }

    /// The call, or the answer to bytes that are none.
    fn read<T: serde::de::DeserializeOwned>(&self, payload: &Bytes) -> Result<T, Bytes> {
        decode(payload).map_err(|error| {
            let message = format!("the call can't be read ({error}): do all hosts run the same version?");
            self.refuse(PluginErrorKind::InvalidInput, message)
        })
    }

    fn write<T: Serialize>(&self, answer: &Result<T, PluginError>) -> Bytes {
        encode(answer).unwrap_or_else(|error| self.refuse(PluginErrorKind::InvalidAnswer, error))
    }

    fn refuse(&self, kind: PluginErrorKind, message: String) -> Bytes {
        let error = PluginError { plugin: self.plugin.clone(), kind, message };
        // An error of names and texts always encodes; an empty answer would be reported as unreadable.
        encode(&Err::<(), _>(error)).unwrap_or_default()
    }
}

/// Calls to drivers under their operation's name, as all calls are.
#[derive(serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum DriverCalls {
    Drive(DriverCall),
}
