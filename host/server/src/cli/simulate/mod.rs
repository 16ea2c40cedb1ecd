//! `forewarm simulate`: a user's own demand in virtual time, through the production planner and the real forecaster, beside
//! the policies that people use today. Same seed, same bytes.

mod forecaster;
mod html;
mod report;
mod steps;

use super::Global;
use super::backtest::members::{self, Members};
use super::error::CliError;
use super::files::write_json;
use super::output::show;
use crate::replay::Source;
use clap::{Args, ValueEnum};
use forecaster::Sandboxed;
use forewarm_domain::persona::Policy;
use forewarm_simulator::cloud::Faults;
use forewarm_simulator::run::{self, Entry, Outcome, Setting};
use forewarm_simulator::world::World;
use futures::{StreamExt, TryStreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use report::Report;
use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

/// The most traces of one run.
const TRACES_MAX: usize = 1_000;
const DAY_S: u32 = 86_400;

#[derive(Debug, Clone, Args)]
pub(super) struct SimulateArgs {
    /// The demand: CSV with the header `timestamp,value`, one series a file, named by the file's stem
    #[arg(long, value_name = "FILES", value_delimiter = ',', required = true)]
    trace: Vec<PathBuf>,
    /// Fixed rules by which figures can be compared: `bench` sets capacity, boot time and costs, without faults
    #[arg(long, value_name = "NAME", conflicts_with_all = ["boot_s", "cost_ratio", "capacity", "boot_spread", "boot_failures", "quota", "telemetry_gaps", "forecaster_dies"])]
    protocol: Option<Protocol>,
    /// Policies to run; `forewarm` lets all rules compete, the others are tuned on each trace's first half
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_values_t = Named::ALL)]
    policy: Vec<Named>,
    /// The forecaster, by name
    #[arg(long, value_name = "NAME", default_value = "forecaster-seasonal")]
    forecaster: String,
    /// Seconds from a launch until the instance serves
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    boot_s: u32,
    /// What a missing instance-minute costs, in idle ones
    #[arg(long, value_name = "RATIO", default_value_t = 19.0)]
    cost_ratio: f64,
    /// The load that one instance serves; a fortieth of the first half's 95th percentile unless given
    #[arg(long, value_name = "LOAD")]
    capacity: Option<f64>,
    /// Spread of the boot time: standard deviation of its logarithm
    #[arg(long, value_name = "SIGMA", default_value_t = 0.0)]
    boot_spread: f64,
    /// Share of boots that fail, noticed when they were due
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    boot_failures: f64,
    /// The most instances that may exist
    #[arg(long, value_name = "N")]
    quota: Option<u32>,
    /// Share of time without telemetry, in gaps of half an hour
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    telemetry_gaps: f64,
    /// Share of the scored half after which the forecaster is dead
    #[arg(long, value_name = "SHARE")]
    forecaster_dies: Option<f64>,
    /// The seed of all chance
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Where to write the figures
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// A folder for one CSV per series and policy: DIR/SERIES/POLICY.csv with `timestamp,demand,wanted,ready,booting`
    #[arg(long, value_name = "DIR")]
    steps: Option<PathBuf>,
    /// Where to write a page with plots that needs nothing but itself
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Fixed rules of a simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Protocol {
    /// Boots of 5 minutes, a missing instance-minute at 19 idle ones, capacity from the trace's first half.
    Bench,
}

/// A policy as it is called on the command line, in reports and files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Named {
    /// All rules compete.
    Forewarm,
    /// The level programme alone.
    LevelProgramme,
    /// The HPA rule.
    Reactive,
    /// The highest demand of the last minutes.
    KeepAlive,
    /// The mean of the same hour.
    Hourly,
    /// The histogram of idle times.
    HybridHistogram,
    /// A fixed number.
    Static,
}

impl Named {
    const ALL: [Self; 7] = [
        Self::Forewarm,
        Self::LevelProgramme,
        Self::Reactive,
        Self::KeepAlive,
        Self::Hourly,
        Self::HybridHistogram,
        Self::Static,
    ];

