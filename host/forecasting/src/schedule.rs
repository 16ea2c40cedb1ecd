//! When a persona is fitted again: at its own place in the period, so that the load of many is even.

/// The 64-bit FNV-1a hash, stable over versions and machines; mixed once more because similar names differ little in
/// its upper bits.
fn hash(name: &str) -> u64 {
    let fnv = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mixed = (fnv ^ (fnv >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed ^ (mixed >> 33)
}

/// The place of `name` in a period, from 0 to below `period_ms`.
#[must_use]
pub fn offset_ms(name: &str, period_ms: u64) -> u64 {
    // The upper bits as a share of the period: no remainder, which would favour small offsets.
    ((u128::from(hash(name)) * u128::from(period_ms)) >> 64) as u64
}

/// The first time from `now_ms` on at which `name` is due; both in milliseconds since 1970. A period of 0 is always due.
#[must_use]
pub fn due_ms(name: &str, period_ms: u64, now_ms: u64) -> u64 {
    if period_ms == 0 {
        return now_ms;
    }
    let offset = offset_ms(name, period_ms);
    let into = (now_ms % period_ms + period_ms - offset) % period_ms;
    if into == 0 { now_ms } else { now_ms.saturating_add(period_ms - into) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY: u64 = 86_400_000;

    #[test]
    fn ten_thousand_personas_spread_evenly_over_the_day() {
        let mut hours = [0_u32; 24];
        for index in 0..10_000 {
            hours[(offset_ms(&format!("persona-{index}"), DAY) / 3_600_000) as usize] += 1;
        }
        // The expected number is 417; five standard deviations of a binomial one are 100.
        assert!(hours.iter().all(|count| (317..=517).contains(count)), "{hours:?}");
    }

    proptest! {
        #[test]
        fn each_is_due_once_a_period(name in "[a-z0-9-]{1,20}", now in 0..u64::from(u32::MAX), period in 1..DAY) {
            let due = due_ms(&name, period, now);
            prop_assert!(due >= now && due - now < period);
            prop_assert_eq!(due % period, offset_ms(&name, period) % period);
            prop_assert_eq!(due_ms(&name, period, due + 1), due + period);
        }
    }
}
