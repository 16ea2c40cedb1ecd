//! All rounds of all owners, one window after the other.

use crate::book::{Desk, Ending};
use crate::lease::{Lived, live};
use crate::owner::Owner;
use crate::report::{Counts, Report, Series, Window};
use crate::setting::{InvalidSetting, Setting};
use crate::tenant::{Tenant, tenants};
use forewarm_auction::{
    InvalidBook, LeaseClass, MoneyOverflow, Orders, ReasonCode, Regime, Seed, SettleError, SettlePlan, TwoClassBook,
    TwoClassClearing, TwoClassOrders, clear_market, clear_round, settle_plan,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;

const CLASSES: [LeaseClass; 2] = [LeaseClass::Firm, LeaseClass::Reclaimable];

/// Why a simulation has no report.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The setting makes no sense.
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
    /// Nothing could ever be sold.
    #[error(
        "not one of the {owners} series has anything to spare in any window: their forecasts need the whole fleet, or there \
         are none; try a longer trace, a shorter window, or another forecaster"
    )]
    NoSurplus {
        /// How many there are.
        owners: usize,
    },
    /// A book that can't be cleared.
    #[error("series {series}, window {window}: {source}; lower the number of tenants or orders")]
    Book {
        /// The series.
        series: String,
        /// From 0.
        window: usize,
        /// Why.
        source: InvalidBook,
    },
    /// Money that does not fit.
    #[error("series {series}, window {window}: {source}; lower prices or the window")]
    Settle {
        /// The series.
        series: String,
        /// From 0.
        window: usize,
        /// Why.
        source: SettleError,
    },
    /// The same, of a reclaim.
    #[error("series {series}: {source}")]
    Money {
        /// The series.
        series: String,
        /// Why.
        source: MoneyOverflow,
    },
}

/// Holds all rounds. `progress` is told how many windows are done.
///
/// # Errors
/// [`RunError`] when the setting makes no sense, nothing can be spared, or a number does not fit.
pub fn run(owners: &[Owner], setting: &Setting, progress: &mut dyn FnMut(usize)) -> Result<Report, RunError> {
    setting.check()?;
    let spares = |owner: &Owner| owner.listings.iter().any(|listing| listing.firm + listing.reclaimable > 0);
    if !owners.iter().any(spares) {
        return Err(RunError::NoSurplus { owners: owners.len() });
    }
    let tenants = tenants(setting, owners.len());
    let mut stalls: Vec<_> =
        owners.iter().enumerate().map(|(number, owner)| Stall::new(number, owner, setting, &tenants)).collect();
    for window in 0..windows(owners) {
        let mut open: Vec<_> = stalls.iter_mut().filter(|stall| window < stall.owner.listings.len()).collect();
        let books = open.iter_mut().map(|stall| stall.seal(window)).collect::<Result<Vec<_>, _>>()?;
        let round = clear_round(&books, round_seed(setting, window));
        for ((stall, book), clearing) in open.into_iter().zip(&books).zip(&round.books) {
            stall.close(window, book, clearing)?;
        }
        progress(window + 1);
    }
    Ok(report(setting, stalls))
}

/// How many windows the longest series has.
#[must_use]
pub fn windows(owners: &[Owner]) -> usize {
    owners.iter().map(|owner| owner.listings.len()).max().unwrap_or(0)
}

fn round_seed(setting: &Setting, window: usize) -> Seed {
    Seed(StdRng::seed_from_u64(setting.seed.wrapping_mul(31).wrapping_add(window as u64)).random())
}

/// One owner's part of the market, and what came of it.
struct Stall<'a> {
    owner: &'a Owner,
    setting: &'a Setting,
    desk: Desk<'a>,
    tenants: usize,
    counts: Counts,
    windows: Vec<Window>,
}

