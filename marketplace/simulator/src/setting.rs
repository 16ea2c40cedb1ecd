//! What a simulation is run under, checked before anything is drawn.

use forewarm_auction::{LeaseDuration, ORDERS_MAX, PartsPerMillion, Terms};
use forewarm_domain::lending::{PRICE_MAX, per_second};
use serde::Serialize;

/// The most tenants.
pub const TENANTS_MAX: usize = 100_000;
/// The longest window in steps: as far as forecasts of the step clock reach.
pub const WINDOW_STEPS_MAX: usize = 60;
/// Orders of one round and series, on average: few enough that a crowded window still fits into a book.
const ORDERS_EXPECTED_MAX: f64 = (ORDERS_MAX / 10) as f64;
const STEPS_PER_DAY: f64 = 1_440.0;

/// See the module's description. Built by hand, checked by [`Setting::check`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Setting {
    /// Tenants in all.
    pub tenants: usize,
    /// Orders of a tenant and day, on average.
    pub orders_per_day: f64,
    /// Credits that the median tenant may spend in a day.
    pub budget: f64,
    /// What an instance is worth to the median tenant, as a multiple of what it costs its owner to keep.
    pub value: f64,
    /// The share of tenants that want firm leases.
    pub firm_share: f64,
    /// The share of orders that take no less than a part of what they want.
    pub min_fill_share: f64,
    /// A window in steps of one minute.
    pub window_steps: usize,
    /// The notice of a reclaim in steps.
    pub notice_steps: usize,
    /// Steps that a lease runs at least before it may be called back.
    pub min_run_steps: usize,
    /// What keeping an instance costs its owner, in credits an hour.
    pub carrying_cost: f64,
    /// What a missing instance costs its owner, as a multiple of an idle one.
    pub shortage_ratio: f64,
    /// What comes on top of the refund of a lease that is called back, in parts per million of its price.
    pub compensation: PartsPerMillion,
    /// What the market keeps, in parts per million.
    pub fee: PartsPerMillion,
    /// The seed of all chance.
    pub seed: u64,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            tenants: 2_000,
            orders_per_day: 4.0,
            budget: 20.0,
            value: 1.5,
            firm_share: 0.35,
            min_fill_share: 0.3,
            window_steps: 30,
            notice_steps: 5,
            min_run_steps: 5,
            carrying_cost: 1.0,
            shortage_ratio: 19.0,
            compensation: rate(250_000),
            fee: rate(20_000),
            seed: 1,
        }
    }
}

fn rate(parts: i64) -> PartsPerMillion {
    PartsPerMillion::try_from(parts).unwrap_or_default()
}

/// Why nothing can be simulated under a setting.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidSetting {
    /// Nobody, or too many.
    #[error("there are 1 to {TENANTS_MAX} tenants, not {0}")]
    Tenants(usize),
    /// A number that is out of its range.
    #[error("{what} is {least} to {most}, not {got}")]
    Range {
        /// What it is.
        what: &'static str,
        /// The least.
        least: f64,
        /// The most.
        most: f64,
        /// What came.
        got: f64,
    },
    /// Nobody could pay for anything.
    #[error("a budget is above zero credits a day and at most {most}, not {got}: tenants without money never bid")]
    Budget {
        /// What came.
        got: f64,
        /// The most.
        most: f64,
    },
    /// A notice that is as long as the lease.
    #[error("a notice of {notice} minutes leaves nothing of a window of {window}: it has to be shorter")]
    Notice {
        /// The notice.
        notice: usize,
        /// The window.
        window: usize,
    },
    /// More than a book holds.
    #[error(
        "{tenants} tenants with {orders} orders a day would place {expected:.0} in each window, over {ORDERS_EXPECTED_MAX}: \
         lower either, or shorten the window"
    )]
    Orders {
        /// How many tenants.
        tenants: usize,
        /// Of each, in a day.
        orders: f64,
        /// In each window.
        expected: f64,
    },
}

