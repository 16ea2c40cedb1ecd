//! The one task that changes series: it takes batches in turn, makes groups of them durable, applies them, and between
//! groups seals late steps and shortens the journal.

use super::codec::{Entry, encode_chunk, encode_journal};
use super::config::IngestConfig;
use super::error::IngestError;
use super::sample::{IngestReport, Sample};
use super::shelf::{Checked, Shelf};
use super::state::{Effect, Span};
use crate::store::{ChunkRecord, JournalRecord, Store, StoreError, Write};
use forewarm_domain::time::Clock;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Batches that may wait; one more makes its caller wait.
pub(crate) const QUEUED_MAX: usize = 32;
/// Samples after which no further batch joins a group.
const GROUP_SAMPLES: usize = 100_000;
/// Samples of one journal record.
const RECORD_SAMPLES: usize = 50_000;
/// Samples that are applied in one go: readers wait no longer than that takes.
const APPLY_SAMPLES: usize = 8_192;
/// Series that are sealed, or copied in the journal, between two groups.
const TURN_SERIES: usize = 1_000;
/// The journal is rewritten when it holds this many samples more than four times the open steps, or so many records.
const JOURNAL_SLACK: usize = 1_000_000;
const JOURNAL_RECORDS: usize = 20_000;

/// A batch and who waits for it.
pub(crate) struct Batch {
    pub samples: Vec<Sample>,
    pub reply: oneshot::Sender<Result<IngestReport, IngestError>>,
}

/// What of the journal is there.
#[derive(Default)]
pub(crate) struct JournalSize {
    /// The last sequence number.
    pub seq: i64,
    pub samples: usize,
    pub records: usize,
}

/// A rewrite of the journal under way: open steps are copied behind `through`, then all up to it goes.
struct Rewrite {
    through: i64,
    next: u32,
    /// What the journal held when the rewrite began.
    samples: usize,
    records: usize,
}

/// Series, and the spans of each that are to be sealed.
type Sealed = Vec<(u32, Vec<Span>)>;

pub(crate) struct Keeper {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub config: IngestConfig,
    pub shelf: Arc<RwLock<Shelf>>,
    pub journal: JournalSize,
    rewrite: Option<Rewrite>,
    /// The store failed at a chore: the next batch, not a loop, is what tries again.
    stuck: bool,
}

