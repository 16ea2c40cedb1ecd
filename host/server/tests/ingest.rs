//! The series book over real stores: what is acknowledged is there, once, whatever happens.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use forewarm_domain::series::{Metric, Series, SeriesKey};
use forewarm_domain::time::{DAY_MS, HOUR_MS, MINUTE_MS, ManualClock, TimestampMs};
use forewarm_server::ingest::{IngestConfig, IngestError, IngestReport, RefusalReason, Sample, SeriesBook};
use forewarm_server::store::{JournalRecord, Store, StoreConfig, StoreError, Write};
use forewarm_tests::Postgres;
use proptest::prelude::*;
use std::sync::Arc;

/// 2026-01-01T00:00:00Z, on the grid.
const T0: i64 = 1_767_225_600_000;
const EVER: (TimestampMs, TimestampMs) = (TimestampMs::MIN, TimestampMs::MAX);

fn key(resource: &str) -> SeriesKey {
    SeriesKey { resource: resource.parse().unwrap(), metric: Metric::Requests }
}

/// A sample of `web`, `ms` after [`T0`].
fn sample(ms: i64, value: f64) -> Sample {
    Sample { key: key("web"), at: TimestampMs(T0 + ms), value }
}

fn minutes(range: std::ops::Range<i64>) -> Vec<Sample> {
    range.map(|minute| sample(minute * MINUTE_MS, minute as f64)).collect()
}

/// A clock far enough ahead for all that these tests store.
fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(TimestampMs(T0 + 60 * DAY_MS)))
}

async fn open_on(url: &str, config: IngestConfig) -> (Store, Arc<SeriesBook>) {
    let store = Store::open(&StoreConfig::new(url)).await.unwrap();
    let book = SeriesBook::open(store.clone(), clock(), config).await.unwrap();
    (store, book)
}

async fn in_memory() -> (Store, Arc<SeriesBook>) {
    open_on("sqlite::memory:", IngestConfig::default()).await
}

async fn whole(book: &SeriesBook, resource: &str) -> Series {
    book.history(&key(resource), EVER.0, EVER.1).await.unwrap()
}

/// Bit by bit, since what is missing is NaN.
fn bits(series: &Series) -> (TimestampMs, Vec<u64>) {
    (series.start, series.values.iter().map(|value| value.to_bits()).collect())
}

struct File(tempfile::TempDir);

impl File {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn url(&self) -> String {
        format!("sqlite://{}", self.0.path().join("forewarm.db").display())
    }
}

#[tokio::test]
async fn the_latest_sample_of_a_step_is_its_value() {
    let (_store, book) = in_memory().await;
    let report = book.ingest(vec![sample(10_000, 1.0), sample(50_000, 2.0), sample(30_000, 3.0)]).await.unwrap();
    assert_eq!((report.accepted, report.refused_total), (3, 0));
    let report = book.ingest(vec![sample(50_000, 2.0), sample(180_000, 4.0)]).await.unwrap();
    assert_eq!((report.accepted, report.duplicates), (1, 1));
    let report = book.ingest(vec![sample(180_000, 5.0)]).await.unwrap();
    assert_eq!((report.accepted, report.replaced), (1, 1));

    let series = whole(&book, "web").await;
    assert_eq!((series.start, series.step_ms, series.values.len()), (TimestampMs(T0), MINUTE_MS, 4));
    assert_eq!((series.values[0], series.values[3]), (2.0, 5.0));
    assert!(series.values[1].is_nan() && series.values[2].is_nan());
    assert_eq!(book.latest(&key("web")), Some((TimestampMs(T0 + 180_000), 5.0)));
    let info = &book.keys()[0];
    assert_eq!((info.first, info.last, info.steps), (TimestampMs(T0), TimestampMs(T0 + 180_000), 2));
    assert_eq!(book.window(&key("web"), 2).unwrap().values[1], 5.0);
    assert_eq!(book.window(&key("nothing"), 2), None);
    let unknown = book.history(&key("nothing"), EVER.0, EVER.1).await;
    assert_eq!(unknown, Err(IngestError::UnknownSeries("nothing/requests".into())));
}

