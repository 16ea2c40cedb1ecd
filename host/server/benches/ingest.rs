//! How many samples per second go from Prometheus remote-write to a durable SQLite file.
//!
//! Two senders post requests of 2,000 series with one sample each, encoded beforehand; every request is decoded, checked,
//! aligned, and synced to disk before the sender posts the next one. Needs no arguments; prints one line per setting.

use forewarm_domain::time::{MINUTE_MS, ManualClock, TimestampMs};
use forewarm_server::ingest::prometheus::{MappingConfig, RemoteWriteDecoder, RemoteWriteLimits};
use forewarm_server::ingest::{IngestConfig, SeriesBook};
use forewarm_server::store::{Store, StoreConfig};
use prost::Message;
use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

/// 2026-01-01T00:00:00Z.
const T0: i64 = 1_767_225_600_000;
const SERIES: usize = 20_000;
const STEPS: i64 = 60;

/// The messages of remote-write, as a sender has them.
#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<PromSample>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct PromSample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

fn series(number: usize, step: i64) -> TimeSeries {
    let label = |name: &str, value: String| Label { name: name.into(), value };
    let labels = vec![
        label("__name__", "forewarm_requests".into()),
        label("cluster", "eu-west-1-production".into()),
        label("namespace", format!("team-{}", number % 97)),
        label("service", format!("service-{number}")),
    ];
    let value = (number as i64 * 31 + step * 17).rem_euclid(5_000) as f64 / 10.0;
    TimeSeries { labels, samples: vec![PromSample { value, timestamp: T0 + step * MINUTE_MS + 500 }] }
}

/// Every request of one sender, in the order of time.
fn requests(range: std::ops::Range<usize>, per_request: usize) -> Result<Vec<Vec<u8>>, snap::Error> {
    let mut bodies = Vec::new();
    for step in 0..STEPS {
        let numbers: Vec<usize> = range.clone().collect();
        for part in numbers.chunks(per_request) {
            let timeseries = part.iter().map(|number| series(*number, step)).collect();
            bodies.push(snap::raw::Encoder::new().compress_vec(&WriteRequest { timeseries }.encode_to_vec())?);
        }
    }
    Ok(bodies)
}

async fn send(
    book: Arc<SeriesBook>,
    decoder: Arc<RemoteWriteDecoder>,
    bodies: Vec<Vec<u8>>,
) -> Result<u64, Box<dyn Error + Send + Sync>> {
    let mut accepted = 0;
    for body in bodies {
        accepted += book.ingest(decoder.decode(&body)?.samples).await?.accepted;
    }
    Ok(accepted)
}

async fn measure(senders: usize, per_request: usize) -> Result<(), Box<dyn Error + Send + Sync>> {
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite://{}", folder.path().join("bench.db").display());
    let store = Store::open(&StoreConfig::new(url)).await?;
    let clock = Arc::new(ManualClock::at(TimestampMs(T0 + STEPS * MINUTE_MS)));
    let book = SeriesBook::open(store.clone(), clock, IngestConfig::default()).await?;
    let decoder = Arc::new(RemoteWriteDecoder::new(MappingConfig::default(), RemoteWriteLimits::default())?);
    let share = SERIES / senders;
    let bodies: Result<Vec<_>, _> =
        (0..senders).map(|sender| requests(sender * share..(sender + 1) * share, per_request)).collect();
    let began = Instant::now();
    let tasks: Vec<_> =
        bodies?.into_iter().map(|bodies| tokio::spawn(send(Arc::clone(&book), Arc::clone(&decoder), bodies))).collect();
    let mut accepted = 0;
    for task in tasks {
        accepted += task.await??;
    }
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "remote-write to durable SQLite, {senders} senders, {per_request} samples per request: {accepted} samples in {seconds:.2} s, {:.0} samples/s",
        accepted as f64 / seconds
    );
    book.close().await;
    store.close().await;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for (senders, per_request) in [(2, 2_000), (10, 2_000), (2, 10_000)] {
        runtime.block_on(measure(senders, per_request))?;
    }
    Ok(())
}
