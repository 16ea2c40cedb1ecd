//! Measures the bundled forecasters in the sandbox and, in the same run, the same code natively: a fit with a forecast of
//! two days, a backtest of all that forecast days together, and a step of the step clock. `cargo xtask bench forecast`
//! builds both and runs this. The series are M4's hourly ones where the folder `forecast` of the one that `FOREWARM_DATA`
//! names, or of `../shared/data`, has them; made-up ones otherwise, and it says so.

mod common;

use common::{Arguments, Result, data};
use forewarm_domain::series::Series;
use forewarm_forecasting::REPORT_LEVELS;
use forewarm_forecasting::backtest::{Plan, places};
use forewarm_forecasting::long;
use forewarm_runtime::{Forecaster, Plugin};
use forewarm_sdk::Forecaster as Native;
use forewarm_testkit::{Testkit, series};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const HOUR_MS: i64 = 3_600_000;
/// Steps ahead of the day clock, and of the step clock.
const DAYS: usize = 48;
const STEPS: u32 = 60;
/// Levels of the step clock.
const STEP_LEVELS: [f64; 11] = REPORT_LEVELS;
/// Series that are measured, spread over those that there are.
const SERIES: usize = 24;
/// Steps of the step clock that are measured.
const STEP_CALLS: usize = 2_000;
/// Minutes that the step clock's model has seen: two weeks.
const MINUTES: usize = 20_160;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let arguments = Arguments::read()?;
    let plugins = &arguments.measured;
    let hourly = hourly()?;
    println!("fit and forecast of {DAYS} hours x {} levels, median of {} series:", REPORT_LEVELS.len(), hourly.len());
    let mut models = Map::new();
    let mut day_fit = Duration::ZERO;
    let mut days = Bench { plugins, hourly: &hourly, models: &mut models, day_fit: &mut day_fit };
    days.one::<forecaster_analog::Analog>("forecaster-analog", true).await?;
    days.one::<forecaster_arima::Forecasts>("forecaster-arima", true).await?;
    days.one::<forecaster_ets::SmoothingForecaster>("forecaster-ets", true).await?;
    days.one::<forecaster_mstl::MstlForecaster>("forecaster-mstl", true).await?;
    days.one::<forecaster_lstm::Lstm>("forecaster-lstm", true).await?;
    days.one::<forecaster_naive::Naive>("forecaster-naive", true).await?;
    days.one::<forecaster_ridge::Ridge>("forecaster-ridge", true).await?;
    days.one::<forecaster_theta::ThetaForecaster>("forecaster-theta", true).await?;
    days.one::<forecaster_intermittent::Intermittent>("forecaster-intermittent", false).await?;
    days.one::<forecaster_seasonal::Seasonal>("forecaster-seasonal", false).await?;
    let day_fit_s = day_fit.as_secs_f64() / hourly.len() as f64;
    println!(
        "backtests and forecast of all of the day clock: {day_fit_s:.3} s of processor time a series (target 0.25)"
    );
    let (step_us, step_native_us) = step(plugins).await?;
    println!(
        "a step of {STEPS} x {}: {step_us:.1} us with the host call (target 100), {step_native_us:.1} us natively",
        STEP_LEVELS.len()
    );
    let report = json!({ "day_fit_cpu_s": day_fit_s, "step_call_us": step_us, "step_native_us": step_native_us,
        "lstm_ms": models["forecaster-lstm"]["wasm_forecast_ms"], "models": models });
    arguments.write(&report)
}

/// What the models of whole days are measured on, and what was found.
struct Bench<'a> {
    plugins: &'a Path,
    hourly: &'a [Series],
    models: &'a mut Map<String, Value>,
    /// Processor time of all backtests in the sandbox.
    day_fit: &'a mut Duration,
}

impl Bench<'_> {
    /// One forecaster; `of_days` says whether it is one of those that forecast days together.
    async fn one<N: Native>(&mut self, name: &str, of_days: bool) -> Result<()> {
        let forecaster = load(self.plugins, name).await?;
        let (mut wasm, mut alone, mut native, mut apart) = (Vec::new(), Vec::new(), Vec::new(), 0.0_f64);
        for history in self.hourly {
            let begin = Instant::now();
            let (inside, took) = ask(&forecaster, history.clone()).await?;
            wasm.push(begin.elapsed());
            alone.push(took);
            let begin = Instant::now();
            let beside = ask_native::<N>(history)?;
            native.push(begin.elapsed());
            apart = apart.max(distance(&inside, &beside));
            if of_days {
                *self.day_fit += backtest(&forecaster, history).await?;
            }
        }
        let (wasm, alone, native) = (median_ms(&mut wasm), median_ms(&mut alone), median_ms(&mut native));
        let same =
            if apart == 0.0 { "the same bytes".to_owned() } else { format!("apart by {apart:.1e} of the largest") };
        println!(
            "  {name:<24} {wasm:>8.3} ms in the sandbox, {native:>8.3} ms natively: {:.2} times, {same}",
            wasm / native
        );
        self.models.insert(
            name.to_owned(),
            json!({ "wasm_ms": wasm, "wasm_forecast_ms": alone, "native_ms": native, "apart": apart }),
        );
        Ok(())
    }
}

