//! What the market asks of a delivery window: that it can be leased for, and how much of it is left.

use forewarm_auction::{InvalidDuration, LeaseDuration};
use forewarm_domain::{
    lending::DeliveryWindow,
    time::{SECOND_MS, TimestampMs},
};

/// How long a lease for the window lasts.
///
/// # Errors
/// [`InvalidDuration`] when that is no duration of a lease, in whole seconds.
pub fn lease_duration(window: DeliveryWindow) -> Result<LeaseDuration, InvalidDuration> {
    LeaseDuration::try_from(window.until().since(window.from()) / SECOND_MS)
}

/// Whole seconds of the window that are left at `at`; a begun one is not counted.
#[must_use]
pub fn seconds_left(window: DeliveryWindow, at: TimestampMs) -> u32 {
    let left = window.until().since(at.max(window.from())) / SECOND_MS;
    u32::try_from(left).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_never_more_than_all() {
        let window = DeliveryWindow::new(TimestampMs(10_000), TimestampMs(20_000)).expect("valid");
        for (at, left) in [(0, 10), (10_000, 10), (10_001, 9), (19_001, 0), (20_000, 0), (i64::MAX, 0)] {
            assert_eq!(seconds_left(window, TimestampMs(at)), left, "at {at}");
        }
        assert_eq!(lease_duration(window).map(LeaseDuration::seconds), Ok(10));
        let long = DeliveryWindow::new(TimestampMs(0), TimestampMs::MAX).expect("valid");
        assert!(lease_duration(long).is_err());
    }
}
