//! Measures the clearing of a million orders: spread over 10,000 books, and in one book. `cargo xtask bench market` builds
//! and runs this. Sealing (checking orders and bringing them into one order) happens as orders come in and is told apart.
//! The floor of each figure is the sorting of the same prices on the same threads, and nothing else.
//!
//! Prints one JSON object per figure, for all figures or those that are named. Ends with an error where another number of threads gives another hash.

use forewarm_auction::{
    Ask, Bid, DominantShare, OrderId, RoundClearing, RoundNumber, Seed, TwoClassBook, TwoClassOrders, clear_round,
};
use forewarm_domain::id::TenantName;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use rayon::{iter::ParallelIterator, slice::ParallelSliceMut};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};
use uuid::Uuid;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const ORDERS: usize = 1_000_000;
const REPETITIONS: usize = 9;
const SEED: Seed = Seed([7; 32]);

/// A figure, and how the orders are spread for it.
struct Figure {
    name: &'static str,
    books: usize,
    target_ms: u32,
}

const FIGURES: [Figure; 2] = [
    Figure { name: "clear_1m_10k_books_ms", books: 10_000, target_ms: 100 },
    Figure { name: "clear_1m_one_book_ms", books: 1, target_ms: 250 },
];

fn main() -> ExitCode {
    let wanted: Vec<_> = std::env::args().skip(1).collect();
    let measured = |figure: &&Figure| wanted.is_empty() || wanted.iter().any(|wanted| wanted == figure.name);
    match FIGURES.iter().filter(measured).try_for_each(measure) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(figure: &Figure) -> Result<()> {
    let mut random = StdRng::seed_from_u64(figure.books as u64);
    let orders: Vec<_> =
        (0..figure.books).map(|_| market(&mut random, ORDERS / figure.books)).collect::<Result<_>>()?;
    let begin = Instant::now();
    let books = orders.into_iter().map(TwoClassBook::try_from).collect::<std::result::Result<Vec<_>, _>>()?;
    let sealing = begin.elapsed();
    let (mut cleared, mut times, mut cpu) = (None, Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        let begin = processor_time();
        let (round, time) = clear(&books);
        cpu.push(processor_time().saturating_sub(begin));
        times.push(time);
        cleared = Some(round);
    }
    let Some(cleared) = cleared else { return Err("nothing was cleared".into()) };
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let (beside, one_thread) = alone.install(|| clear(&books));
    if beside.hash != cleared.hash {
        return Err(format!("{}: one thread gives another hash than several", figure.name).into());
    }
    let mut floors: Vec<_> = (0..REPETITIONS).map(|_| sort(&books)).collect();
    let (value, spread) = (median_ms(&mut times), [times.first().map(ms), times.last().map(ms)]);
    let units: u64 = cleared.books.iter().map(|book| book.firm.volume + book.reclaimable.volume).sum();
    println!(
        "{}",
        json!({ "figure": figure.name, "value": value, "unit": "ms", "target": figure.target_ms, "better": "lower",
            "floor": median_ms(&mut floors), "floor_is": "the same prices sorted, on the same threads",
            "spread": spread, "repetitions": REPETITIONS, "threads": rayon::current_num_threads(),
            "processor_ms": median_ms(&mut cpu), "one_thread_ms": ms(&one_thread), "sealing_ms": ms(&sealing), "units_traded": units,
            "regimes": regimes(&cleared), "hash": cleared.hash.to_string() })
    );
    Ok(())
}

fn clear(books: &[TwoClassBook]) -> (RoundClearing, Duration) {
    let begin = Instant::now();
    let round = clear_round(books, SEED);
    (round, begin.elapsed())
}

/// How many books cleared in which way.
fn regimes(round: &RoundClearing) -> serde_json::Value {
    use forewarm_auction::Regime::{Apart, Flagged, Pooled};
    let count = |regime| round.books.iter().filter(|book| book.regime == regime).count();
    json!({ "apart": count(Apart), "pooled": count(Pooled), "flagged": count(Flagged) })
}

/// Orders of one persona and window: a third are asks, half of all are for either class, a tenth of the bids have a
/// min-fill. Prices lie around those of real instances, so that ties are some but not all.
fn market(random: &mut StdRng, orders: usize) -> Result<TwoClassOrders> {
    let asks = orders / 3;
    let mut market = TwoClassOrders { premium: 40.try_into()?, ..TwoClassOrders::default() };
    for number in 0..orders {
        let id = OrderId(Uuid::from_u128(random.random()));
        let organisation: TenantName = format!("department-{}", random.random_range(0..500)).parse()?;
        let entry_round = RoundNumber(random.random_range(0..5));
        let units = random.random_range(1..=20_i64);
        let firm = random.random_bool(0.5);
        let side = if firm { &mut market.firm } else { &mut market.reclaimable };
        if number < asks {
            let reserve = random.random_range(100..2_000_i64).try_into()?;
            side.asks.push(Ask { id, reserve, quantity: units.try_into()?, entry_round, organisation });
            continue;
        }
        let limit = (random.random_range(50..1_800_i64) + if firm { 120 } else { 0 }).try_into()?;
        let min_fill = if random.random_bool(0.1) { Some(random.random_range(1..=units).try_into()?) } else { None };
        let dominant_share = DominantShare::new(random.random_range(0..100), 100)?;
        let quantity = units.try_into()?;
        side.bids.push(Bid { id, limit, quantity, min_fill, entry_round, organisation, dominant_share });
    }
    Ok(market)
}

/// The least that any clearing does.
fn sort(books: &[TwoClassBook]) -> Duration {
    let sides = |orders: &TwoClassBook| {
        let asks = |book: &forewarm_auction::Book| book.asks().iter().map(|ask| ask.reserve).collect::<Vec<_>>();
        let bids = |book: &forewarm_auction::Book| book.bids().iter().map(|bid| bid.limit).collect::<Vec<_>>();
        [asks(orders.firm()), bids(orders.firm()), asks(orders.reclaimable()), bids(orders.reclaimable())]
    };
    let mut sides: Vec<_> = books.iter().flat_map(sides).collect();
    let begin = Instant::now();
    if books.len() == 1 {
        sides.iter_mut().for_each(|side| side.par_sort_unstable());
    } else {
        sides.par_chunks_mut(64).for_each(|some| some.iter_mut().for_each(|side| side.sort_unstable()));
    }
    begin.elapsed()
}

/// What all threads of this process have computed: it tells a slow clearing from a busy machine.
fn processor_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

fn median_ms(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(f64::NAN, ms)
}

fn ms(time: &Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