async fn load(plugins: &Path, name: &str) -> Result<Forecaster> {
    match Testkit::load(plugins.join(format!("{name}.wasm")))?.plugin().await? {
        Plugin::Forecaster(forecaster) => Ok(forecaster),
        _ => Err(format!("{name} is no forecaster").into()),
    }
}

/// The quantiles, level by level, and how long the forecast took.
async fn ask(forecaster: &Forecaster, history: Series) -> Result<(Vec<Vec<f64>>, Duration)> {
    let (end, step_ms) = (history.end(), history.step_ms);
    let mut model = forecaster.fit(history, json!({})).await?;
    let begin = Instant::now();
    let fan = model.step(Vec::new(), end, step_ms, DAYS as u32, REPORT_LEVELS.to_vec()).await?;
    let took = begin.elapsed();
    let path = |level: usize| (0..fan.horizon()).map(|step| fan.at(step)[level]).collect();
    Ok(((0..REPORT_LEVELS.len()).map(path).collect(), took))
}

fn ask_native<N: Native>(history: &Series) -> Result<Vec<Vec<f64>>> {
    let model = N::fit(native(history)?)?;
    Ok(model.forecast(DAYS as u32, &REPORT_LEVELS)?)
}

fn native(history: &Series) -> Result<forewarm_sdk::Series> {
    let step_ms = u32::try_from(history.step_ms)?;
    Ok(forewarm_sdk::Series { start_ms: history.start.0, step_ms, values: history.values.clone() })
}

/// The largest difference, as a share of the largest value.
fn distance(one: &[Vec<f64>], other: &[Vec<f64>]) -> f64 {
    let largest = one.iter().flatten().fold(f64::MIN_POSITIVE, |largest, value| largest.max(value.abs()));
    let apart = one.iter().flatten().zip(other.iter().flatten()).map(|(one, other)| (one - other).abs());
    apart.fold(0.0, f64::max) / largest
}

/// Processor time of one forecaster at the end of a history and in the windows before.
async fn backtest(forecaster: &Forecaster, history: &Series) -> Result<Duration> {
    let plan = Plan::new(1, DAYS, REPORT_LEVELS.to_vec(), 24);
    let begin = cpu();
    for place in places(&[history.values.len()], &plan) {
        ask(forecaster, Series { values: history.values[..place].to_vec(), ..*history }).await?;
    }
    Ok(cpu().saturating_sub(begin))
}

/// Processor time of the whole process: the sandbox has threads of its own.
fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// Microseconds of a step of the step clock, in the sandbox and natively.
async fn step(plugins: &Path) -> Result<(f64, f64)> {
    let value = |minute: usize| {
        let of = |period: f64| (minute as f64 / period * std::f64::consts::TAU).sin();
        100.0 + 40.0 * of(1_440.0) + 10.0 * of(10_080.0) + (minute as f64 * 0.618_033_988_75).fract() * 9.0
    };
    let history = series(60_000, (0..MINUTES).map(value));
    let forecaster = load(plugins, "forecaster-seasonal").await?;
    let mut model = forecaster.fit(history.clone(), json!({})).await?;
    let mut beside = forecaster_seasonal::Seasonal::fit(native(&history)?)?;
    let (mut wasm, mut native) = (Vec::new(), Vec::new());
    for minute in MINUTES..MINUTES + STEP_CALLS {
        let at = history.start + history.step_ms * (minute as i64 + 1);
        let begin = Instant::now();
        model.step(vec![value(minute)], at, history.step_ms, STEPS, STEP_LEVELS.to_vec()).await?;
        wasm.push(begin.elapsed());
        let begin = Instant::now();
        beside.observe(&[value(minute)])?;
        beside.forecast(STEPS, &STEP_LEVELS)?;
        native.push(begin.elapsed());
    }
    Ok((median_ms(&mut wasm) * 1e3, median_ms(&mut native) * 1e3))
}

fn median_ms(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

/// M4's hourly series, or made-up ones of about their length.
fn hourly() -> Result<Vec<Series>> {
    let Some(file) = data("forecast/m4_hourly_train.csv") else {
        println!("made-up series: neither FOREWARM_DATA nor ../shared/data has forecast/m4_hourly_train.csv");
        return Ok((0..SERIES).map(made_up).collect());
    };
    let all = long::read(std::fs::File::open(file)?, HOUR_MS)?;
    let every = (all.len() / SERIES).max(1);
    let one = |of: long::LongSeries| Series { start: of.start, step_ms: of.step_ms, values: of.values };
    Ok(all.into_iter().step_by(every).take(SERIES).map(one).collect())
}

fn made_up(index: usize) -> Series {
    let value = |hour: usize| {
        let of = |period: f64| (hour as f64 / period * std::f64::consts::TAU).sin();
        let noise = ((hour * (index + 3)) as f64 * 0.618_033_988_75).fract();
        100.0 + 40.0 * of(24.0) + (3 * index) as f64 * of(168.0) + 12.0 * noise
    };
    series(HOUR_MS, (0..900).map(value))
}
