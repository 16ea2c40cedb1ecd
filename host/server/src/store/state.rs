//! The durable values of plugins, as the runtime asks for them.

use super::{Store, StoreError, Write};
use async_trait::async_trait;
use forewarm_domain::id::PluginName;
use forewarm_runtime::{StateError, StateStore};

/// The most keys of one plugin.
const KEYS_MAX: usize = 10_000;

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` calls")]
fn unavailable(error: StoreError) -> StateError {
    tracing::warn!(%error, "a plugin's state could not be reached");
    // A plugin learns that it may try again, not what the database said.
    StateError::Unavailable("try again later".into())
}

#[async_trait]
impl StateStore for Store {
    async fn get(&self, plugin: &PluginName, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        self.plugin_state(plugin, key).await.map_err(unavailable)
    }

    async fn set(&self, plugin: &PluginName, key: &str, value: Vec<u8>) -> Result<(), StateError> {
        if self.plugin_state_count_without(plugin, key).await.map_err(unavailable)? >= KEYS_MAX as u64 {
            return Err(StateError::Limit(format!("{KEYS_MAX} keys are in use, delete some")));
        }
        let write = Write::PluginState { plugin: plugin.clone(), key: key.to_owned(), value: Some(value) };
        self.commit(vec![write]).await.map_err(unavailable)
    }

    async fn delete(&self, plugin: &PluginName, key: &str) -> Result<(), StateError> {
        let write = Write::PluginState { plugin: plugin.clone(), key: key.to_owned(), value: None };
        self.commit(vec![write]).await.map_err(unavailable)
    }

    async fn keys(&self, plugin: &PluginName, prefix: &str) -> Result<Vec<String>, StateError> {
        self.plugin_state_keys(plugin, prefix).await.map_err(unavailable)
    }
}
