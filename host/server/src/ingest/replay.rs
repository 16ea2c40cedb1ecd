//! Opening the book: what is sealed is noted, what is only journaled is applied again, the hot window is filled.

use super::codec::{decode_chunk, decode_journal};
use super::config::IngestConfig;
use super::error::IngestError;
use super::keeper::JournalSize;
use super::shelf::Shelf;
use super::state::SeriesState;
use crate::store::{Store, StoreError, Write};
use std::collections::HashMap;

/// The setting that remembers the grid of what is stored.
const STEP_SETTING: &str = "ingest.step_ms";
/// Journal records that are read at a time.
const PAGE: u64 = 32;

/// Reads everything that the book knew when it was last open.
pub(crate) async fn replay(store: &Store, config: &IngestConfig) -> Result<(Shelf, JournalSize), IngestError> {
    check_grid(store, config).await?;
    let mut shelf = Shelf::new(config);
    load_series(store, &mut shelf).await?;
    let journal = apply_journal(store, &mut shelf).await?;
    let grid = shelf.grid;
    for (_, state) in &mut shelf.series {
        state.checked_newest = state.latest(&grid).map(|(at, _)| at);
    }
    for id in 0..shelf.series.len() {
        fill_hot(store, &mut shelf, u32::try_from(id).unwrap_or(u32::MAX)).await?;
    }
    Ok((shelf, journal))
}

async fn check_grid(store: &Store, config: &IngestConfig) -> Result<(), IngestError> {
    let configured = config.step_ms.to_string();
    match store.setting(STEP_SETTING).await? {
        Some(stored) if stored == configured => Ok(()),
        Some(stored) => Err(IngestError::GridChanged { stored, configured: config.step_ms }),
        None => {
            let setting = Write::Setting { key: STEP_SETTING.into(), value: Some(configured) };
            Ok(store.commit(vec![setting]).await?)
        }
    }
}

async fn load_series(store: &Store, shelf: &mut Shelf) -> Result<(), StoreError> {
    let spans = store.sealed_spans().await?;
    let mut sealed: HashMap<u32, _> = spans.into_iter().map(|span| (span.series, span)).collect();
    for (record, expected) in store.series().await?.into_iter().zip(0_u32..) {
        let corrupt = |detail: &str| StoreError::corrupt(format!("series {}", record.id), detail);
        if record.id != expected {
            return Err(corrupt("the numbers of the series have a gap before it"));
        }
        let state = match sealed.remove(&record.id) {
            None => SeriesState::default(),
            Some(span) => match (shelf.grid.step(span.start), shelf.grid.step(span.end)) {
                (Some(first), Some(until)) => SeriesState::sealed(first, until, span.measured),
                _ => return Err(corrupt("its chunks lie outside the grid")),
            },
        };
        shelf.insert(record.key, state);
    }
    Ok(())
}

async fn apply_journal(store: &Store, shelf: &mut Shelf) -> Result<JournalSize, StoreError> {
    let mut size = JournalSize::default();
    loop {
        let page = store.journal(size.seq, PAGE).await?;
        if page.is_empty() {
            return Ok(size);
        }
        for record in page {
            let entries = decode_journal(record.seq, &record.data)?;
            size.seq = record.seq;
            size.records += 1;
            size.samples += entries.len();
            for entry in entries {
                if entry.series as usize >= shelf.series.len() {
                    let what = format!("journal record {}", record.seq);
                    return Err(StoreError::corrupt(what, format!("it names series {}, unknown", entry.series)));
                }
                // Samples of steps that are sealed by now fall away here.
                shelf.apply(entry);
            }
        }
    }
}

async fn fill_hot(store: &Store, shelf: &mut Shelf, id: u32) -> Result<(), StoreError> {
    let grid = shelf.grid;
    let Some(state) = shelf.get_mut(id) else { return Ok(()) };
    let Some(from) = state.missing_hot(&grid) else { return Ok(()) };
    let until = state.sealed_until();
    let values = sealed_values(store, shelf, id, from, until).await?;
    if let Some(state) = shelf.get_mut(id) {
        state.set_hot(values);
    }
    Ok(())
}

async fn sealed_values(store: &Store, shelf: &Shelf, id: u32, from: u32, until: u32) -> Result<Vec<f64>, StoreError> {
    let grid = shelf.grid;
    let mut values = vec![f64::NAN; (until - from) as usize];
    for chunk in store.chunks(id, grid.start(from), grid.start(until)).await? {
        paste(
            &mut values,
            grid.start(from).0,
            grid.step_ms,
            chunk.start.0,
            &decode_chunk(id, chunk.start.0, &chunk.data)?,
        );
    }
    Ok(values)
}

/// Copies the part of a chunk that overlaps `values`; both begin at an instant on the grid.
pub(crate) fn paste(values: &mut [f64], start_ms: i64, step_ms: i64, chunk_start_ms: i64, chunk: &[f64]) {
    let shift = (chunk_start_ms - start_ms) / step_ms;
    for (value, index) in chunk.iter().zip(shift..) {
        if let Some(slot) = usize::try_from(index).ok().and_then(|index| values.get_mut(index)) {
            *slot = *value;
        }
    }
}
