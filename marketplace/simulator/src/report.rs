//! What a simulation found, for programs and pages. Amounts are in credits, times in instance-minutes.

use crate::setting::Setting;
use forewarm_domain::time::TimestampMs;
use serde::Serialize;
use std::collections::BTreeMap;

const MICRO: f64 = 1e6;

/// All of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Under which it was found.
    pub setting: Setting,
    /// Over all series.
    pub totals: Totals,
    /// Each series.
    pub series: BTreeMap<String, Series>,
}

/// One owner's series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Series {
    /// When the first window began.
    pub from: TimestampMs,
    /// Instances that the owner keeps.
    pub fleet: u32,
    /// Tenants that want them.
    pub tenants: usize,
    /// Over all windows.
    pub totals: Totals,
    /// Window by window.
    pub windows: Vec<Window>,
}

/// One window of one series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Window {
    /// When it began.
    pub from: TimestampMs,
    /// The owner's own highest demand in it.
    pub demand: u32,
    /// Instances listed as firm and as reclaimable.
    pub listed: [u32; 2],
    /// Instances leased as firm and as reclaimable.
    pub leased: [u64; 2],
    /// Instances that were wanted and not leased, at whatever limit.
    pub unfilled: u64,
    /// What a firm and a reclaimable one cost, in credits an hour; `null` without a trade.
    pub price: [Option<f64>; 2],
    /// Instances that were called back.
    pub reclaimed: u64,
}

/// Sums; the counted ones are exact, the others follow from them.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Totals {
    /// Windows in which somebody could have traded.
    pub windows: u64,
    /// What owners did not need themselves.
    pub idle: f64,
    /// What they listed, as firm and as reclaimable.
    pub listed: [f64; 2],
    /// What tenants had of the idle.
    pub used: f64,
    /// `used` over `idle`.
    pub utilisation: f64,
    /// What owners missed because tenants had it.
    pub missed: f64,
    /// What tenants paid, before anything went back.
    pub turnover: f64,
    /// What of it the market kept.
    pub fees: f64,
    /// What went back to tenants for unused time.
    pub refunds: f64,
    /// What came on top.
    pub compensation: f64,
    /// What owners have of it in the end.
    pub revenue: f64,
    /// What that is for each idle instance-hour.
    pub revenue_per_idle_hour: f64,
    /// Instances leased as firm and as reclaimable.
    pub leased: [u64; 2],
    /// Of the reclaimable ones, those called back.
    pub reclaimed: u64,
    /// `reclaimed` over the reclaimable ones leased.
    pub reclaim_rate: f64,
    /// The shortest notice that anybody had, in minutes; `null` where nothing was called back.
    pub notice_least: Option<u64>,
    /// The share of reclaims whose whole notice was kept; `null` where nothing was called back.
    pub notice_kept: Option<f64>,
    /// What buyers' limits exceed sellers' reserves by, over all that was traded.
    pub welfare: f64,
    /// The same for the best allocation without min-fills: no less than the optimum.
    pub welfare_most: f64,
    /// `welfare` over `welfare_most`.
    pub welfare_share: f64,
    /// Rounds in which the classes' prices could not keep their distance.
    pub flagged: u64,
    /// How many orders ended in which way.
    pub orders: BTreeMap<&'static str, u64>,
    /// What an instance cost on average, as firm and as reclaimable, in credits an hour.
    pub mean_price: [Option<f64>; 2],
}

/// The same in whole numbers, as they are counted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    pub(crate) windows: u64,
    pub(crate) idle: u64,
    pub(crate) listed: [u64; 2],
    pub(crate) used: u64,
    pub(crate) missed: u64,
    pub(crate) turnover: i128,
    pub(crate) fees: i128,
    pub(crate) refunds: i128,
    pub(crate) compensation: i128,
    pub(crate) leased: [u64; 2],
    pub(crate) paid: [i128; 2],
    pub(crate) reclaims: u64,
    pub(crate) reclaims_kept: u64,
    pub(crate) reclaimed: u64,
    pub(crate) notice_least: Option<u64>,
    pub(crate) welfare: i128,
    pub(crate) welfare_most: i128,
    pub(crate) flagged: u64,
    pub(crate) orders: BTreeMap<&'static str, u64>,
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        let pairs = |sum: &mut [u64; 2], other: [u64; 2]| sum.iter_mut().zip(other).for_each(|(sum, one)| *sum += one);
        self.windows += other.windows;
        self.idle += other.idle;
        pairs(&mut self.listed, other.listed);
        self.used += other.used;
        self.missed += other.missed;
        self.turnover += other.turnover;
        self.fees += other.fees;
        self.refunds += other.refunds;
        self.compensation += other.compensation;
        pairs(&mut self.leased, other.leased);
        self.paid.iter_mut().zip(other.paid).for_each(|(sum, one)| *sum += one);
        self.reclaims += other.reclaims;
        self.reclaims_kept += other.reclaims_kept;
        self.reclaimed += other.reclaimed;
        self.notice_least = self.notice_least.into_iter().chain(other.notice_least).min();
        self.welfare += other.welfare;
        self.welfare_most += other.welfare_most;
        self.flagged += other.flagged;
        for (ending, count) in &other.orders {
            *self.orders.entry(ending).or_default() += count;
        }
    }

    /// Steps are minutes.
    pub(crate) fn totals(&self, setting: &Setting) -> Totals {
        let credits = |micro: i128| micro as f64 / MICRO;
        let revenue = credits(self.turnover - self.fees - self.refunds - self.compensation);
        let hours = setting.window_steps as f64 / 60.0;
        let mean = |class: usize| {
            (self.leased[class] > 0).then(|| credits(self.paid[class]) / (self.leased[class] as f64 * hours))
        };
        Totals {
            windows: self.windows,
            idle: self.idle as f64,
            listed: self.listed.map(|listed| listed as f64),
            used: self.used as f64,
            utilisation: share(self.used as f64, self.idle as f64),
            missed: self.missed as f64,
            turnover: credits(self.turnover),
            fees: credits(self.fees),
            refunds: credits(self.refunds),
            compensation: credits(self.compensation),
            revenue,
            revenue_per_idle_hour: share(revenue, self.idle as f64 / 60.0),
            leased: self.leased,
            reclaimed: self.reclaimed,
            reclaim_rate: share(self.reclaimed as f64, self.leased[1] as f64),
            notice_least: self.notice_least,
            notice_kept: (self.reclaims > 0).then(|| self.reclaims_kept as f64 / self.reclaims as f64),
            welfare: credits(self.welfare),
            welfare_most: credits(self.welfare_most),
            welfare_share: if self.welfare_most == 0 { 1.0 } else { self.welfare as f64 / self.welfare_most as f64 },
            flagged: self.flagged,
            orders: self.orders.clone(),
            mean_price: [mean(0), mean(1)],
        }
    }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
