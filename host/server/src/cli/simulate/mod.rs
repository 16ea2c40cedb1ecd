//! `forewarm simulate`: a user's own demand in virtual time, through the production planner and the real forecaster, beside
//! the policies that people use today. Same seed, same bytes.

mod args;
pub(super) mod forecaster;
mod grid;
pub(super) mod html;
mod overall;
mod report;
mod steps;
mod tiers;

use super::Global;
use super::backtest::members::{self, Members};
use super::error::CliError;
use super::files::write_json;
use super::output::show;
use crate::replay::Source;
pub(super) use args::SimulateArgs;
use forecaster::Sandboxed;
use forewarm_simulator::boots::{self, Boots};
use forewarm_simulator::lane::Terms;
use forewarm_simulator::run::{self, Outcome, Setting};
use forewarm_simulator::trace::Trace;
use forewarm_simulator::world::World;
use futures::{StreamExt, TryStreamExt, stream};
use grid::Point;
use indicatif::{ProgressBar, ProgressStyle};
use report::Report;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A series with what became of every policy on it.
struct Simulated {
    world: Arc<World>,
    outcome: Outcome,
    /// The same under other costs and boots, where that was asked for.
    grid: Vec<Point>,
}

pub(super) async fn run(global: &Global, args: SimulateArgs) -> Result<(), CliError> {
    args.check()?;
    let boots = args.boots.as_deref().map(read_boots).transpose()?;
    if let Some(boots) = &boots {
        args.check_tiers(boots.summary().p95_s)?;
    }
    let worlds = worlds(&args.trace, args.capacity)?;
    let config = global.config()?;
    let members = members::load(&config, std::slice::from_ref(&args.forecaster), &[]).await?;
    let refit_steps = (config.planning.refit_s / config.planning.step_s).max(1) as usize;
    let progress = progress(worlds.iter().map(|world| world.loads.len() as u64).sum(), "minutes");
    let jobs = worlds.into_iter().map(|world| one(&members, world, &args, boots.clone(), refit_steps, &progress));
    let done: Vec<Simulated> = stream::iter(jobs).buffered(members.threads()).try_collect().await?;
    progress.finish_and_clear();
    let report = Report::new(&args, boots.as_deref(), &members.all[0], &done);
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

fn read_boots(file: &Path) -> Result<Arc<Boots>, CliError> {
    let open = File::open(file).map_err(|error| CliError::file(file, "can't be read", error))?;
    Boots::read(open).map(Arc::new).map_err(|error| CliError::file(file, "can't be used", error))
}

/// The traces, each once.
pub(super) fn worlds(files: &[PathBuf], capacity: Option<f64>) -> Result<Vec<Arc<World>>, CliError> {
    let (mut names, mut worlds) = (BTreeSet::new(), Vec::new());
    for file in files {
        for trace in traces(file)? {
            let name = trace.name.clone();
            if !names.insert(name.clone()) {
                return Err(CliError::Usage(format!(
                    "two traces are called `{name}`: a series is named by its file's stem"
                )));
            }
            let gaps = trace.gaps.clone();
            if let Some(longest) = gaps.iter().max_by_key(|gap| gap.steps) {
                let (count, from, minutes) = (gaps.len(), longest.from, longest.steps);
                eprintln!(
                    "{name}: {count} gaps of over an hour are held at their last value, the longest of {minutes} minutes from {from}"
                );
            }
            let world = World::new(trace, capacity);
            worlds.push(Arc::new(world.map_err(|error| CliError::file(file, "can't be replayed", error))?));
        }
    }
    Ok(worlds)
}

/// The series of a file: what Prometheus answered, or a CSV of one.
fn traces(file: &Path) -> Result<Vec<Trace>, CliError> {
    if file.extension().is_none_or(|extension| extension != "json") {
        let trace = Source::File(file.to_owned()).load();
        return trace.map(|trace| vec![trace]).map_err(|error| CliError::Failed(error.to_string()));
    }
    let stem = file.file_stem().map_or_else(|| "trace".into(), |stem| stem.to_string_lossy().into_owned());
    let open = File::open(file).map_err(|error| CliError::file(file, "can't be read", error))?;
    Trace::read_prometheus(&stem, BufReader::new(open)).map_err(|error| CliError::file(file, "can't be used", error))
}

async fn one(
    members: &Members,
    world: Arc<World>,
    args: &SimulateArgs,
    boots: Option<Arc<Boots>>,
    refit_steps: usize,
    progress: &ProgressBar,
) -> Result<Simulated, CliError> {
    let (all, told, bar) = (Arc::clone(&members.all), Arc::clone(&world), progress.clone());
    let persona = "simulated".parse().map_err(|_| CliError::Failed("no persona can be named".into()))?;
    let boot_s = boots.as_ref().map_or(f64::from(args.boot_s), |boots| boots.summary().p95_s);
    let main = Setting { unserved: args.cost_ratio, boot_steps: boots::steps(boot_s, world.step_ms) };
    let settings: Vec<Setting> =
        std::iter::once(main).chain(args.pareto.then(|| grid::settings(world.step_ms)).into_iter().flatten()).collect();
    let (entries, tiers, faults, seed) = (args.entries(), args.tiers(), args.faults(boots), args.seed);
    let done = members.runtime.on_compute(move |thread| {
        let terms = Terms { persona, faults, tiers, seed };
        let plan = run::Plan { entries: &entries, settings: &settings, terms };
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
    let (outcomes, failure) = done.await.map_err(|error| CliError::Failed(error.to_string()))?;
    if let Some(why) = failure {
        let (name, forecaster) = (&world.name, &args.forecaster);
        progress
            .suspend(|| eprintln!("{name}: {forecaster} failed at least once, and the plans did without it: {why}"));
    }
    let mut outcomes = outcomes.into_iter();
    let outcome = outcomes.next().ok_or_else(|| CliError::Failed("nothing was simulated".into()))?;
    Ok(Simulated { world, outcome, grid: outcomes.map(|outcome| Point::of(&outcome)).collect() })
}

/// A bar over so many of something, on a terminal.
pub(super) fn progress(count: u64, of: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(count);
    match ProgressStyle::with_template(&format!("{{bar:40}} {{percent}}% of {{len}} {of}, {{eta}} left")) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