impl Keeper {
    pub(crate) fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        config: IngestConfig,
        shelf: Arc<RwLock<Shelf>>,
        journal: JournalSize,
    ) -> Self {
        Self { store, clock, config, shelf, journal, rewrite: None, stuck: false }
    }

    /// Runs until `closing` is cancelled (what is queued by then is still stored) or every sender is gone.
    pub(crate) async fn run(mut self, mut queue: mpsc::Receiver<Batch>, closing: CancellationToken) {
        loop {
            if self.has_chores() && queue.is_empty() && !closing.is_cancelled() {
                self.do_chores().await;
                continue;
            }
            let first = tokio::select! {
                biased;
                first = queue.recv() => first,
                () = closing.cancelled(), if !queue.is_closed() => {
                    queue.close();
                    continue;
                }
            };
            let Some(first) = first else { return };
            self.take(gather(first, &mut queue)).await;
            self.do_chores().await;
        }
    }

    fn shelf(&self) -> RwLockWriteGuard<'_, Shelf> {
        self.shelf.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores a group of batches and answers their callers.
    async fn take(&mut self, batches: Vec<Batch>) {
        let (known, checked) = self.check(&batches);
        let replies = batches.into_iter().map(|batch| batch.reply);
        match self.journal(known, &checked).await {
            Ok(()) => {
                for (reply, checked) in replies.zip(checked) {
                    // A caller that no longer waits has no use for the answer.
                    drop(reply.send(Ok(self.apply(checked))));
                }
            }
            Err(error) => {
                self.shelf().forget(checked.into_iter().flat_map(|checked| checked.entries), known);
                for reply in replies {
                    drop(reply.send(Err(error.clone().into())));
                }
            }
        }
    }

    fn check(&self, batches: &[Batch]) -> (usize, Vec<Checked>) {
        let now = self.clock.now();
        let known = self.shelf().series.len();
        let check = |batch: &Batch| self.shelf().check(&batch.samples, &self.config, now);
        (known, batches.iter().map(check).collect())
    }

    async fn journal(&mut self, known: usize, checked: &[Checked]) -> Result<(), StoreError> {
        let entries: Vec<Entry> = checked.iter().flat_map(|checked| &checked.entries).copied().collect();
        let entered = self.shelf().entered_since(known).into_iter().map(Write::Series);
        let (records, size) = self.records(&entries);
        self.store.commit(entered.chain(records).collect()).await?;
        self.journal = size;
        Ok(())
    }

    /// Journal records for `entries`, and the journal's size once they are written.
    fn records(&self, entries: &[Entry]) -> (Vec<Write>, JournalSize) {
        let JournalSize { mut seq, samples, records } = self.journal;
        let mut writes = Vec::new();
        for part in entries.chunks(RECORD_SAMPLES) {
            seq += 1;
            writes.push(Write::Journal(JournalRecord { seq, data: encode_journal(seq, part) }));
        }
        let size = JournalSize { seq, samples: samples + entries.len(), records: records + writes.len() };
        (writes, size)
    }

    /// Makes a durable batch visible.
    fn apply(&self, checked: Checked) -> IngestReport {
        let Checked { entries, mut report } = checked;
        for part in entries.chunks(APPLY_SAMPLES) {
            let mut shelf = self.shelf();
            for entry in part {
                match shelf.apply(*entry) {
                    Effect::Accepted | Effect::Sealed => report.accepted += 1,
                    Effect::Duplicate => report.duplicates += 1,
                    Effect::Replaced => {
                        report.accepted += 1;
                        report.replaced += 1;
                    }
                }
            }
        }
        report
    }

    fn has_chores(&self) -> bool {
        !self.stuck && (self.rewrite.is_some() || !self.shelf().due.is_empty())
    }

    /// One turn of sealing and of shortening the journal. A store that fails is asked again after the next batch.
    async fn do_chores(&mut self) {
        let outcome = match self.seal_some().await {
            Ok(()) => self.rewrite_some().await,
            failed => failed,
        };
        self.stuck = outcome.is_err();
        if let Err(error) = outcome {
            tracing::warn!(%error, "late samples could not be sealed, they stay in the journal");
            // What was copied so far is there twice, which changes nothing.
            self.rewrite = None;
        }
    }

    /// One turn of copying open steps to the journal's end, so that what lies before them can go.
    async fn rewrite_some(&mut self) -> Result<(), StoreError> {
        let Some(Rewrite { through, next, samples, records }) = self.rewrite.take().or_else(|| self.rewrite_if_due())
        else {
            return Ok(());
        };
        let (entries, end) = self.open_entries(next);
        let (mut writes, mut size) = self.records(&entries);
        if end.is_none() {
            writes.push(Write::JournalDone { through });
            size.samples = size.samples.saturating_sub(samples);
            size.records = size.records.saturating_sub(records);
        }
        self.store.commit(writes).await?;
        self.journal = size;
        self.rewrite = end.map(|next| Rewrite { through, next, samples, records });
        Ok(())
    }

    fn rewrite_if_due(&self) -> Option<Rewrite> {
        let JournalSize { seq, samples, records } = self.journal;
        let due = samples > 4 * self.shelf().open_steps + JOURNAL_SLACK || records > JOURNAL_RECORDS;
        due.then_some(Rewrite { through: seq, next: 0, samples, records })
    }

    /// The open steps of the series from number `next` on, and where to go on; `None` at the end.
    fn open_entries(&self, next: u32) -> (Vec<Entry>, Option<u32>) {
        let shelf = self.shelf();
        let mut entries = Vec::new();
        let turn = shelf.series.iter().zip(0_u32..).skip(next as usize).take(TURN_SERIES);
        for ((_, state), series) in turn {
            let open = state.open_samples(&shelf.grid);
            entries.extend(open.map(|(at, value)| Entry { series, at: at.0, value }));
        }
        let end = next as usize + TURN_SERIES;
        (entries, u32::try_from(end).ok().filter(|_| end < shelf.series.len()))
    }

    async fn seal_some(&mut self) -> Result<(), StoreError> {
        let (sealed, writes) = self.late_spans()?;
        if sealed.is_empty() {
            return Ok(());
        }
        let outcome = self.store.commit(writes).await;
        let mut shelf = self.shelf();
        let grid = shelf.grid;
        for (id, spans) in sealed {
            match &outcome {
                Ok(()) => {
                    let closed = shelf.get_mut(id).map_or(0, |state| state.seal(&grid, &spans));
                    shelf.open_steps = shelf.open_steps.saturating_sub(closed);
                }
                Err(_) => shelf.due.push_back(id),
            }
        }
        outcome
    }

    fn late_spans(&self) -> Result<(Sealed, Vec<Write>), StoreError> {
        let mut shelf = self.shelf();
        let (grid, turn) = (shelf.grid, shelf.due.len().min(TURN_SERIES));
        let due: Vec<u32> = shelf.due.drain(..turn).collect();
        let late = |id: &u32| shelf.get_mut(*id).map_or_else(Vec::new, |state| state.late_spans(&grid));
        let spans: Vec<Vec<Span>> = due.iter().map(late).collect();
        let sealed: Sealed = due.into_iter().zip(spans).collect();
        drop(shelf);
        let mut writes = Vec::new();
        for (series, spans) in &sealed {
            for span in spans {
                let (start, end) = (grid.start(span.start), grid.start(span.end()));
                let data = encode_chunk(*series, start.0, &span.values)?;
                let chunk = ChunkRecord { series: *series, start, end, measured: span.measured(), data };
                writes.push(Write::Chunk(chunk));
            }
        }
        Ok((sealed, writes))
    }
}