impl Setting {
    /// Whether it makes sense.
    ///
    /// # Errors
    /// [`InvalidSetting`] with the first thing that does not.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        if !(1..=TENANTS_MAX).contains(&self.tenants) {
            return Err(InvalidSetting::Tenants(self.tenants));
        }
        let most = 1e6;
        if !(self.budget > 0.0 && self.budget <= most) {
            return Err(InvalidSetting::Budget { got: self.budget, most });
        }
        for (what, least, most, got) in [
            ("the number of orders of a tenant and day", 0.01, 1_000.0, self.orders_per_day),
            ("what an instance is worth, in carrying costs,", 0.01, 1_000.0, self.value),
            ("the share of firm tenants", 0.0, 1.0, self.firm_share),
            ("the share of orders with a min-fill", 0.0, 1.0, self.min_fill_share),
            ("a window in minutes", 2.0, WINDOW_STEPS_MAX as f64, self.window_steps as f64),
            ("a notice in minutes", 1.0, WINDOW_STEPS_MAX as f64, self.notice_steps as f64),
            ("the carrying cost in credits an instance-hour", 0.001, 1_000.0, self.carrying_cost),
            ("the cost of a missing instance, in idle ones,", 1.0, 10_000.0, self.shortage_ratio),
        ] {
            if !(least..=most).contains(&got) {
                return Err(InvalidSetting::Range { what, least, most, got });
            }
        }
        if self.notice_steps >= self.window_steps {
            return Err(InvalidSetting::Notice { notice: self.notice_steps, window: self.window_steps });
        }
        let expected = self.tenants as f64 * self.orders_per_window();
        if expected > ORDERS_EXPECTED_MAX {
            let (tenants, orders) = (self.tenants, self.orders_per_day);
            return Err(InvalidSetting::Orders { tenants, orders, expected });
        }
        Ok(())
    }

    /// Orders of a tenant and window, on average.
    #[must_use]
    pub fn orders_per_window(&self) -> f64 {
        self.orders_per_day * self.window_steps as f64 / STEPS_PER_DAY
    }

    /// Windows of a day, at least one.
    #[must_use]
    pub fn windows_per_day(&self) -> usize {
        (STEPS_PER_DAY as usize / self.window_steps.max(1)).max(1)
    }

    /// What keeping an instance costs, in micro-credits a second.
    #[must_use]
    pub fn carrying(&self) -> u32 {
        per_second(self.carrying_cost)
    }

    /// What missing one costs, in micro-credits a second.
    #[must_use]
    pub fn shortage(&self) -> u32 {
        ((f64::from(self.carrying()) * self.shortage_ratio).ceil() as u32).min(PRICE_MAX)
    }

    /// The terms of all leases.
    #[must_use]
    pub fn terms(&self) -> Terms {
        let seconds = 60 * self.window_steps.clamp(1, WINDOW_STEPS_MAX) as i64;
        let duration = LeaseDuration::try_from(seconds).unwrap_or(LeaseDuration::MAX);
        Terms { duration, fee: self.fee, compensation: self.compensation }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl Fn(&mut Setting), expected: &str) {
        let mut setting = Setting::default();
        change(&mut setting);
        let told = setting.check().err().map_or_else(String::new, |error| error.to_string());
        assert!(told.contains(expected) && told.is_empty() == expected.is_empty(), "{told}");
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_would() {
        check(|_| {}, "");
        check(|setting| setting.tenants = 0, "1 to 100000 tenants, not 0");
        check(|setting| setting.tenants = 100_001, "1 to 100000 tenants, not 100001");
        check(|setting| setting.budget = 0.0, "above zero credits a day");
        check(|setting| setting.budget = f64::NAN, "above zero credits a day");
        check(|setting| setting.orders_per_day = -1.0, "orders of a tenant and day is 0.01 to 1000, not -1");
        check(|setting| setting.firm_share = 1.5, "share of firm tenants is 0 to 1, not 1.5");
        check(|setting| setting.window_steps = 61, "a window in minutes is 2 to 60, not 61");
        check(|setting| setting.notice_steps = 30, "a notice of 30 minutes leaves nothing of a window of 30");
        check(|setting| setting.carrying_cost = f64::INFINITY, "carrying cost");
        let crowd = |setting: &mut Setting| (setting.tenants, setting.orders_per_day) = (100_000, 1_000.0);
        check(crowd, "would place 2083333 in each window");
    }
}