#[tokio::test]
async fn bad_samples_are_refused_by_name_and_good_ones_stored() {
    let (_store, book) = in_memory().await;
    book.ingest(vec![sample(10 * HOUR_MS, 1.0)]).await.unwrap();
    let now = 60 * DAY_MS;
    let table = [
        (sample(10 * HOUR_MS, f64::NAN), RefusalReason::NotFinite),
        (sample(10 * HOUR_MS, f64::INFINITY), RefusalReason::NotFinite),
        (sample(10 * HOUR_MS, -0.5), RefusalReason::Negative),
        (sample(10 * HOUR_MS, 1.1e15), RefusalReason::TooLarge),
        (sample(-T0 - 1, 1.0), RefusalReason::BeforeEpoch),
        (sample(now + 5 * MINUTE_MS + 1, 1.0), RefusalReason::InTheFuture),
        (sample(i64::MAX - T0, 1.0), RefusalReason::InTheFuture),
        (sample(8 * HOUR_MS - 1, 1.0), RefusalReason::TooLate),
    ];
    let mut batch: Vec<Sample> = table.iter().map(|(sample, _)| sample.clone()).collect();
    batch.push(sample(8 * HOUR_MS, 7.0));
    batch.push(sample(11 * HOUR_MS, f64::from_bits(0x7ff0_0000_0000_0002)));
    let report = book.ingest(batch).await.unwrap();
    let reasons: Vec<(usize, RefusalReason)> =
        report.refused.iter().map(|refusal| (refusal.index, refusal.reason)).collect();
    assert_eq!(reasons, table.iter().enumerate().map(|(index, (_, reason))| (index, *reason)).collect::<Vec<_>>());
    assert_eq!((report.accepted, report.refused_total, report.stale_markers), (1, 8, 1));
    assert!(report.refused[7].detail.contains("2026-01-01T08:00:00Z"), "{}", report.refused[7].detail);
    assert_eq!(whole(&book, "web").await.values[0], 7.0);
}

#[tokio::test]
async fn limits_hold() {
    let config = IngestConfig { max_series: 2, max_batch: 3, ..IngestConfig::default() };
    let (_store, book) = open_on("sqlite::memory:", config).await;
    let of = |resource: &str| Sample { key: key(resource), ..sample(0, 1.0) };
    let report = book.ingest(vec![of("a"), of("b"), of("c")]).await.unwrap();
    assert_eq!((report.accepted, report.refused[0].reason), (2, RefusalReason::TooManySeries));
    let error = book.ingest(vec![of("a"); 4]).await.unwrap_err();
    assert_eq!(error, IngestError::BatchTooLarge { got: 4, limit: 3 });
    let bad = IngestConfig { step_ms: 10, ..IngestConfig::default() };
    let store = Store::open(&StoreConfig::new("sqlite::memory:")).await.unwrap();
    let error = SeriesBook::open(store, clock(), bad).await.err().unwrap();
    assert!(matches!(error, IngestError::Config { name: "step_ms", .. }));
}

#[test]
fn what_was_acknowledged_survives_a_lost_runtime() {
    let file = File::new();
    for round in 0..4 {
        // Nothing is closed: the runtime goes, and every task with it.
        in_a_runtime(async {
            let (_store, book) = open_on(&file.url(), IngestConfig::default()).await;
            // Over these rounds some steps get sealed and some stay in the journal.
            let report = book.ingest(minutes(round * 200..(round + 1) * 200)).await.unwrap();
            assert_eq!(report.accepted, 200);
        });
    }
    in_a_runtime(async {
        let (_store, book) = open_on(&file.url(), IngestConfig::default()).await;
        let series = whole(&book, "web").await;
        assert_eq!(series.values, (0..800).map(f64::from).collect::<Vec<f64>>());
        assert_eq!(book.keys()[0].steps, 800);
        assert_eq!(book.window(&key("web"), 240).unwrap().values, (560..800).map(f64::from).collect::<Vec<f64>>());
        let again = book.ingest(minutes(700..800)).await.unwrap();
        assert_eq!((again.accepted, again.duplicates), (0, 100));
    });
}

fn in_a_runtime(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work);
}

/// Names the database to the child process of the test below.
const CHILD_URL: &str = "FOREWARM_TEST_CHILD_URL";
/// Steps that the child stores in one batch.
const CHILD_BATCH: i64 = 50;

