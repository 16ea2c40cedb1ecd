//! For how long a number of instances is expected to be needed.

use crate::plan::{Outlook, Snapshot, instances_for};
use crate::time::HOUR_MS;

impl Snapshot {
    /// For how many hours at least `level` instances are expected to go on being needed when `wanted` are now: within the
    /// forecast's horizon as surely as the critical ratio asks for, else for as long as they were needed of late.
    #[must_use]
    pub fn kept_hours(&self, wanted: u32, level: u32) -> f64 {
        let needed = |load: f64| instances_for(load, self.capacity_per_instance);
        let needs: Vec<u32> = match &self.outlook {
            Outlook::Forecast(fan) => {
                let ratio = self.scaling.critical_ratio;
                (0..fan.horizon()).map(|step| needed(fan.quantile(step, ratio))).collect()
            }
            Outlook::Unknown(_) => {
                self.recent_load.iter().rev().take_while(|load| load.is_finite()).map(|load| needed(*load)).collect()
            }
        };
        // What the policy and the bounds want beyond the load of the moment, they are taken to want later too.
        let beyond = wanted.saturating_sub(needs.first().copied().unwrap_or(0));
        let steps = match level <= self.scaling.min {
            true => needs.len(),
            false => needs.iter().take_while(|needed| needed.saturating_add(beyond) >= level).count(),
        };
        steps as f64 * self.step_ms as f64 / HOUR_MS as f64
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::tests::certain;
    use crate::plan::{Outlook, Stock};

    #[test]
    fn a_level_is_kept_until_it_is_not_forecast_any_more() {
        let mut loads = [5.0; 60];
        loads[30..].fill(2.0);
        let mut snapshot = certain(&loads, Stock { warm: 6, ..Stock::default() });
        let hours = |steps: f64| steps * snapshot.step_ms as f64 / 3_600_000.0;
        assert_eq!([2, 5, 6].map(|level| snapshot.kept_hours(5, level)), [60.0, 30.0, 0.0].map(hours));
        assert_eq!([3, 6].map(|level| snapshot.kept_hours(6, level)), [60.0, 30.0].map(hours), "one more is wanted");
        let whole = hours(60.0);
        snapshot.scaling.min = 5;
        assert_eq!(snapshot.kept_hours(5, 5), whole, "the minimum is kept anyway");
    }

    #[test]
    fn without_a_forecast_it_is_kept_for_as_long_as_it_was() {
        let mut snapshot = certain(&[1.0; 60], Stock { warm: 6, ..Stock::default() });
        snapshot.outlook = Outlook::Unknown("nobody forecasts".into());
        snapshot.recent_load = vec![9.0, f64::NAN, 2.0, 2.0, 5.0, 5.0, 5.0];
        let hours = |steps: f64| steps * snapshot.step_ms as f64 / 3_600_000.0;
        assert_eq!([1, 5, 6].map(|level| snapshot.kept_hours(5, level)), [5.0, 3.0, 0.0].map(hours));
        snapshot.recent_load.clear();
        assert_eq!(snapshot.kept_hours(5, 1), 0.0, "nothing is known");
    }
}
