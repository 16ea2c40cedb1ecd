//! A detector that is fed value by value: one instance that is held between calls.

use super::anomaly_detector::{AnomalyDetector, verdicts_from};
use super::forecaster::MAX_SAVED_BYTES;
use super::model::check_observed;
use crate::bindings::anomaly_detector::AnomalyDetectorPlugin;
use crate::bindings::anomaly_detector::exports::forewarm::plugin::anomaly_detector as wit;
use crate::compute::{ComputeThread, Held};
use crate::convert;
use crate::failure::Failure;
use crate::guest::Guest;
use crate::shared::Shared;
use forewarm_domain::plugin::{PluginError, PluginErrorKind, Verdict};
use forewarm_domain::series::Series;
use std::sync::Arc;
use wasmtime::Store;
use wasmtime::component::ResourceAny;

/// A detector with what it has learned. It has one place in the runtime's pool until it is dropped, and is lost as a
/// [`Model`](crate::Model) is.
pub struct Stream {
    shared: Arc<Shared>,
    held: Option<Held<AnomalyDetectorPlugin>>,
    stream: ResourceAny,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("of", &self.shared).field("lost", &self.held.is_none()).finish()
    }
}

impl AnomalyDetector {
    /// Begins a stream with a history, which may be empty.
    ///
    /// # Errors
    /// As [`Self::detect`].
    pub async fn start(&self, history: Series, sensitivity: f64) -> Result<Stream, PluginError> {
        self.check_sensitivity(sensitivity)?;
        let own = |failure: Failure| failure.into_error(&self.shared.manifest.name, "");
        let history = convert::series(history).map_err(own)?;
        self.open(history.values.len(), move |held| {
            let stream = held.bindings.forewarm_plugin_anomaly_detector().stream();
            Ok(stream.call_start(&mut held.store, &history, sensitivity)??)
        })
        .await
    }

    /// Builds a stream again from what [`Stream::save`] gave, by this plugin in this version.
    ///
    /// # Errors
    /// [`PluginErrorKind::InvalidState`] when the saved state does not fit, the plugin's own, or the sandbox's.
    pub async fn restore(&self, saved: Vec<u8>) -> Result<Stream, PluginError> {
        if saved.len() > MAX_SAVED_BYTES {
            let message = format!("{} bytes were saved, at most {MAX_SAVED_BYTES} are", saved.len());
            return Err(self.shared.error(PluginErrorKind::InvalidState, message));
        }
        self.open(0, move |held| {
            let stream = held.bindings.forewarm_plugin_anomaly_detector().stream();
            Ok(stream.call_restore(&mut held.store, &saved)??)
        })
        .await
    }

    async fn open(
        &self,
        values: usize,
        make: impl FnOnce(&mut Held<AnomalyDetectorPlugin>) -> Result<ResourceAny, Failure> + Send + 'static,
    ) -> Result<Stream, PluginError> {
        let detector = self.clone();
        let open = move |thread: &ComputeThread| {
            let (shared, config) = (Arc::clone(&detector.shared), Arc::clone(&detector.shared.parameters));
            let (held, stream) = shared.open(thread, &detector.pre, config, values, make)?;
            Ok(Stream { shared, held: Some(held), stream })
        };
        self.shared.on_thread(open).await
    }
}

impl Stream {
    /// Judges the next values, oldest first, and learns from them: one verdict per value. At most 100,000.
    ///
    /// # Errors
    /// [`PluginErrorKind::InvalidInput`] when the values break the contract, [`PluginErrorKind::InvalidAnswer`] when
    /// the verdicts do, the plugin's own, or the sandbox's.
    pub async fn push(&mut self, values: Vec<f64>) -> Result<Vec<Verdict>, PluginError> {
        check_observed(&values).map_err(|failure| failure.into_error(&self.shared.manifest.name, ""))?;
        self.run(values.len(), move |guest, store, stream| {
            verdicts_from(&guest.call_push(store, stream, &values)??, values.len())
        })
        .await
    }

    /// All that was learned, for [`AnomalyDetector::restore`]; at most 1 MiB.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub async fn save(&mut self) -> Result<Vec<u8>, PluginError> {
        self.run(0, |guest, store, stream| {
            let saved = guest.call_save(store, stream)??;
            if saved.len() > MAX_SAVED_BYTES {
                return Err(Failure::Invalid(format!("it saves {} bytes, over {MAX_SAVED_BYTES}", saved.len())));
            }
            Ok(saved)
        })
        .await
    }

    /// Runs `job` in the held instance. While it runs the instance is away, so that a dropped future loses it.
    async fn run<T: Send + 'static>(
        &mut self,
        values: usize,
        job: impl FnOnce(wit::GuestStream<'_>, &mut Store<Guest>, ResourceAny) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, PluginError> {
        let (shared, stream, mut held) = (Arc::clone(&self.shared), self.stream, self.held.take());
        let called = self.shared.on_thread(move |thread| {
            let answer = shared.resume(thread, &mut held, values, |held: &mut Held<AnomalyDetectorPlugin>| {
                job(held.bindings.forewarm_plugin_anomaly_detector().stream(), &mut held.store, stream)
            });
            Ok((held, answer))
        });
        let (held, answer) = called.await?;
        self.held = held;
        answer
    }
}