impl<'a> Stall<'a> {
    fn new(number: usize, owner: &'a Owner, setting: &'a Setting, tenants: &'a [Tenant]) -> Self {
        Self {
            owner,
            setting,
            desk: Desk::new(number, owner, setting, tenants),
            tenants: tenants.iter().filter(|tenant| tenant.owner == number).count(),
            counts: Counts::default(),
            windows: Vec::with_capacity(owner.listings.len()),
        }
    }

    fn seal(&mut self, window: usize) -> Result<TwoClassBook, RunError> {
        let series = || self.owner.name.clone();
        self.desk.seal(window).map_err(|source| RunError::Book { series: series(), window, source })
    }

    /// Settles a round, lives through its window and counts.
    fn close(&mut self, window: usize, book: &TwoClassBook, clearing: &TwoClassClearing) -> Result<(), RunError> {
        let series = || self.owner.name.clone();
        let plan = settle_plan(book, clearing, self.setting.terms()).map_err(|source| RunError::Settle {
            series: series(),
            window,
            source,
        })?;
        self.desk.settle(window, clearing, &plan);
        let lived = live(self.owner, self.setting, window, &plan)
            .map_err(|source| RunError::Money { series: series(), source })?;
        for payback in &lived.paybacks {
            self.desk.pay_back(&payback.trade.buyer, payback.refund.0.saturating_add(payback.compensation.0));
        }
        self.count(book, clearing, &plan, &lived);
        self.windows.push(self.window(window, clearing, &lived));
        Ok(())
    }

    fn count(&mut self, book: &TwoClassBook, clearing: &TwoClassClearing, plan: &SettlePlan, lived: &Lived<'_>) {
        let listing = self.owner.listings.get(self.windows.len()).copied().unwrap_or_default();
        let (steps, counts) = (self.setting.window_steps as u64, &mut self.counts);
        let orders = TwoClassOrders::from(book.clone());
        counts.windows += u64::from(!orders.firm.asks.is_empty() || !orders.reclaimable.asks.is_empty());
        counts.idle += lived.idle;
        counts.used += lived.used;
        counts.missed += lived.missed;
        counts.listed[0] += steps * u64::from(listing.firm);
        counts.listed[1] += steps * u64::from(listing.reclaimable);
        counts.turnover += i128::from(plan.turnover.0);
        counts.fees += i128::from(plan.fees.0);
        for (class, place) in CLASSES.into_iter().zip(0..) {
            counts.leased[place] += clearing.outcome(class).volume;
            let trades = plan.trades.iter().filter(|trade| trade.class == class);
            counts.paid[place] += trades.map(|trade| i128::from(trade.cost.0)).sum::<i128>();
        }
        for payback in &lived.paybacks {
            counts.refunds += i128::from(payback.refund.0);
            counts.compensation += i128::from(payback.compensation.0);
            counts.reclaims += 1;
            counts.reclaims_kept += u64::from(payback.notice_steps >= self.setting.notice_steps);
            counts.reclaimed += u64::from(payback.trade.units.get());
            counts.notice_least = counts.notice_least.into_iter().chain([payback.notice_steps as u64]).min();
        }
        let seconds = i128::from(self.setting.terms().duration.seconds());
        counts.welfare += seconds * welfare(&orders, clearing);
        counts.welfare_most += seconds * welfare_most(orders);
        counts.flagged += u64::from(clearing.regime == Regime::Flagged);
    }

    fn window(&self, window: usize, clearing: &TwoClassClearing, lived: &Lived<'_>) -> Window {
        let (owner, first) = (self.owner, window * self.setting.window_steps);
        let listing = owner.listings.get(window).copied().unwrap_or_default();
        let demand = owner.demand.iter().skip(first).take(self.setting.window_steps);
        Window {
            from: owner.start + owner.step_ms * first as i64,
            demand: demand.copied().max().unwrap_or(0),
            listed: [listing.firm, listing.reclaimable],
            leased: CLASSES.map(|class| clearing.outcome(class).volume),
            unfilled: CLASSES.map(|class| clearing.outcome(class).unfilled_demand).iter().sum(),
            price: CLASSES.map(|class| clearing.outcome(class).price.map(|price| per_hour(price.get()))),
            reclaimed: lived.paybacks.iter().map(|payback| u64::from(payback.trade.units.get())).sum(),
        }
    }
}

