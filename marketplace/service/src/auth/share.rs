//! Each tenant's share of the server: so many requests a second, so many at a time. A tenant that wants more waits for
//! itself; nobody else does.

use super::config::LimitsConfig;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// See the module's description.
#[derive(Debug, Clone)]
pub struct Shares {
    config: LimitsConfig,
    tenants: Arc<Mutex<HashMap<String, Share>>>,
}

/// What one tenant has left.
#[derive(Debug)]
struct Share {
    /// Requests that may come at once, in thousandths.
    left: u64,
    since: Instant,
    under_way: u32,
}

/// A place among the requests of a tenant; dropping it gives it back.
#[derive(Debug)]
pub struct Place {
    tenants: Arc<Mutex<HashMap<String, Share>>>,
    tenant: String,
}

/// A request too many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which limit was reached.
    pub reason: String,
    /// When there is room again, in seconds.
    pub retry_after_s: u16,
}

const WHOLE: u64 = 1_000;

impl Shares {
    /// Full shares for everybody.
    #[must_use]
    pub fn new(config: LimitsConfig) -> Self {
        Self { config, tenants: Arc::default() }
    }

    /// Takes a place for a request of `tenant`.
    ///
    /// # Errors
    /// [`Refused`] when the tenant has used its share up.
    pub fn enter(&self, tenant: &str, now: Instant) -> Result<Place, Refused> {
        let LimitsConfig { requests_per_second, burst, in_flight } = self.config;
        let mut tenants = lock(&self.tenants);
        if !tenants.contains_key(tenant) {
            let full = Share { left: u64::from(burst) * WHOLE, since: now, under_way: 0 };
            tenants.insert(tenant.to_owned(), full);
        }
        let Some(share) = tenants.get_mut(tenant) else { return Err(self.refused("tenants", 0)) };
        let ms = u64::try_from(now.saturating_duration_since(share.since).as_millis()).unwrap_or(u64::MAX);
        let filled = share.left.saturating_add(ms.saturating_mul(requests_per_second.into()));
        if ms > 0 {
            (share.left, share.since) = (filled.min(u64::from(burst) * WHOLE), now);
        }
        if share.left < WHOLE {
            return Err(self.refused("market.limits.requests_per_second", requests_per_second));
        }
        if share.under_way >= in_flight {
            return Err(self.refused("market.limits.in_flight", in_flight));
        }
        share.left -= WHOLE;
        share.under_way += 1;
        drop(tenants);
        Ok(Place { tenants: Arc::clone(&self.tenants), tenant: tenant.to_owned() })
    }

    fn refused(&self, key: &str, limit: u32) -> Refused {
        let reason = format!("this tenant has used up its share of {limit} ({key}): send less, and try again");
        Refused { reason, retry_after_s: 1 }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(share) = lock(&self.tenants).get_mut(&self.tenant) {
            share.under_way = share.under_way.saturating_sub(1);
        }
    }
}

fn lock(tenants: &Mutex<HashMap<String, Share>>) -> MutexGuard<'_, HashMap<String, Share>> {
    tenants.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn shares(requests_per_second: u32, burst: u32, in_flight: u32) -> Shares {
        Shares::new(LimitsConfig { requests_per_second, burst, in_flight })
    }

    #[test]
    fn a_flood_uses_up_its_own_share_alone() {
        let (shares, now) = (shares(10, 3, 100), Instant::now());
        let flood: Vec<_> = (0..5).map(|_| shares.enter("red", now).is_ok()).collect();
        assert_eq!(flood, [true, true, true, false, false]);
        assert!(shares.enter("blue", now).is_ok());
        assert!(shares.enter("red", now + Duration::from_millis(99)).is_err());
        assert!(shares.enter("red", now + Duration::from_millis(200)).is_ok());
    }

    #[test]
    fn places_come_back_when_requests_end() {
        let (shares, now) = (shares(1_000, 1_000, 2), Instant::now());
        let places = [shares.enter("red", now).expect("a place"), shares.enter("red", now).expect("a place")];
        let refused = shares.enter("red", now).expect_err("full");
        assert!(refused.reason.contains("market.limits.in_flight"), "{refused:?}");
        assert!(shares.enter("blue", now).is_ok());
        drop(places);
        assert!(shares.enter("red", now).is_ok());
    }

    #[test]
    fn a_clock_that_stands_still_gives_nothing_and_a_long_wait_no_more_than_the_burst() {
        let (shares, now) = (shares(1, 1, 10), Instant::now());
        assert!(shares.enter("red", now).is_ok() && shares.enter("red", now).is_err());
        let later = now + Duration::from_secs(3_600);
        assert!(shares.enter("red", later).is_ok() && shares.enter("red", later).is_err());
    }
}
