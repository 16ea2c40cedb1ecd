//! The arguments of `forewarm simulate`, and what can be wrong with them before a file is read.

use crate::cli::error::CliError;
use clap::{Args, ValueEnum};
use forewarm_domain::persona::Policy;
use forewarm_domain::time::MINUTE_MS;
use forewarm_simulator::boots::Boots;
use forewarm_simulator::cloud::Faults;
use forewarm_simulator::run::Entry;
use forewarm_simulator::tiers::{Offer, Tiers};
use std::path::PathBuf;
use std::sync::Arc;

/// The most traces of one run.
const TRACES_MAX: usize = 1_000;
const DAY_S: u32 = 86_400;
/// What the name of a policy ends with that plans without the cheaper tiers that there are.
pub(super) const WITHOUT_TIERS: &str = "_without_tiers";

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct SimulateArgs {
    /// The demand: CSV with the header `timestamp,value`, one series a file, named by the file's stem; or `.json` files with
    /// what Prometheus answers to a range query
    #[arg(long, value_name = "FILES", value_delimiter = ',', required = true)]
    pub(super) trace: Vec<PathBuf>,
    /// Fixed rules by which figures can be compared: `bench` sets capacity, boot time and costs, without faults
    #[arg(long, value_name = "NAME", conflicts_with_all = ["boot_s", "boots", "cost_ratio", "capacity", "boot_spread", "boot_failures", "quota", "telemetry_gaps", "forecaster_dies", "parked", "shell"])]
    pub(super) protocol: Option<Protocol>,
    /// Policies to run; `forewarm` lets all rules compete, the others are tuned on each trace's first half
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_values_t = Named::ALL)]
    pub(super) policy: Vec<Named>,
    /// The forecaster, by name
    #[arg(long, value_name = "NAME", default_value = "forecaster-seasonal")]
    pub(super) forecaster: String,
    /// Seconds from a launch until the instance serves
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub(super) boot_s: u32,
    /// Boot times that were measured, of which each boot takes one by chance: CSV with the header `seconds`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["boot_s", "boot_spread", "pareto"])]
    pub(super) boots: Option<PathBuf>,
    /// What a missing instance-minute costs, in idle ones
    #[arg(long, value_name = "RATIO", default_value_t = 19.0)]
    pub(super) cost_ratio: f64,
    /// What an instance costs per hour: figures are told as money too
    #[arg(long, value_name = "PRICE")]
    pub(super) price_per_hour: Option<f64>,
    /// The price's currency, as it is written behind a sum
    #[arg(long, value_name = "NAME", requires = "price_per_hour", default_value = "USD")]
    pub(super) currency: String,
    /// Also run under other costs and boots: a missing instance-minute at 4, 19 and 99 idle ones, boots of 10 s, 1, 5 and
    /// 15 min; about twelve times the work
    #[arg(long)]
    pub(super) pareto: bool,
    /// A tier of parked instances, which are started: what holding one costs relative to a warm one, and the time until
    /// one serves, such as hold=0.1,latency=30s; where wanted spread=SIGMA of the latency and enter=TIME that parking takes
    #[arg(long, value_name = "TIER", conflicts_with = "pareto")]
    pub(super) parked: Option<Offer>,
    /// A tier of shells, booted but not specialised, in the same words; enter=TIME is how long one takes to build
    #[arg(long, value_name = "TIER", conflicts_with = "pareto")]
    pub(super) shell: Option<Offer>,
    /// The load that one instance serves; a fortieth of the first half's 95th percentile unless given
    #[arg(long, value_name = "LOAD")]
    pub(super) capacity: Option<f64>,
    /// Spread of the boot time: standard deviation of its logarithm
    #[arg(long, value_name = "SIGMA", default_value_t = 0.0)]
    pub(super) boot_spread: f64,
    /// Share of boots that fail, noticed when they were due
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub(super) boot_failures: f64,
    /// The most instances that may exist
    #[arg(long, value_name = "N")]
    pub(super) quota: Option<u32>,
    /// Share of time without telemetry, in gaps of half an hour
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub(super) telemetry_gaps: f64,
    /// Share of the scored half after which the forecaster is dead
    #[arg(long, value_name = "SHARE")]
    pub(super) forecaster_dies: Option<f64>,
    /// The seed of all chance
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// Where to write the figures
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// A folder for one CSV per series and policy: DIR/SERIES/POLICY.csv with `timestamp,demand,wanted,ready,booting`
    #[arg(long, value_name = "DIR")]
    pub(super) steps: Option<PathBuf>,
    /// Where to write a page with plots that needs nothing but itself
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
}

/// Fixed rules of a simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Protocol {
    /// Boots of 5 minutes, a missing instance-minute at 19 idle ones, capacity from the trace's first half.
    Bench,
}

