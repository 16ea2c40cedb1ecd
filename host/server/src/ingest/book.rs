//! The series book: every series, what is recent in memory, the rest in the store.

use super::codec::decode_chunk;
use super::config::IngestConfig;
use super::error::IngestError;
use super::keeper::{self, Batch, Keeper};
use super::replay::{paste, replay};
use super::sample::{IngestReport, Sample};
use super::shelf::Shelf;
use crate::store::Store;
use forewarm_domain::series::{Series, SeriesKey};
use forewarm_domain::time::{Clock, TimestampMs};
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

/// Steps that one [`history`](SeriesBook::history) may span: nearly two years of minutes.
pub const HISTORY_STEPS_MAX: u32 = 1_000_000;

/// What is known of one series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SeriesInfo {
    /// Which.
    pub key: SeriesKey,
    /// The beginning of the first measured step.
    pub first: TimestampMs,
    /// The beginning of the last measured step.
    pub last: TimestampMs,
    /// How many steps were measured.
    pub steps: u64,
}

/// Every series: takes samples, aligns them to the grid, and answers with regular series.
///
/// Guarantees: a sample is durable when [`ingest`](Self::ingest) returns; a step's value is that of the latest sample
/// in it, in whatever order and however often samples come; a sealed step never changes. One store has one book.
pub struct SeriesBook {
    store: Store,
    config: IngestConfig,
    shelf: Arc<RwLock<Shelf>>,
    queue: mpsc::Sender<Batch>,
    closing: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for SeriesBook {
    fn drop(&mut self) {
        // A book that was not closed ends as after a kill: what was not acknowledged may or may not be there.
        if let Some(task) = self.task.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

impl SeriesBook {
    /// Opens the book of a store and reads back what was acknowledged.
    ///
    /// # Errors
    /// [`IngestError::Config`] for a setting out of range, [`IngestError::GridChanged`] when the store has another step,
    /// [`IngestError::Store`] when it can't be read or is damaged.
    pub async fn open(store: Store, clock: Arc<dyn Clock>, config: IngestConfig) -> Result<Arc<Self>, IngestError> {
        config.check()?;
        let (shelf, journal) = replay(&store, &config).await?;
        let shelf = Arc::new(RwLock::new(shelf));
        let (queue, batches) = mpsc::channel(keeper::QUEUED_MAX);
        let closing = CancellationToken::new();
        let keeper = Keeper::new(store.clone(), clock, config.clone(), Arc::clone(&shelf), journal);
        let task = Mutex::new(Some(tokio::spawn(keeper.run(batches, closing.clone()))));
        Ok(Arc::new(Self { store, config, shelf, queue, closing, task }))
    }

    /// Stores the good samples of a batch and reports the others. What was accepted is durable when this returns, and
    /// seen by every reader.
    ///
    /// # Errors
    /// [`IngestError::BatchTooLarge`] before anything is stored; [`IngestError::Store`] when the store failed and
    /// nothing of the batch counts as stored; [`IngestError::Closed`] after [`close`](Self::close).
    pub async fn ingest(&self, samples: Vec<Sample>) -> Result<IngestReport, IngestError> {
        let (got, limit) = (samples.len(), self.config.max_batch);
        if got > limit {
            return Err(IngestError::BatchTooLarge { got, limit });
        }
        if samples.is_empty() {
            return Ok(IngestReport::default());
        }
        let (reply, answer) = oneshot::channel();
        self.queue.send(Batch { samples, reply }).await.map_err(|_| IngestError::Closed)?;
        answer.await.map_err(|_| IngestError::Closed)?
    }

    /// The newest sample of a series.
    #[must_use]
    pub fn latest(&self, key: &SeriesKey) -> Option<(TimestampMs, f64)> {
        let shelf = self.shelf();
        shelf.get(key).and_then(|(_, state)| state.latest(&shelf.grid))
    }

    /// Every series of which something was measured, in the order of first arrival.
    #[must_use]
    pub fn keys(&self) -> Vec<SeriesInfo> {
        let shelf = self.shelf();
        let grid = shelf.grid;
        let info = |(key, state): &(SeriesKey, super::state::SeriesState)| {
            let (first, end) = state.extent()?;
            let (first, last) = (grid.start(first), grid.start(end) - grid.step_ms);
            Some(SeriesInfo { key: key.clone(), first, last, steps: state.measured() })
        };
        shelf.series.iter().filter_map(info).collect()
    }

    /// How many steps of a series were measured.
    #[must_use]
    pub fn measured(&self, key: &SeriesKey) -> u64 {
        let shelf = self.shelf();
        shelf.get(key).map_or(0, |(_, state)| state.measured())
    }

    /// The last `steps` steps of a series up to the newest measured one, without I/O. Fewer where the series is shorter;
    /// at least [`IngestConfig::hot_steps`] are always there. `None` for a series that is not known.
    #[must_use]
    pub fn window(&self, key: &SeriesKey, steps: usize) -> Option<Series> {
        let shelf = self.shelf();
        let steps = steps.min(HISTORY_STEPS_MAX as usize);
        shelf.get(key).and_then(|(_, state)| state.window(&shelf.grid, steps))
    }

    /// The steps of a series that overlap `[from, to)`, cut to what was measured: the first value is that of the first
    /// measured step or of `from`'s, whichever is later. Empty when nothing was measured in that span.
    ///
    /// # Errors
    /// [`IngestError::UnknownSeries`], [`IngestError::SpanTooLong`] beyond [`HISTORY_STEPS_MAX`] steps, and
    /// [`IngestError::Store`] when older steps can't be read.
    pub async fn history(&self, key: &SeriesKey, from: TimestampMs, to: TimestampMs) -> Result<Series, IngestError> {
        let (id, mut series, sealed_end) = self.recent(key, from, to)?;
        if series.start >= sealed_end {
            return Ok(series);
        }
        for chunk in self.store.chunks(id, series.start, series.end().min(sealed_end)).await? {
            let values = decode_chunk(id, chunk.start.0, &chunk.data)?;
            paste(&mut series.values, series.start.0, series.step_ms, chunk.start.0, &values);
        }
        Ok(series)
    }

    /// The asked span as far as memory knows it, and where the sealed steps end.
    fn recent(
        &self,
        key: &SeriesKey,
        from: TimestampMs,
        to: TimestampMs,
    ) -> Result<(u32, Series, TimestampMs), IngestError> {
        let shelf = self.shelf();
        let grid = shelf.grid;
        let known = shelf.get(key).and_then(|(id, state)| Some((id, state, state.extent()?)));
        let (id, state, (first, end)) = known.ok_or_else(|| IngestError::UnknownSeries(key.to_string()))?;
        // The step that contains `from` is meant when `from` lies inside it.
        let step_of = |at: TimestampMs| if at < TimestampMs::MIN { 0 } else { grid.step(at).unwrap_or(u32::MAX) };
        let start = step_of(from).max(first);
        let end = step_of(to + (grid.step_ms - 1)).min(end).max(start);
        if end - start > HISTORY_STEPS_MAX {
            return Err(IngestError::SpanTooLong { got: (end - start).into(), limit: HISTORY_STEPS_MAX.into() });
        }
        Ok((id, state.dense(&grid, start, end), grid.start(state.sealed_until())))
    }

    /// Stores what is queued, then stops. Later batches are refused; reading goes on.
    pub async fn close(&self) {
        self.closing.cancel();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the keeper of the series ended abnormally");
        }
    }

    fn shelf(&self) -> RwLockReadGuard<'_, Shelf> {
        self.shelf.read().unwrap_or_else(PoisonError::into_inner)
    }
}