fn gather(first: Batch, queue: &mut mpsc::Receiver<Batch>) -> Vec<Batch> {
    let mut samples = first.samples.len();
    let mut batches = vec![first];
    while samples < GROUP_SAMPLES
        && let Ok(next) = queue.try_recv()
    {
        samples += next.samples.len();
        batches.push(next);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::super::replay::replay;
    use super::*;
    use crate::store::StoreConfig;
    use forewarm_domain::series::{Metric, SeriesKey};
    use forewarm_domain::time::{MINUTE_MS, ManualClock, TimestampMs};

    async fn ingest(keeper: &mut Keeper, resource: &str, minutes: std::ops::Range<i64>) {
        let key = SeriesKey { resource: resource.parse().unwrap(), metric: Metric::Requests };
        let sample = |minute| Sample { key: key.clone(), at: TimestampMs(minute * MINUTE_MS), value: minute as f64 };
        let (reply, answer) = oneshot::channel();
        keeper.take(vec![Batch { samples: minutes.map(sample).collect(), reply }]).await;
        answer.await.unwrap().unwrap();
    }

    fn open_steps(shelf: &Shelf) -> Vec<Vec<(TimestampMs, f64)>> {
        shelf.series.iter().map(|(_, state)| state.open_samples(&shelf.grid).collect()).collect()
    }

    #[tokio::test]
    async fn the_journal_shrinks_to_what_is_open() {
        let store = Store::open(&StoreConfig::new("sqlite::memory:")).await.unwrap();
        let config = IngestConfig::default();
        let (shelf, journal) = replay(&store, &config).await.unwrap();
        let clock = Arc::new(ManualClock::at(TimestampMs(10_000 * MINUTE_MS)));
        let shelf = Arc::new(RwLock::new(shelf));
        let mut keeper = Keeper::new(store.clone(), clock, config.clone(), Arc::clone(&shelf), journal);
        for series in 0..TURN_SERIES + 5 {
            ingest(&mut keeper, &format!("s{series}"), 0..3).await;
        }
        ingest(&mut keeper, "long", 0..1_000).await;
        keeper.do_chores().await;
        assert_eq!(keeper.journal.records, TURN_SERIES + 6, "too short to be rewritten");

        keeper.journal.records += JOURNAL_RECORDS;
        // A batch that comes in the middle of the rewrite stays.
        keeper.do_chores().await;
        assert!(keeper.rewrite.is_some());
        ingest(&mut keeper, "s0", 3..5).await;
        keeper.do_chores().await;
        assert!(keeper.rewrite.is_none());

        assert_eq!(store.journal(0, 99).await.unwrap().len(), 3);
        let (again, size) = replay(&store, &config).await.unwrap();
        assert_eq!(open_steps(&again), open_steps(&shelf.read().unwrap()));
        assert_eq!((size.seq, size.samples), (keeper.journal.seq, keeper.journal.samples));
    }
}
