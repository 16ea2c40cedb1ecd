//! A stand-in for the host in native builds: one per thread, so that tests do not meet each other.
//!
//! A test sets the time and the parameters, calls the plugin's own type, and looks at the log. What the sandbox adds
//! (limits, isolation, determinism) is tested with `forewarm-testkit` instead.

pub mod forecaster;

use crate::bindings::assets::forewarm::assets::assets::AssetError;
use crate::bindings::shared::forewarm::plugin::host::{LogField, LogLevel};
use crate::bindings::shared::forewarm::plugin::state::StateError;
use std::cell::RefCell;
use std::collections::BTreeMap;

#[cfg(feature = "http")]
pub use crate::http::native::answer;

/// The most log lines that are kept; older ones are dropped.
const LOG_LINES_MAX: usize = 1_000;

struct StandIn {
    now_ms: i64,
    config: String,
    log: Vec<String>,
    state: BTreeMap<String, Vec<u8>>,
    state_fails: bool,
    assets: BTreeMap<String, Vec<u8>>,
}

thread_local! {
    static STAND_IN: RefCell<StandIn> = const {
        RefCell::new(StandIn {
            now_ms: 0,
            config: String::new(),
            log: Vec::new(),
            state: BTreeMap::new(),
            state_fails: false,
            assets: BTreeMap::new(),
        })
    };
}

fn with<T>(action: impl FnOnce(&mut StandIn) -> T) -> T {
    STAND_IN.with_borrow_mut(action)
}

/// Sets what [`crate::host::now`] tells on this thread, in milliseconds since 1970; 0 at first.
pub fn set_now(now_ms: i64) {
    with(|host| host.now_ms = now_ms);
}

/// Sets the parameters of this thread, as JSON text; `{}` at first.
pub fn set_config(json: &str) {
    with(|host| json.clone_into(&mut host.config));
}

/// Gives the log lines since the last call, each as `level message name=value`.
#[must_use]
pub fn take_log() -> Vec<String> {
    with(|host| std::mem::take(&mut host.log))
}

/// Makes every later state call on this thread fail as unavailable, or work again.
pub fn set_state_fails(fails: bool) {
    with(|host| host.state_fails = fails);
}

/// Grants this thread's plugin a file.
pub fn set_asset(name: &str, bytes: Vec<u8>) {
    with(|host| host.assets.insert(name.to_owned(), bytes));
}

/// Forgets all of this thread's stand-in: time, parameters, log, state and files.
pub fn reset() {
    with(|host| {
        *host = StandIn {
            now_ms: 0,
            config: String::new(),
            log: Vec::new(),
            state: BTreeMap::new(),
            state_fails: false,
            assets: BTreeMap::new(),
        };
    });
}

pub(crate) fn now() -> i64 {
    with(|host| host.now_ms)
}

pub(crate) fn config_text() -> String {
    with(|host| if host.config.is_empty() { "{}".to_owned() } else { host.config.clone() })
}

pub(crate) fn record_log(level: LogLevel, message: &str, fields: &[LogField]) {
    let name = match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    };
    let fields: String = fields.iter().map(|field| format!(" {}={}", field.name, field.value)).collect();
    with(|host| {
        if host.log.len() == LOG_LINES_MAX {
            host.log.remove(0);
        }
        host.log.push(format!("{name} {message}{fields}"));
    });
}

pub(crate) fn asset(name: &str) -> Result<Vec<u8>, AssetError> {
    let none = || AssetError::NotGranted(format!("no file is granted as the asset `{name}`"));
    with(|host| host.assets.get(name).cloned()).ok_or_else(none)
}

fn state<T>(action: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> T) -> Result<T, StateError> {
    with(|host| {
        if host.state_fails {
            return Err(StateError::Unavailable("the stand-in was told to fail".to_owned()));
        }
        Ok(action(&mut host.state))
    })
}

pub(crate) fn state_get(key: &str) -> Result<Option<Vec<u8>>, StateError> {
    state(|map| map.get(key).cloned())
}

pub(crate) fn state_set(key: &str, value: &[u8]) -> Result<(), StateError> {
    if key.len() > 128 || value.len() > 65_536 {
        return Err(StateError::Limit("a key has at most 128 bytes, a value at most 64 KiB".to_owned()));
    }
    state(|map| map.insert(key.to_owned(), value.to_vec())).map(|_| ())
}

pub(crate) fn state_delete(key: &str) -> Result<(), StateError> {
    state(|map| map.remove(key)).map(|_| ())
}

pub(crate) fn state_keys(prefix: &str) -> Result<Vec<String>, StateError> {
    state(|map| map.keys().filter(|key| key.starts_with(prefix)).cloned().collect())
}
