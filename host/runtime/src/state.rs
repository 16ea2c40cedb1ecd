//! The capability `state`: small durable values of one plugin. The host brings the store; one in memory is here.

use async_trait::async_trait;
use forewarm_domain::id::PluginName;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The most keys of one plugin.
pub const MAX_KEYS: usize = 10_000;
/// The longest key, in bytes.
pub(crate) const MAX_KEY_BYTES: usize = 128;
/// The longest value, in bytes.
pub(crate) const MAX_VALUE_BYTES: usize = 64 << 10;

/// Why a value could not be read or written. Guests are told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// A key or value is over its limit, or there are too many.
    #[error("over the limit: {0}")]
    Limit(String),
    /// The store failed; retrying may help.
    #[error("the state store is unavailable: {0}")]
    Unavailable(String),
}

/// Where the values of plugins are kept. Keys of one plugin are never seen by another.
///
/// The runtime checks the length of keys (128 bytes) and values (64 KiB) before it calls; the store refuses a new key
/// beyond 10,000 with [`StateError::Limit`]. What was written must be there after a restart of the host. The functions
/// are called on the tokio runtime that loaded the plugin.
#[async_trait]
pub trait StateStore: Send + Sync + 'static {
    /// The value of a key; `None` where there is no such key.
    async fn get(&self, plugin: &PluginName, key: &str) -> Result<Option<Vec<u8>>, StateError>;

    /// Writes the value of a key, replacing an earlier one.
    async fn set(&self, plugin: &PluginName, key: &str, value: Vec<u8>) -> Result<(), StateError>;

    /// Removes a key; removing one that is not there succeeds.
    async fn delete(&self, plugin: &PluginName, key: &str) -> Result<(), StateError>;

    /// The keys that begin with `prefix`, sorted bytewise.
    async fn keys(&self, plugin: &PluginName, prefix: &str) -> Result<Vec<String>, StateError>;
}

/// A state store that forgets when it is dropped: for tests and simulations.
#[derive(Debug, Default)]
pub struct MemoryState(Mutex<BTreeMap<PluginName, BTreeMap<String, Vec<u8>>>>);

impl MemoryState {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn with<T>(&self, plugin: &PluginName, act: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        act(all.entry(plugin.clone()).or_default())
    }
}

#[async_trait]
impl StateStore for MemoryState {
    async fn get(&self, plugin: &PluginName, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.with(plugin, |values| values.get(key).cloned()))
    }

    async fn set(&self, plugin: &PluginName, key: &str, value: Vec<u8>) -> Result<(), StateError> {
        self.with(plugin, |values| {
            if values.len() >= MAX_KEYS && !values.contains_key(key) {
                return Err(StateError::Limit(format!("{MAX_KEYS} keys are in use, delete some")));
            }
            values.insert(key.to_owned(), value);
            Ok(())
        })
    }

    async fn delete(&self, plugin: &PluginName, key: &str) -> Result<(), StateError> {
        self.with(plugin, |values| values.remove(key));
        Ok(())
    }

    async fn keys(&self, plugin: &PluginName, prefix: &str) -> Result<Vec<String>, StateError> {
        let matching = |values: &mut BTreeMap<String, Vec<u8>>| {
            let from = values.range(prefix.to_owned()..);
            from.map(|(key, _)| key.clone()).take_while(|key| key.starts_with(prefix)).collect()
        };
        Ok(self.with(plugin, matching))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> PluginName {
        text.parse().expect("a name")
    }

    #[tokio::test]
    async fn plugins_do_not_see_each_other() {
        let state = MemoryState::new();
        let (one, other) = (name("one"), name("other"));
        for key in ["b/2", "b/1", "c"] {
            state.set(&one, key, vec![1]).await.expect("there is room");
        }
        assert_eq!(state.keys(&one, "b/").await, Ok(vec!["b/1".into(), "b/2".into()]));
        assert_eq!(state.get(&other, "c").await, Ok(None));
        state.delete(&one, "c").await.expect("deletes");
        assert_eq!(state.get(&one, "c").await, Ok(None));
    }

    #[tokio::test]
    async fn keys_are_limited() {
        let (state, one) = (MemoryState::new(), name("one"));
        for key in 0..MAX_KEYS {
            state.set(&one, &key.to_string(), vec![]).await.expect("there is room");
        }
        assert!(matches!(state.set(&one, "more", vec![]).await, Err(StateError::Limit(_))));
        assert_eq!(state.set(&one, "0", vec![1]).await, Ok(()));
    }
}
