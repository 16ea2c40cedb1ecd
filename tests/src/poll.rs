//! Waiting for what a system does in its own time: looked at again and again, with a deadline that only a broken one
//! reaches.

use std::{
    thread,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(10);

/// Looks until `probe` gives something. `missing` says what did not come.
pub(crate) fn wait_until<T>(mut probe: impl FnMut() -> Option<T>, missing: impl Fn() -> String) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {} s in vain for {}", PATIENCE.as_secs(), missing());
        thread::sleep(POLL);
    }
}

/// Looks until `probe` gives something.
///
/// # Panics
/// After a minute and a half, with `what` did not come.
pub fn eventually<T>(what: &str, probe: impl FnMut() -> Option<T>) -> T {
    wait_until(probe, || what.to_owned())
}
