//! `forewarm market simulate`: thousands of synthetic tenants bid for what the user's own demand leaves idle, as the real
//! forecaster foresees it. Same seed, same bytes.

mod html;

use crate::cli::Global;
use crate::cli::backtest::members::{self, Members};
use crate::cli::error::CliError;
use crate::cli::files::write_json;
use crate::cli::output::{show, table, text};
use crate::cli::simulate::forecaster::Sandboxed;
use crate::cli::simulate::html::{number, percent};
use crate::cli::simulate::{progress, worlds};
use clap::Args;
use forewarm_auction::PartsPerMillion;
use forewarm_market_simulator::owner::Owner;
use forewarm_market_simulator::report::{Report, Totals};
use forewarm_market_simulator::run;
use forewarm_market_simulator::setting::Setting;
use forewarm_simulator::world::World;
use futures::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

/// The most traces of one run.
const TRACES_MAX: usize = 1_000;

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct SimulateArgs {
    /// The owners' demand: CSV with the header `timestamp,value`, one series a file, named by the file's stem
    #[arg(long, value_name = "FILES", value_delimiter = ',', required = true)]
    trace: Vec<PathBuf>,
    /// Tenants in all
    #[arg(long, value_name = "N", default_value_t = Setting::default().tenants)]
    tenants: usize,
    /// Credits that the median tenant may spend in a day
    #[arg(long, value_name = "CREDITS", default_value_t = Setting::default().budget)]
    budget: f64,
    /// Orders of a tenant and day, on average
    #[arg(long, value_name = "N", default_value_t = Setting::default().orders_per_day)]
    orders_per_day: f64,
    /// What an instance is worth to the median tenant, in carrying costs
    #[arg(long, value_name = "RATIO", default_value_t = Setting::default().value)]
    value: f64,
    /// Share of tenants that want firm leases
    #[arg(long, value_name = "SHARE", default_value_t = Setting::default().firm_share)]
    firm_share: f64,
    /// Share of orders that take no less than a part of what they want
    #[arg(long, value_name = "SHARE", default_value_t = Setting::default().min_fill_share)]
    min_fill_share: f64,
    /// Minutes of a lease
    #[arg(long, value_name = "MINUTES", default_value_t = Setting::default().window_steps)]
    window: usize,
    /// Minutes between a reclaim and its end
    #[arg(long, value_name = "MINUTES", default_value_t = Setting::default().notice_steps)]
    notice: usize,
    /// What keeping an instance costs its owner, in credits an hour
    #[arg(long, value_name = "CREDITS", default_value_t = Setting::default().carrying_cost)]
    carrying_cost: f64,
    /// What tenants get on top of the refund when a lease is called back, as a share of it
    #[arg(long, value_name = "SHARE", default_value_t = 0.25)]
    compensation: f64,
    /// What the market keeps of what is paid, as a share
    #[arg(long, value_name = "SHARE", default_value_t = 0.02)]
    fee: f64,
    /// The load that one instance serves; a fortieth of the first half's 95th percentile unless given
    #[arg(long, value_name = "LOAD")]
    capacity: Option<f64>,
    /// The forecaster, by name
    #[arg(long, value_name = "NAME", default_value = "forecaster-seasonal")]
    forecaster: String,
    /// The seed of all chance
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Where to write the figures
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where to write a page with plots that needs nothing but itself
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl SimulateArgs {
    /// All that can be wrong without reading a file.
    fn setting(&self) -> Result<Setting, CliError> {
        let usage = |what: String| CliError::Usage(what);
        if self.trace.len() > TRACES_MAX {
            return Err(usage(format!("--trace takes up to {TRACES_MAX} files, not {}", self.trace.len())));
        }
        if self.capacity.is_some_and(|capacity| !(capacity > 0.0 && capacity.is_finite())) {
            return Err(usage("--capacity is a load above zero".into()));
        }
        let setting = Setting {
            tenants: self.tenants,
            orders_per_day: self.orders_per_day,
            budget: self.budget,
            value: self.value,
            firm_share: self.firm_share,
            min_fill_share: self.min_fill_share,
            window_steps: self.window,
            notice_steps: self.notice,
            carrying_cost: self.carrying_cost,
            compensation: share("--compensation", self.compensation)?,
            fee: share("--fee", self.fee)?,
            seed: self.seed,
            ..Setting::default()
        };
        setting.check().map_err(|error| usage(error.to_string()))?;
        Ok(setting)
    }
}

fn share(flag: &str, share: f64) -> Result<PartsPerMillion, CliError> {
    let wrong = || CliError::Usage(format!("{flag} is a share from 0 to 1, not {share}"));
    let parts = (0.0..=1.0).contains(&share).then(|| (share * 1e6).round() as i64).ok_or_else(wrong)?;
    PartsPerMillion::try_from(parts).map_err(|_| wrong())
}

/// The report with who foresaw the demand.
#[derive(Serialize)]
struct Told {
    forecaster: String,
    #[serde(flatten)]
    report: Report,
}

pub(super) async fn run(global: &Global, args: SimulateArgs) -> Result<(), CliError> {
    let setting = args.setting()?;
    let worlds = worlds(&args.trace, args.capacity)?;
    let config = global.config()?;
    let members = members::load(&config, std::slice::from_ref(&args.forecaster), &[]).await?;
    let refit_steps = (config.planning.refit_s / config.planning.step_s).max(1) as usize;
    let bar = progress(worlds.iter().map(|world| (world.loads.len() - world.split) as u64).sum(), "minutes");
    let looks = worlds.into_iter().map(|world| look(&members, world, setting, refit_steps, &bar));
    let owners: Vec<Owner> = stream::iter(looks).buffered(members.threads()).try_collect().await?;
    bar.finish_and_clear();
    let bar = progress(run::windows(&owners) as u64, "rounds");
    let held = tokio::task::spawn_blocking({
        let bar = bar.clone();
        move || run::run(&owners, &setting, &mut |window| bar.set_position(window as u64))
    });
    let report = held.await.map_err(|error| CliError::Failed(error.to_string()))?;
    let report = report.map_err(|error| CliError::Usage(error.to_string()))?;
    bar.finish_and_clear();
    let forecaster = members.all.first().map(|member| format!("{} {}", member.name, member.version));
    let told = Told { forecaster: forecaster.unwrap_or_default(), report };
    if let Some(file) = &args.json {
        write_json(file, &told)?;
    }
    if let Some(file) = &args.html {
        let page = html::page(&told.report, &told.forecaster);
        std::fs::write(file, page).map_err(|error| CliError::file(file, "can't be written", error))?;
    }
    show(global.output, &told, |told| page(&told.report));
    Ok(())
}

/// One series' surplus, on a thread of guests.
async fn look(
    members: &Members,
    world: Arc<World>,
    setting: Setting,
    refit_steps: usize,
    progress: &ProgressBar,
) -> Result<Owner, CliError> {
    let (all, told, bar) = (Arc::clone(&members.all), Arc::clone(&world), progress.clone());
    let done = members.runtime.on_compute(move |thread| {
        let mut forecaster = Sandboxed::new(&all[0], thread, &told, refit_steps);
        let owner = Owner::look(&told, &setting, &mut forecaster, &mut |step| {
            if step % 100 == 0 {
                bar.inc(100);
            }
        });
        (owner, forecaster.failure())
    });
    let (owner, failure) = done.await.map_err(|error| CliError::Failed(error.to_string()))?;
    if let Some(why) = failure {
        let name = &world.name;
        progress
            .suspend(|| eprintln!("{name}: the forecaster failed at least once, and nothing was listed then: {why}"));
    }
    owner.map_err(|error| CliError::Usage(error.to_string()))
}

/// A table for people.
fn page(report: &Report) -> String {
    let mut rows = table(&[
        "SERIES",
        "FLEET",
        "IDLE HOURS",
        "USED",
        "REVENUE",
        "PER IDLE HOUR",
        "RECLAIMED",
        "MISSED HOURS",
        "FIRM",
        "RECLAIMABLE",
        "WELFARE",
    ]);
    let price = |price: Option<f64>| price.map_or_else(|| "-".to_owned(), |price| format!("{price:.2}"));
    let row = |name: &str, fleet: String, totals: &Totals| {
        [
            name.to_owned(),
            fleet,
            number(totals.idle / 60.0),
            percent(totals.utilisation),
            number(totals.revenue),
            format!("{:.2}", totals.revenue_per_idle_hour),
            percent(totals.reclaim_rate),
            number(totals.missed / 60.0),
            price(totals.mean_price[0]),
            price(totals.mean_price[1]),
            format!("{:.2}%", 100.0 * totals.welfare_share),
        ]
    };
    for (name, series) in &report.series {
        rows.add_row(row(name, series.fleet.to_string(), &series.totals));
    }
    rows.add_row(row("all", String::new(), &report.totals));
    let setting = &report.setting;
    let kept = report.totals.notice_kept.map_or_else(
        || "nothing was called back".to_owned(),
        |kept| format!("{} of reclaims kept the whole notice of {} minutes", percent(kept), setting.notice_steps),
    );
    format!(
        "{} tenants, windows of {} minutes; prices in credits an instance-hour, welfare of at least so much of the best possible:\n{}\n\n{kept}; orders: {}\n",
        setting.tenants,
        setting.window_steps,
        text(&rows, ""),
        report.totals.orders.iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
    )
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

    fn check(line: &str, expected: &str) {
        let words = std::iter::once("simulate").chain(line.split_whitespace());
        let told = match Line::try_parse_from(words) {
            Ok(line) => line.args.setting().err().map_or_else(String::new, |error| error.to_string()),
            Err(error) => error.to_string(),
        };
        assert!(told.contains(expected) && told.is_empty() == expected.is_empty(), "{line}: {told}");
    }

    #[test]
    fn bad_arguments_are_told_before_a_file_is_read() {
        for (line, expected) in [
            ("--trace a.csv,b.csv --tenants 5000 --seed 3", ""),
            ("--tenants 5", "--trace"),
            ("--trace a.csv --tenants 0", "1 to 100000 tenants, not 0"),
            ("--trace a.csv --tenants 99999999", "1 to 100000 tenants, not 99999999"),
            ("--trace a.csv --tenants=-3", "invalid value"),
            ("--trace a.csv --budget 0", "a budget is above zero"),
            ("--trace a.csv --window 90", "a window in minutes is 2 to 60, not 90"),
            ("--trace a.csv --notice 30", "has to be shorter"),
            ("--trace a.csv --compensation 1.5", "--compensation is a share from 0 to 1, not 1.5"),
            ("--trace a.csv --fee NaN", "--fee is a share from 0 to 1, not NaN"),
            ("--trace a.csv --capacity 0", "above zero"),
            ("--trace a.csv --tenants 100000 --orders-per-day 1000", "lower either"),
        ] {
            check(line, expected);
        }
    }
}
