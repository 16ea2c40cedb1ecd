//! A bucket of tokens: so many requests per second on average, and so many at once.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// See the module's description.
#[derive(Debug)]
pub(super) struct Bucket {
    per_second: f64,
    size: f64,
    filled: Mutex<(f64, Instant)>,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(per_second: u32, size: u32, now: Instant) -> Self {
        let size = f64::from(size.max(1));
        Self { per_second: per_second.into(), size, filled: Mutex::new((size, now)) }
    }

    /// Whether there was a token at `now`.
    pub(super) fn take(&self, now: Instant) -> bool {
        let mut filled = self.filled.lock().unwrap_or_else(PoisonError::into_inner);
        let (tokens, since) = *filled;
        let tokens = (tokens + now.saturating_duration_since(since).as_secs_f64() * self.per_second).min(self.size);
        let taken = tokens >= 1.0;
        *filled = (if taken { tokens - 1.0 } else { tokens }, now.max(since));
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn it_empties_and_fills() {
        let now = Instant::now();
        let bucket = Bucket::new(2, 3, now);
        assert_eq!([true; 3].map(|_| bucket.take(now)), [true; 3]);
        assert!(!bucket.take(now) && !bucket.take(now + Duration::from_millis(400)));
        assert!(bucket.take(now + Duration::from_millis(500)));
        assert!(!bucket.take(now), "time that runs backwards gives nothing");
        let later = now + Duration::from_secs(3_600);
        assert_eq!([true; 4].map(|_| bucket.take(later)), [true, true, true, false]);
    }
}