    fn policy(self) -> Policy {
        match self {
            Self::Forewarm => Policy::Compete,
            Self::LevelProgramme => Policy::LevelProgramme,
            Self::Reactive => Policy::Reactive,
            Self::KeepAlive => Policy::KeepAlive,
            Self::Hourly => Policy::Hourly,
            Self::HybridHistogram => Policy::HybridHistogram,
            Self::Static => Policy::ScheduleOnly,
        }
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.to_possible_value().as_ref().map_or("", |value| value.get_name()))
    }
}

impl SimulateArgs {
    /// All that can be wrong without reading a file.
    fn check(&self) -> Result<(), CliError> {
        let usage = |what: String| Err(CliError::Usage(what));
        if self.trace.len() > TRACES_MAX {
            return usage(format!("--trace takes up to {TRACES_MAX} files, not {}", self.trace.len()));
        }
        if !(1..=DAY_S).contains(&self.boot_s) {
            return usage(format!("--boot-s is 1 to {DAY_S} seconds, not {}", self.boot_s));
        }
        if !(self.cost_ratio >= 1.0 && self.cost_ratio <= 10_000.0) {
            return usage(format!("--cost-ratio is 1 to 10000 idle instance-minutes, not {}", self.cost_ratio));
        }
        if self.capacity.is_some_and(|capacity| !(capacity > 0.0 && capacity.is_finite())) {
            return usage("--capacity is a load above zero".into());
        }
        if !(0.0..=2.0).contains(&self.boot_spread) {
            return usage(format!("--boot-spread is 0 to 2, not {}", self.boot_spread));
        }
        for (flag, share) in [("--boot-failures", self.boot_failures), ("--telemetry-gaps", self.telemetry_gaps)] {
            if !(0.0..=0.9).contains(&share) {
                return usage(format!("{flag} is a share from 0 to 0.9, not {share}"));
            }
        }
        if self.quota == Some(0) {
            return usage("--quota is at least 1: with no instance there is nothing to compare".into());
        }
        match self.forecaster_dies.filter(|share| !(0.0..=1.0).contains(share)) {
            Some(share) => usage(format!("--forecaster-dies is a share from 0 to 1, not {share}")),
            None => Ok(()),
        }
    }

    fn faults(&self) -> Faults {
        Faults {
            boot_spread: self.boot_spread,
            boot_failures: self.boot_failures,
            quota: self.quota,
            telemetry_gaps: self.telemetry_gaps,
            forecaster_dies: self.forecaster_dies,
        }
    }

    fn entries(&self) -> Vec<Entry> {
        let entry = |named: &Named| Entry { name: named.to_string(), policy: named.policy() };
        self.policy.iter().map(entry).collect()
    }
}

/// A series with what became of every policy on it.
struct Simulated {
    world: Arc<World>,
    outcome: Outcome,
}

pub(super) async fn run(global: &Global, args: SimulateArgs) -> Result<(), CliError> {
    args.check()?;
    let worlds = worlds(&args)?;
    let config = global.config()?;
    let members = members::load(&config, std::slice::from_ref(&args.forecaster), &[]).await?;
    let refit_steps = (config.planning.refit_s / config.planning.step_s).max(1) as usize;
    let progress = progress(worlds.iter().map(|world| world.loads.len() as u64).sum());
    let jobs = worlds.into_iter().map(|world| one(&members, world, &args, refit_steps, &progress));
    let done: Vec<Simulated> = stream::iter(jobs).buffered(members.threads()).try_collect().await?;
    progress.finish_and_clear();
    let report = Report::new(&args, &members.all[0], &done);
    if let Some(file) = &args.json {
        write_json(file, &report)?;
    }
    if let Some(dir) = &args.steps {
        steps::write(dir, &done)?;
    }
    if let Some(file) = &args.html {
        let page = html::page(&report, &done);
        std::fs::write(file, page).map_err(|error| CliError::file(file, "can't be written", error))?;
    }
    show(global.output, &report, Report::page);
    Ok(())
}

