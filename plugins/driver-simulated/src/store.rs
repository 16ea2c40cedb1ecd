//! Where the cloud is kept: the few functions of the plugin's state that it needs.

use forewarm_sdk::{Error, state};

/// A map from keys to bytes that outlives the plugin's instance.
pub trait Store {
    /// Reads a key; `None` where there is no such key.
    ///
    /// # Errors
    /// When the store failed.
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error>;

    /// Writes a key.
    ///
    /// # Errors
    /// When the store failed or a limit is reached.
    fn set(&self, key: &str, value: &[u8]) -> Result<(), Error>;

    /// Removes a key, which need not be there.
    ///
    /// # Errors
    /// When the store failed.
    fn delete(&self, key: &str) -> Result<(), Error>;

    /// Lists the keys that begin with `prefix`, sorted.
    ///
    /// # Errors
    /// When the store failed.
    fn keys(&self, prefix: &str) -> Result<Vec<String>, Error>;
}

/// The plugin's state at the host.
pub struct HostState;

impl Store for HostState {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        state::get(key)
    }
    fn set(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        state::set(key, value)
    }
    fn delete(&self, key: &str) -> Result<(), Error> {
        state::delete(key)
    }
    fn keys(&self, prefix: &str) -> Result<Vec<String>, Error> {
        state::keys(prefix)
    }
}