/// Credits an hour from micro-credits a second.
fn per_hour(price: u32) -> f64 {
    f64::from(price) * 3_600.0 / 1e6
}

/// What limits exceed reserves by, for a second of all that is traded; a firm lease costs its owner the premium, too.
fn welfare(orders: &TwoClassOrders, clearing: &TwoClassClearing) -> i128 {
    let sides = [&orders.firm, &orders.reclaimable];
    let limits = sides.iter().flat_map(|side| side.bids.iter().map(|bid| (bid.id, i128::from(bid.limit.get()))));
    let reserves = sides.iter().flat_map(|side| side.asks.iter().map(|ask| (ask.id, i128::from(ask.reserve.get()))));
    let (limits, reserves): (BTreeMap<_, _>, BTreeMap<_, _>) = (limits.collect(), reserves.collect());
    let premium = |class| if class == LeaseClass::Firm { i128::from(orders.premium.get()) } else { 0 };
    let of = |class| {
        let gain = |fill: &forewarm_auction::Fill| {
            let (limit, reserve) = (limits.get(&fill.bid)?, reserves.get(&fill.ask)?);
            Some((limit - reserve - premium(class)) * i128::from(fill.quantity.get()))
        };
        clearing.outcome(class).fills.iter().filter_map(gain).sum::<i128>()
    };
    CLASSES.into_iter().map(of).sum()
}

/// The same where nobody has a min-fill, without those whom all that is on offer is not enough: clearing then finds the
/// best allocation, so that none with min-fills is better.
fn welfare_most(mut orders: TwoClassOrders) -> i128 {
    let offered = |side: &Orders| side.asks.iter().map(|ask| u64::from(ask.quantity.get())).sum::<u64>();
    let firm = offered(&orders.firm);
    let either = firm + offered(&orders.reclaimable);
    for (side, offered) in [(&mut orders.firm, firm), (&mut orders.reclaimable, either)] {
        side.bids.retain(|bid| bid.min_fill.is_none_or(|least| u64::from(least.get()) <= offered));
        side.bids.iter_mut().for_each(|bid| bid.min_fill = None);
    }
    let Ok(book) = TwoClassBook::try_from(orders.clone()) else { return 0 };
    welfare(&orders, &clear_market(&book, Seed([0; 32])))
}

fn report(setting: &Setting, stalls: Vec<Stall<'_>>) -> Report {
    let mut all = Counts::default();
    let mut series = BTreeMap::new();
    for mut stall in stalls {
        stall.counts.orders = stall.desk.endings.iter().map(|(ending, count)| (name(*ending), *count)).collect();
        all.add(&stall.counts);
        let one = Series {
            from: stall.owner.start,
            fleet: stall.owner.fleet,
            tenants: stall.tenants,
            totals: stall.counts.totals(setting),
            windows: stall.windows,
        };
        series.insert(stall.owner.name.clone(), one);
    }
    Report { setting: *setting, totals: all.totals(setting), series }
}

