//! When a delivery that failed is tried again: after waits that grow threefold up to four hours, spread a little so that
//! receivers which failed together do not all come back at once.

use forewarm_domain::time::{SECOND_MS, TimestampMs};
use uuid::Uuid;

const GROWTH: i64 = 3;
const WAIT_MAX_MS: i64 = 4 * 3_600 * SECOND_MS;

/// When the next attempt is due after `attempts` failed ones (at least one), the last of them at `now`.
pub(super) fn next_attempt(first_wait_ms: i64, attempts: u32, id: Uuid, now: TimestampMs) -> TimestampMs {
    let exponent = attempts.saturating_sub(1).min(30);
    let wait = first_wait_ms.saturating_mul(GROWTH.saturating_pow(exponent)).clamp(1, WAIT_MAX_MS);
    // Up to a fifth more; the id's last byte is random enough for that.
    let spread = i64::from(id.as_bytes()[15] ^ attempts.to_le_bytes()[0]) * wait / (5 * 256);
    now + (wait + spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_are_spread() {
        let id = Uuid::from_u128(3);
        let mut before = 0;
        for attempts in 1..=40 {
            let wait = next_attempt(5_000, attempts, id, TimestampMs(0)).0;
            assert!(wait >= before.min(WAIT_MAX_MS) && wait <= WAIT_MAX_MS * 6 / 5, "{attempts}: {wait}");
            before = wait * 5 / 6;
        }
        assert!((5_000..=6_000).contains(&next_attempt(5_000, 1, id, TimestampMs(0)).0));
        assert_ne!(
            next_attempt(5_000, 4, id, TimestampMs(0)),
            next_attempt(5_000, 4, Uuid::from_u128(200), TimestampMs(0))
        );
    }
}