/// Not a test: the process that [`what_was_acknowledged_survives_a_kill`] kills. It tells each batch once acknowledged.
#[test]
#[ignore = "only run by the test below, as a process of its own"]
fn child_that_stores_until_it_is_killed() {
    let url = std::env::var(CHILD_URL).expect("run by the test below");
    in_a_runtime(async {
        let (_store, book) = open_on(&url, IngestConfig::default()).await;
        let known = book.latest(&key("web")).map_or(0, |(at, _)| (at.0 - T0) / MINUTE_MS + 1);
        for first in (known..).step_by(CHILD_BATCH as usize) {
            book.ingest(minutes(first..first + CHILD_BATCH)).await.unwrap();
            eprintln!("acknowledged {}", first + CHILD_BATCH);
        }
    });
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let file = File::new();
    for batches in [1, 7, 12] {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_stores_until_it_is_killed", "--ignored", "--nocapture"])
            .env(CHILD_URL, file.url())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let lines = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().unwrap()));
        let told = lines.filter_map(|line| line.ok()?.strip_prefix("acknowledged ")?.parse::<usize>().ok());
        let acknowledged = told.take(batches).last().expect("the child stores");
        child.kill().unwrap();
        child.wait().unwrap();
        in_a_runtime(async {
            let (_store, book) = open_on(&file.url(), IngestConfig::default()).await;
            let values = whole(&book, "web").await.values;
            // Whole batches, every acknowledged one, each step once.
            assert!(
                values.len() >= acknowledged && values.len().is_multiple_of(CHILD_BATCH as usize),
                "{}",
                values.len()
            );
            assert_eq!(values, (0..values.len()).map(|minute| minute as f64).collect::<Vec<f64>>());
            assert_eq!(book.keys()[0].steps, values.len() as u64);
        });
    }
}

async fn two_weeks_of_history(url: &str) {
    let (store, book) = open_on(url, IngestConfig::default()).await;
    let steps = 14 * 24 * 60;
    assert_eq!(book.ingest(minutes(0..steps)).await.unwrap().accepted, steps as u64);
    // Sealing follows the answer; the next batch of anything comes after it.
    let live = Sample { key: key("other"), ..sample(0, 1.0) };
    for _ in 0..2 {
        book.ingest(vec![live.clone()]).await.unwrap();
    }
    let sealed = store.sealed_spans().await.unwrap()[0];
    assert_eq!(sealed.end, TimestampMs(T0 + (steps - 1) * MINUTE_MS - 2 * HOUR_MS));
    assert_eq!(sealed.measured as i64, steps - 121);
    let expected: Vec<f64> = (0..steps).map(|minute| minute as f64).collect();
    assert_eq!(whole(&book, "web").await.values, expected);
    let day = book.history(&key("web"), TimestampMs(T0 + DAY_MS + 1), TimestampMs(T0 + 2 * DAY_MS)).await.unwrap();
    assert_eq!((day.start, day.values.len()), (TimestampMs(T0 + DAY_MS), 1_440));
    assert_eq!(day.values, expected[1_440..2_880]);
    book.close().await;
    assert_eq!(book.ingest(vec![live]).await, Err(IngestError::Closed));

    let book = SeriesBook::open(store.clone(), clock(), IngestConfig::default()).await.unwrap();
    assert_eq!(whole(&book, "web").await.values, expected);
    book.close().await;
    store.close().await;
}

#[tokio::test]
async fn two_weeks_of_history_are_sealed_in_sqlite() {
    two_weeks_of_history(&File::new().url()).await;
}

#[tokio::test]
async fn two_weeks_of_history_are_sealed_in_postgres() {
    let database = Postgres::start();
    two_weeks_of_history(&database.url()).await;
}

#[tokio::test]
async fn a_gap_of_decades_takes_no_room() {
    let (_store, book) = in_memory().await;
    let early = Sample { at: TimestampMs(0), ..sample(0, 1.0) };
    book.ingest(vec![early]).await.unwrap();
    book.ingest(vec![sample(0, 2.0)]).await.unwrap();
    book.ingest(vec![sample(MINUTE_MS, 3.0)]).await.unwrap();
    assert!(matches!(book.history(&key("web"), EVER.0, EVER.1).await, Err(IngestError::SpanTooLong { .. })));
    let first = book.history(&key("web"), TimestampMs(0), TimestampMs(MINUTE_MS)).await.unwrap();
    assert_eq!(first.values, [1.0]);
    assert_eq!(book.window(&key("web"), 2).unwrap().values, [2.0, 3.0]);
    assert_eq!(book.keys()[0].steps, 3);
}

#[tokio::test]
async fn a_store_that_fails_leaves_no_trace_of_a_batch() {
    let mut database = Postgres::start();
    let (_store, book) = open_on(&database.url(), IngestConfig::default()).await;
    book.ingest(vec![sample(0, 1.0)]).await.unwrap();
    database.stop();
    let lost = vec![sample(MINUTE_MS, 2.0), Sample { key: key("new"), ..sample(0, 1.0) }];
    let error = book.ingest(lost.clone()).await.unwrap_err();
    assert!(matches!(error, IngestError::Store(StoreError::Unavailable(_))), "{error:?}");
    assert_eq!(book.latest(&key("web")), Some((TimestampMs(T0), 1.0)));
    assert_eq!(book.keys().len(), 1);
    database.restart();
    let report = book.ingest(lost).await.unwrap();
    assert_eq!((report.accepted, report.duplicates), (2, 0));
    assert_eq!(whole(&book, "web").await.values, [1.0, 2.0]);
}

