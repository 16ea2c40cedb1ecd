//! Calls to anomaly detectors. What a detector has learned travels with the call, so that any host that carries it can
//! answer, and nothing is lost with an instance.

use super::Call;
use async_trait::async_trait;
use bytes::Bytes;
use forewarm_domain::id::PluginName;
use forewarm_domain::plugin::{PluginError, PluginKind, Verdict};
use forewarm_domain::series::Series;
use serde::{Deserialize, Serialize};

/// Asks what is thought of the next values of a series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgeCall {
    /// Which detector.
    pub plugin: PluginName,
    /// What it had learned before these values, as an earlier answer gave it; `None` begins with nothing.
    pub learned: Option<Bytes>,
    /// The values, the oldest first; `NaN` where missing.
    pub values: Series,
    /// How much is found, inside (0, 1). Only a call that begins with nothing sets it.
    pub sensitivity: f64,
}

/// What comes of a [`JudgeCall`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// One per value.
    pub verdicts: Vec<Verdict>,
    /// What it has learned by now, for the next call.
    pub learned: Bytes,
}

/// Any call to a detector, as it arrives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DetectorCall {
    /// See [`JudgeCall`].
    Judge(JudgeCall),
}

impl Call for JudgeCall {
    type Answer = Judged;
    const KIND: PluginKind = PluginKind::AnomalyDetector;
    const OPERATION: &'static str = "judge";
    fn plugin(&self) -> &PluginName {
        &self.plugin
    }
}

/// Answers calls to one detector.
#[async_trait]
pub trait ServeDetector: Send + Sync + 'static {
    /// Judges values and learns from them.
    async fn judge(&self, call: JudgeCall) -> Result<Judged, PluginError>;
}
