//! What the layers and extractors ask of an API's state.

use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The state of an API, as far as what all of them share has to know it.
pub trait ApiState: Clone + Send + Sync + 'static {
    /// The largest body of a request in KiB; the operator's key is `http.body_limit_kib`.
    fn body_limit_kib(&self) -> u32;

    /// A request that takes longer than this many seconds is given up; the operator's key is `http.request_timeout_s`.
    fn request_timeout_s(&self) -> u32;

    /// Requests that may be under way; the operator's key is `http.max_concurrent_requests`.
    fn max_concurrent_requests(&self) -> u32;

    /// One permit per request that may be under way.
    fn requests(&self) -> &Semaphore;

    /// Every path of the API with its methods, to tell what was probably meant.
    fn paths(&self) -> &BTreeMap<String, String>;

    /// Counts a request that was answered. `method` and `route` are of a bounded number.
    fn count(&self, method: &str, route: &str, status: u16, took: Duration);
}