#[tokio::test]
async fn damage_is_told_and_not_read() {
    let (store, book) = in_memory().await;
    book.ingest(minutes(0..3)).await.unwrap();
    book.close().await;
    store.commit(vec![Write::Journal(JournalRecord { seq: 2, data: vec![1, 2, 3] })]).await.unwrap();
    let error = SeriesBook::open(store, clock(), IngestConfig::default()).await.err().unwrap();
    assert!(
        matches!(&error, IngestError::Store(StoreError::Corrupt { what, .. }) if what == "journal record 2"),
        "{error}"
    );
}

#[tokio::test]
async fn the_grid_of_a_store_is_fixed() {
    let (store, book) = in_memory().await;
    book.close().await;
    let other = IngestConfig { step_ms: 30_000, ..IngestConfig::default() };
    let error = SeriesBook::open(store, clock(), other).await.err().unwrap();
    assert_eq!(error, IngestError::GridChanged { stored: "60000".into(), configured: 30_000 });
}

#[tokio::test]
async fn callers_at_the_same_time_all_get_their_own_account() {
    let (_store, book) = in_memory().await;
    let batch = |n: i64| vec![sample(n * MINUTE_MS, n as f64), sample(n * MINUTE_MS, -1.0)];
    let reports = futures::future::join_all((0..100).map(|n| book.ingest(batch(n)))).await;
    for report in reports {
        let IngestReport { accepted, refused_total, .. } = report.unwrap();
        assert_eq!((accepted, refused_total), (1, 1));
    }
    assert_eq!(whole(&book, "web").await.values, (0..100).map(f64::from).collect::<Vec<f64>>());
}

/// Samples of two series within the late limit; one value per instant.
fn arbitrary_samples() -> impl Strategy<Value = Vec<Sample>> {
    let one = (0..2_usize, 0..7_200_i64).prop_map(|(series, second)| Sample {
        key: key(["web", "db"][series]),
        at: TimestampMs(T0 + second * 1_000),
        value: (second * 2 + series as i64) as f64,
    });
    prop::collection::vec(one, 1..200)
}

/// What the alignment rule says, in the plainest way.
fn expected(samples: &[Sample], resource: &str) -> Option<(TimestampMs, Vec<u64>)> {
    let of = || samples.iter().filter(|sample| sample.key == key(resource));
    let (first, last) = (of().map(|s| s.at).min()?.floor(MINUTE_MS), of().map(|s| s.at).max()?);
    let step = |start: i64| {
        let within = of().filter(|s| s.at.floor(MINUTE_MS).0 == start);
        within.max_by_key(|s| s.at).map_or(f64::NAN, |s| s.value).to_bits()
    };
    Some((first, (first.0..=last.0).step_by(MINUTE_MS as usize).map(step).collect()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn order_and_repetition_do_not_matter(
        samples in arbitrary_samples(),
        order in any::<prop::sample::Index>(),
        cuts in prop::collection::vec(1..40_usize, 1..20),
        reopen in any::<bool>(),
    ) {
        // Everything twice, rotated, and cut into batches; half of it by callers at the same time.
        let mut all = [samples.clone(), samples.iter().rev().cloned().collect()].concat();
        all.rotate_left(order.index(samples.len()));
        let mut batches = Vec::new();
        let mut cuts = cuts.into_iter().cycle();
        while !all.is_empty() {
            let cut = cuts.next().unwrap_or(1).min(all.len());
            batches.push(all.drain(..cut).collect::<Vec<Sample>>());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (store, mut book) = in_memory().await;
            let later = batches.split_off(batches.len() / 2);
            for batch in batches {
                prop_assert_eq!(book.ingest(batch).await.unwrap().refused_total, 0);
            }
            if reopen {
                book.close().await;
                book = SeriesBook::open(store.clone(), clock(), IngestConfig::default()).await.unwrap();
            }
            for report in futures::future::join_all(later.into_iter().map(|batch| book.ingest(batch))).await {
                prop_assert_eq!(report.unwrap().refused_total, 0);
            }
            for resource in ["web", "db"] {
                let found = book.history(&key(resource), EVER.0, EVER.1).await.ok().map(|series| bits(&series));
                prop_assert_eq!(found, expected(&samples, resource));
            }
            Ok(())
        })?;
    }
}
