//! How a call is put into bytes, and what the caller makes of a bus that gives no answer.

use crate::bus::Bus;
use crate::error::BusError;
use crate::subject::Subject;
use bytes::Bytes;
use forewarm_domain::id::PluginName;
use forewarm_domain::plugin::{PluginError, PluginErrorKind, PluginKind};
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use std::time::Duration;

/// A call to a plugin and the kind of its answer.
pub trait Call: Serialize + Send + Sync {
    /// What the plugin answers.
    type Answer: Serialize + DeserializeOwned + Send;
    /// Which kind of plugin is called.
    const KIND: PluginKind;
    /// The call's name among the kind's.
    const OPERATION: &'static str;
    /// Which plugin is called.
    fn plugin(&self) -> &PluginName;
}

/// Calls a plugin on whichever host carries it and waits `timeout` at most.
///
/// # Errors
/// The plugin's own [`PluginError`]; [`PluginErrorKind::Unreachable`] where nobody answered,
/// [`PluginErrorKind::Saturated`] where the host is busy, [`PluginErrorKind::InvalidInput`] where the call is larger
/// than the bus carries, [`PluginErrorKind::InvalidAnswer`] where the answer can't be read.
pub async fn call<C: Call>(bus: &dyn Bus, request: &C, timeout: Duration) -> Result<C::Answer, PluginError> {
    let plugin = request.plugin();
    let refuse = |kind, message| PluginError { plugin: plugin.clone(), kind, message };
    let subject = subject_of(C::KIND, plugin);
    let payload = encode(&Named(request)).map_err(|error| refuse(PluginErrorKind::InvalidInput, error))?;
    let answer = bus.request(&subject, payload, timeout).await.map_err(|error| unanswered(plugin, &error))?;
    decode::<Result<C::Answer, PluginError>>(&answer)
        .map_err(|error| refuse(PluginErrorKind::InvalidAnswer, format!("the answer can't be read: {error}")))?
}

/// Where calls to a plugin go: `forewarm.v1.<kind>.<plugin>`. A plugin's name is a DNS label, so it is one token.
#[must_use]
pub fn subject_of(kind: PluginKind, plugin: &PluginName) -> Subject {
    let prefix = match kind {
        PluginKind::Forecaster => "forewarm.v1.forecaster.",
        PluginKind::AnomalyDetector => "forewarm.v1.anomaly-detector.",
        PluginKind::Profiler => "forewarm.v1.profiler.",
        PluginKind::Driver => "forewarm.v1.driver.",
    };
    Subject::of(prefix, plugin.as_str())
}

/// A call under its operation's name: the same bytes as the kind's enum of calls, without a copy of the call.
struct Named<'a, C>(&'a C);

impl<C: Call> Serialize for Named<'_, C> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_newtype_variant("Call", 0, C::OPERATION, self.0)
    }
}

/// MessagePack with named fields, so that a newer host may add some.
pub(super) fn encode<T: Serialize>(value: &T) -> Result<Bytes, String> {
    rmp_serde::to_vec_named(value).map(Bytes::from).map_err(|error| error.to_string())
}

pub(super) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, String> {
    rmp_serde::from_slice(payload).map_err(|error| error.to_string())
}

fn unanswered(plugin: &PluginName, error: &BusError) -> PluginError {
    let kind = match error {
        BusError::NoResponders { .. } | BusError::Timeout { .. } | BusError::Disconnected => {
            PluginErrorKind::Unreachable
        }
        BusError::Busy { .. } => PluginErrorKind::Saturated,
        BusError::TooLarge { .. } => PluginErrorKind::InvalidInput,
        BusError::Failed { .. } => PluginErrorKind::Other,
    };
    PluginError { plugin: plugin.clone(), kind, message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_every_kind_have_valid_subjects() {
        let plugin: PluginName = "seasonal-2".parse().expect("valid");
        let kinds = [PluginKind::Forecaster, PluginKind::AnomalyDetector, PluginKind::Profiler, PluginKind::Driver];
        for kind in kinds {
            let subject = subject_of(kind, &plugin);
            assert_eq!(subject.as_str(), format!("forewarm.v1.{kind}.seasonal-2"));
            assert_eq!(subject.as_str().parse::<Subject>().expect("valid"), subject);
        }
    }
}
