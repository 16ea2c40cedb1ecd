//! The work of a backtest: all members at all origins and windows, one series per job, on as many threads as the
//! configuration allows.

use super::BacktestArgs;
use super::input::{Input, Told};
use super::members::{Member, Members};
use crate::cli::error::CliError;
use crate::thread::cpu_time;
use forewarm_domain::forecast::Fan;
use forewarm_forecasting::backtest::{Judged, Plan, combine, judge};
use futures::{StreamExt, TryStreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

/// The most quantiles that are held at a time: 4 GiB.
const QUANTILES_MAX: usize = 1 << 29;

/// See the module's description.
pub(super) struct Evaluated {
    /// In the order of the input's series.
    pub(super) series: Vec<Done>,
    /// By origin, then in the order of the series: the combination, or the one model asked for.
    pub(super) answers: Vec<Vec<Result<Fan, String>>>,
}

/// What was found about one series.
pub(super) struct Done {
    /// By origin.
    pub(super) judged: Vec<Judged>,
    /// By member.
    pub(super) effort: Vec<Effort>,
}

/// What one member did for one series.
#[derive(Debug, Clone, Default)]
pub(super) struct Effort {
    /// Processor time of all fits and forecasts, the sandbox's included.
    pub(super) cpu: Duration,
    pub(super) calls: u32,
    pub(super) failures: u32,
    /// Why the first one failed.
    pub(super) why: Option<String>,
}

pub(super) async fn run(input: &Input, members: &Members, args: &BacktestArgs) -> Result<Evaluated, CliError> {
    let mut plan = Plan::new(members.all.len(), args.horizon, args.levels.clone(), input.seasons[0]);
    if members.all.len() == 1 {
        plan.windows = 0;
    }
    check_size(input, &plan)?;
    let plan = Arc::new(plan);
    let progress = progress(input.series.len());
    let jobs = input.series.iter().map(|told| one(members, Arc::clone(told), Arc::clone(&plan), &progress));
    let series: Vec<Done> =
        stream::iter(jobs).buffered(members.threads()).try_collect().await.map_err(CliError::Failed)?;
    progress.finish_and_clear();
    let origins = series.iter().map(|done| done.judged.len()).max().unwrap_or_default();
    let answers = (0..origins).map(|origin| answers(&series, origin, &plan)).collect();
    Ok(Evaluated { series, answers })
}

fn check_size(input: &Input, plan: &Plan) -> Result<(), CliError> {
    let origins: usize = input.series.iter().map(|told| told.origins.len()).sum();
    let quantiles = [origins, plan.members, plan.horizon, plan.levels.len()]
        .into_iter()
        .try_fold(1_usize, usize::checked_mul)
        .filter(|quantiles| *quantiles <= QUANTILES_MAX);
    quantiles.map(drop).ok_or_else(|| {
        let what = format!("{origins} origins with {} members of {} steps", plan.members, plan.horizon);
        CliError::Usage(format!("{what} are more than fit into memory: fewer --origins, or a part of the series"))
    })
}

async fn one(members: &Members, told: Arc<Told>, plan: Arc<Plan>, progress: &ProgressBar) -> Result<Done, String> {
    let all = Arc::clone(&members.all);
    let done = members.runtime.on_compute(move |thread| {
        let mut effort = vec![Effort::default(); all.len()];
        let judged = judge(&told.series, &told.origins, &plan, |index, history| {
            let member: &Member = &all[index];
            let began = cpu_time();
            let answer = member.ask(thread, history, plan.horizon, &plan.levels);
            effort[index].count(cpu_time().saturating_sub(began), answer)
        });
        Done { judged, effort }
    });
    let done = done.await.map_err(|error| error.to_string());
    progress.inc(1);
    done
}

impl Effort {
    fn count<E: std::fmt::Display>(&mut self, cpu: Duration, answer: Result<Fan, E>) -> Option<Fan> {
        self.cpu += cpu;
        self.calls += 1;
        match answer {
            Ok(fan) => Some(fan),
            Err(error) => {
                self.failures += 1;
                self.why.get_or_insert_with(|| error.to_string());
                None
            }
        }
    }
}

/// What is answered at one origin of all series: a single model as it is, several combined.
fn answers(series: &[Done], origin: usize, plan: &Plan) -> Vec<Result<Fan, String>> {
    let judged: Vec<&Judged> = series.iter().filter_map(|done| done.judged.get(origin)).collect();
    if plan.members == 1 {
        let alone = |judged: &&Judged| judged.members.first().cloned().flatten().ok_or_else(|| FAILED.to_owned());
        return judged.iter().map(alone).collect();
    }
    combine(&judged, plan).into_iter().map(|answer| answer.map_err(|error| error.to_string())).collect()
}

const FAILED: &str = "the model gave no forecast";

fn progress(series: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(series as u64);
    match ProgressStyle::with_template("{bar:40} {pos} of {len} series, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