/// The traces, each once.
fn worlds(args: &SimulateArgs) -> Result<Vec<Arc<World>>, CliError> {
    let mut names = BTreeSet::new();
    let world = |file: &PathBuf| {
        let trace = Source::File(file.clone()).load().map_err(|error| CliError::Failed(error.to_string()))?;
        if !names.insert(trace.name.clone()) {
            let name = &trace.name;
            return Err(CliError::Usage(format!(
                "two traces are called `{name}`: a series is named by its file's stem"
            )));
        }
        let world =
            World::new(trace, args.capacity).map_err(|error| CliError::file(file, "can't be replayed", error))?;
        Ok(Arc::new(world))
    };
    args.trace.iter().map(world).collect()
}

async fn one(
    members: &Members,
    world: Arc<World>,
    args: &SimulateArgs,
    refit_steps: usize,
    progress: &ProgressBar,
) -> Result<Simulated, CliError> {
    let (all, told, bar) = (Arc::clone(&members.all), Arc::clone(&world), progress.clone());
    let persona = "simulated".parse().map_err(|_| CliError::Failed("no persona can be named".into()))?;
    let step_s = (world.step_ms / 1_000).max(1) as u32;
    let settings = [Setting { unserved: args.cost_ratio, boot_steps: args.boot_s.div_ceil(step_s) as usize }];
    let (entries, faults, seed) = (args.entries(), args.faults(), args.seed);
    let done = members.runtime.on_compute(move |thread| {
        let plan = run::Plan { entries: &entries, settings: &settings, faults, seed, persona };
        let mut forecaster = Sandboxed::new(&all[0], thread, &told, refit_steps);
        let mut before = 0;
        let outcome = run::run(&told, &plan, &mut forecaster, &mut |step| {
            if step % 100 == 0 || step == told.loads.len() {
                bar.inc((step - before) as u64);
                before = step;
            }
        });
        (outcome, forecaster.failure())
    });
    let (mut outcomes, failure) = done.await.map_err(|error| CliError::Failed(error.to_string()))?;
    if let Some(why) = failure {
        let (name, forecaster) = (&world.name, &args.forecaster);
        progress
            .suspend(|| eprintln!("{name}: {forecaster} failed at least once, and the plans did without it: {why}"));
    }
    let outcome = outcomes.pop().ok_or_else(|| CliError::Failed("nothing was simulated".into()))?;
    Ok(Simulated { world, outcome })
}

fn progress(steps: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(steps);
    match ProgressStyle::with_template("{bar:40} {percent}% of {len} minutes, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: SimulateArgs,
    }

    fn check(line: &str) -> String {
        let words = std::iter::once("simulate").chain(line.split_whitespace());
        match Line::try_parse_from(words) {
            Ok(line) => line.args.check().err().map_or_else(String::new, |error| error.to_string()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn bad_arguments_are_told_before_a_file_is_read() {
        for (line, expected) in [
            ("--trace a.csv,b.csv --protocol bench --policy forewarm,reactive", ""),
            ("--trace a.csv --boot-s 0", "1 to 86400 seconds, not 0"),
            ("--trace a.csv --cost-ratio 0.5", "--cost-ratio is 1 to 10000"),
            ("--trace a.csv --cost-ratio NaN", "not NaN"),
            ("--trace a.csv --capacity 0", "above zero"),
            ("--trace a.csv --boot-spread 9", "0 to 2, not 9"),
            ("--trace a.csv --boot-failures 1", "--boot-failures is a share from 0 to 0.9, not 1"),
            ("--trace a.csv --telemetry-gaps=-1", "--telemetry-gaps is a share"),
            ("--trace a.csv --quota 0", "--quota is at least 1"),
            ("--trace a.csv --forecaster-dies 2", "a share from 0 to 1, not 2"),
            ("--trace a.csv --protocol bench --boot-s 10", "cannot be used with"),
            ("--trace a.csv --policy clever", "possible values: forewarm, level_programme"),
        ] {
            let told = check(line);
            assert!(told.contains(expected) && told.is_empty() == expected.is_empty(), "{line}: {told}");
        }
    }
}