/// A policy as it is called on the command line, in reports and files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Named {
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

    /// Whether it plans from forecasts, and so may use cheaper tiers.
    fn plans(self) -> bool {
        matches!(self, Self::Forewarm | Self::LevelProgramme)
    }

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
    pub(super) fn check(&self) -> Result<(), CliError> {
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
        if let Some(price) = self.price_per_hour.filter(|price| !(*price > 0.0 && price.is_finite())) {
            return usage(format!("--price-per-hour is a price above zero, not {price}"));
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
        if self.boots.is_none() {
            self.check_tiers(f64::from(self.boot_s))?;
        }
        if self.quota == Some(0) {
            return usage("--quota is at least 1: with no instance there is nothing to compare".into());
        }
        match self.forecaster_dies.filter(|share| !(0.0..=1.0).contains(share)) {
            Some(share) => usage(format!("--forecaster-dies is a share from 0 to 1, not {share}")),
            None => Ok(()),
        }
    }

    /// Whether the cheaper tiers are of use where boots take `boot_s`, and to anybody.
    pub(super) fn check_tiers(&self, boot_s: f64) -> Result<(), CliError> {
        let Some(tiers) = self.tiers() else { return Ok(()) };
        if !self.policy.iter().any(|named| named.plans()) {
            let planners = "--parked and --shell are used by what plans: add forewarm or level_programme to --policy";
            return Err(CliError::Usage(planners.into()));
        }
        tiers.check(boot_s, MINUTE_MS).map_err(|error| CliError::Usage(format!("--{error}")))
    }

    /// What goes wrong; `boots` are those of the file that the arguments name.
    pub(super) fn faults(&self, boots: Option<Arc<Boots>>) -> Faults {
        Faults {
            boots,
            boot_spread: self.boot_spread,
            boot_failures: self.boot_failures,
            quota: self.quota,
            telemetry_gaps: self.telemetry_gaps,
            forecaster_dies: self.forecaster_dies,
        }
    }

    /// The cheaper tiers, where there are any.
    pub(super) fn tiers(&self) -> Option<Tiers> {
        Tiers::new(self.parked, self.shell)
    }

    /// The policies; where there are cheaper tiers, those that plan take part without them too, so that it is seen what
    /// the tiers are worth.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let tiered = self.tiers().is_some();
        let entry = |name: String, named: Named, tiered| Entry { name, policy: named.policy(), tiered };
        let entries = |named: &Named| {
            let without = (tiered && named.plans()).then(|| entry(format!("{named}{WITHOUT_TIERS}"), *named, false));
            std::iter::once(entry(named.to_string(), *named, tiered)).chain(without)
        };
        self.policy.iter().flat_map(entries).collect()
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
            ("--trace a.csv --price-per-hour 0.4 --currency EUR --pareto", ""),
            ("--trace a.csv --price-per-hour=-1", "a price above zero, not -1"),
            ("--trace a.csv --price-per-hour NaN", "not NaN"),
            ("--trace a.csv --currency EUR", "--price-per-hour"),
            ("--trace a.csv --boots b.csv --boot-s 30", "cannot be used with"),
            ("--trace a.csv --boot-spread 9", "0 to 2, not 9"),
            ("--trace a.csv --boot-failures 1", "--boot-failures is a share from 0 to 0.9, not 1"),
            ("--trace a.csv --telemetry-gaps=-1", "--telemetry-gaps is a share"),
            ("--trace a.csv --quota 0", "--quota is at least 1"),
            ("--trace a.csv --forecaster-dies 2", "a share from 0 to 1, not 2"),
            ("--trace a.csv --protocol bench --boot-s 10", "cannot be used with"),
            ("--trace a.csv --parked hold=0.1,latency=30s --shell hold=0.5,latency=10s,enter=200s", ""),
            ("--trace a.csv --parked hold=1,latency=30s", "hold is `1`: use a share of a warm one's price"),
            ("--trace a.csv --parked hold=0.1,latency=-3s", "latency is `-3s`"),
            ("--trace a.csv --shell hold=0.1", "latency is missing"),
            ("--trace a.csv --parked hold=0.1,latency=300s", "parked: one serves within 300 s"),
            ("--trace a.csv --boot-s 60 --shell hold=0.1,latency=5s", "no sooner than after a boot of 60 s"),
            ("--trace a.csv --shell hold=0.1,latency=5s,enter=20m", "shell: one is built within 1200 s"),
            ("--trace a.csv --parked hold=0.1,latency=30s --policy reactive,static", "forewarm or level_programme"),
            ("--trace a.csv --parked hold=0.1,latency=30s --pareto", "cannot be used with"),
            ("--trace a.csv --parked hold=0.1,latency=30s --protocol bench", "cannot be used with"),
            ("--trace a.csv --policy clever", "possible values: forewarm, level_programme"),
        ] {
            let told = check(line);
            assert!(told.contains(expected) && told.is_empty() == expected.is_empty(), "{line}: {told}");
        }
    }
}
