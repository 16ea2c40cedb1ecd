//! What an owner asks at the least. Whole numbers only: prices in micro-credits per instance-second, shares in parts per
//! million; what does not come out even is rounded up, in the owner's favour.

use super::odds::{Odds, WHOLE_PPM};

/// The highest price: a thousand credits per instance-second.
pub const PRICE_MAX: u32 = 1_000_000_000;

/// The reserve price of instances that may be called back: `carrying / (1 - pi x rho x (1 + phi))`, so that the owner is
/// not worse off on average than with the instance idle. `None` where no price is enough.
#[must_use]
pub fn reserve_price(carrying_cost: u32, odds: Odds, compensation_ppm: u32) -> Option<u32> {
    let whole = u128::from(WHOLE_PPM);
    let lost = u128::from(odds.reclaim_ppm) * u128::from(odds.unused_ppm) * (whole + u128::from(compensation_ppm));
    let kept = whole.pow(3).checked_sub(lost).filter(|kept| *kept > 0)?;
    let price = (u128::from(carrying_cost) * whole.pow(3)).div_ceil(kept).max(1);
    u32::try_from(price).ok().filter(|price| *price <= PRICE_MAX)
}

/// The least premium of a firm lease over a reclaimable one: `pi x rho x shortage cost`.
#[must_use]
pub fn firm_premium(odds: Odds, shortage_cost: u32) -> u32 {
    let whole = u128::from(WHOLE_PPM);
    let cost = u128::from(odds.reclaim_ppm) * u128::from(odds.unused_ppm) * u128::from(shortage_cost);
    u32::try_from(cost.div_ceil(whole * whole)).unwrap_or(PRICE_MAX).min(PRICE_MAX)
}

/// What missing an instance costs, from what having one idle costs and the critical ratio c / (c + h).
#[must_use]
pub fn shortage_cost(carrying_cost: u32, critical_ratio: f64) -> u32 {
    let ratio = critical_ratio.clamp(0.0, 0.999_999);
    let cost = f64::from(carrying_cost) * ratio / (1.0 - ratio);
    (cost.ceil() as u32).min(PRICE_MAX)
}

/// A price per instance-hour in credits as one per instance-second in micro-credits; at least the smallest one.
#[must_use]
pub fn per_second(credits_per_hour: f64) -> u32 {
    ((credits_per_hour * 1e6 / 3_600.0).ceil() as u32).clamp(1, PRICE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn odds(reclaim_ppm: u32, unused_ppm: u32) -> Odds {
        Odds { reclaim_ppm, unused_ppm }
    }

    #[test]
    fn the_reserve_covers_what_is_paid_back_on_average() {
        for (carrying, pi, rho, phi, expected) in [
            (100, 0, 0, 0, Some(100)),
            (100, 200_000, 500_000, 250_000, Some(115)), // 100 / (1 - 0.125) = 114.28...
            (100, 1_000_000, 500_000, 0, Some(200)),
            (100, 1_000_000, 1_000_000, 0, None),
            (100, 900_000, 900_000, 500_000, None),
            (0, 0, 0, 0, Some(1)),
            (PRICE_MAX, 1, 1, 1_000_000, None),
        ] {
            assert_eq!(reserve_price(carrying, odds(pi, rho), phi), expected, "{carrying} {pi} {rho} {phi}");
        }
    }

    #[test]
    fn premiums_and_costs_are_whole_and_bounded() {
        assert_eq!(firm_premium(odds(10_000, 500_000), 19_000), 95);
        assert_eq!(firm_premium(odds(1, 1), 1), 1);
        assert_eq!(firm_premium(odds(WHOLE_PPM, WHOLE_PPM), u32::MAX), PRICE_MAX);
        assert_eq!((shortage_cost(100, 0.95), shortage_cost(u32::MAX, 1.0)), (1_900, PRICE_MAX));
        assert_eq!((per_second(0.036), per_second(0.0), per_second(f64::NAN), per_second(1e30)), (10, 1, 1, PRICE_MAX));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

        #[test]
        fn a_reserve_is_never_below_the_cost_and_rises_with_the_odds(
            carrying in 0..=PRICE_MAX, pi in 0..=WHOLE_PPM, rho in 0..=WHOLE_PPM, phi in 0..=WHOLE_PPM, less in 0..=WHOLE_PPM,
        ) {
            if let Some(price) = reserve_price(carrying, odds(pi, rho), phi) {
                prop_assert!((carrying.max(1)..=PRICE_MAX).contains(&price));
                let safer = reserve_price(carrying, odds(pi.min(less), rho), phi);
                prop_assert!(safer.is_some_and(|safer| safer <= price));
            }
        }
    }
}