/// How an ending is called in reports: as in the market's API.
fn name(ending: Ending) -> &'static str {
    match ending {
        Ending::BudgetHold => "budget_hold",
        Ending::Told(ReasonCode::Filled) => "filled",
        Ending::Told(ReasonCode::PartlyFilled) => "partly_filled",
        Ending::Told(ReasonCode::BelowPrice) => "below_price",
        Ending::Told(ReasonCode::AbovePrice) => "above_price",
        Ending::Told(ReasonCode::LostTie) => "lost_tie",
        Ending::Told(ReasonCode::ParadoxicallyRejected) => "paradoxically_rejected",
        Ending::Told(ReasonCode::SelfTrade) => "self_trade",
        Ending::Told(ReasonCode::NoMatch) => "no_match",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::owner::tests::owner;

    fn small() -> Setting {
        Setting { tenants: 60, seed: 7, ..Setting::default() }
    }

    fn text(owners: &[Owner], setting: &Setting) -> String {
        serde_json::to_string(&run(owners, setting, &mut |_| {}).expect("a report")).expect("text")
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let owners = [owner("web"), owner("batch")];
        assert_eq!(text(&owners, &small()), text(&owners, &small()));
        assert_ne!(text(&owners, &small()), text(&owners, &Setting { seed: 8, ..small() }));
    }

    #[test]
    fn the_sums_fit_together() {
        let owners = [owner("web"), owner("batch")];
        let report = run(&owners, &small(), &mut |_| {}).expect("a report");
        let totals = &report.totals;
        assert!(totals.used > 0.0 && totals.used <= totals.idle && totals.leased[0] > 0 && totals.leased[1] > 0);
        let paid = totals.revenue + totals.fees + totals.refunds + totals.compensation;
        assert!((paid - totals.turnover).abs() < 1e-6, "{totals:?}");
        assert!((0.9..=1.0).contains(&totals.welfare_share), "{}", totals.welfare_share);
        for series in report.series.values() {
            for window in &series.windows {
                let (listed, leased) = (window.listed.iter().sum::<u32>(), window.leased.iter().sum::<u64>());
                assert!(leased <= u64::from(listed) && window.leased[0] <= u64::from(window.listed[0]), "{window:?}");
                assert!(window.reclaimed <= window.leased[1], "{window:?}");
            }
        }
        let used: f64 = report.series.values().map(|series| series.totals.used).sum();
        assert!((used - totals.used).abs() < 1e-6);
    }

    #[test]
    fn what_rises_is_called_back_with_the_whole_notice() {
        let mut rising = owner("web");
        // From the tenth minute of each window on the whole fleet is likely needed.
        let windows = rising.likely.chunks_mut(30);
        windows.for_each(|window| window.iter_mut().skip(10).for_each(|likely| *likely = 30));
        let report = run(&[rising], &small(), &mut |_| {}).expect("a report");
        let totals = &report.totals;
        assert!(totals.reclaimed > 0 && totals.reclaimed == totals.leased[1], "{totals:?}");
        assert_eq!((totals.notice_least, totals.notice_kept), (Some(5), Some(1.0)));
        // Half of the window is left: 15 of 30 minutes come back, and a quarter of that on top.
        assert!((totals.compensation / totals.refunds - 0.25).abs() < 1e-3, "{totals:?}");
    }

    #[test]
    fn budgets_bind() {
        let owners = [owner("web")];
        let poor = run(&owners, &Setting { budget: 0.5, ..small() }, &mut |_| {}).expect("a report");
        let rich = run(&owners, &Setting { budget: 1_000.0, ..small() }, &mut |_| {}).expect("a report");
        assert!(poor.totals.turnover < rich.totals.turnover);
        assert!(poor.totals.orders["budget_hold"] > 0 && !rich.totals.orders.contains_key("budget_hold"));
        // Nobody spends more in a day than it has: two days, median half a credit, and some have more.
        assert!(poor.totals.turnover < 2.0 * 60.0 * 0.5 * 4.0, "{}", poor.totals.turnover);
    }

    #[test]
    fn nothing_to_spare_and_senseless_settings_are_refused() {
        let mut full = owner("web");
        full.listings.iter_mut().for_each(|listing| *listing = Default::default());
        let told = run(&[full], &small(), &mut |_| {}).expect_err("no surplus").to_string();
        assert!(told.contains("not one of the 1 series has anything to spare"), "{told}");
        let told = run(&[owner("web")], &Setting { tenants: 0, ..small() }, &mut |_| {}).expect_err("nobody");
        assert!(told.to_string().contains("not 0"), "{told}");
    }
}
