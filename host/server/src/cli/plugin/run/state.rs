//! A driver's state between two runs: one JSON file, written whole.

use crate::cli::error::CliError;
use crate::cli::plugin::file::json;
use async_trait::async_trait;
use forewarm_domain::id::PluginName;
use forewarm_runtime::{MemoryState, StateError, StateStore};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

/// A value: text where it is, which most are.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Kept {
    Text(String),
    Bytes(Vec<u8>),
}

impl From<Vec<u8>> for Kept {
    fn from(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes).map_or_else(|error| Self::Bytes(error.into_bytes()), Self::Text)
    }
}

impl From<Kept> for Vec<u8> {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::Text(text) => text.into_bytes(),
            Kept::Bytes(bytes) => bytes,
        }
    }
}

/// The state of the one plugin that runs.
pub(super) struct FileState {
    file: Option<PathBuf>,
    /// What the file held; handed over when the plugin first asks and says its name.
    read: tokio::sync::Mutex<Option<BTreeMap<String, Kept>>>,
    memory: MemoryState,
    plugin: OnceLock<PluginName>,
}

impl FileState {
    /// Reads the file, where there is one.
    ///
    /// # Errors
    /// [`CliError`] when it holds something else.
    pub(super) fn open(file: Option<PathBuf>) -> Result<Self, CliError> {
        let exists = file.as_deref().filter(|file| file.exists());
        let read = exists.map(|file| json(file, "the state that an earlier run wrote")).transpose()?;
        Ok(Self { file, read: tokio::sync::Mutex::new(read), memory: MemoryState::new(), plugin: OnceLock::new() })
    }

    /// Writes the file, if one was named and the plugin has asked for its state.
    ///
    /// # Errors
    /// [`CliError`] when it can't be written.
    pub(super) async fn keep(&self) -> Result<(), CliError> {
        let (Some(file), Some(plugin)) = (&self.file, self.plugin.get()) else { return Ok(()) };
        let failed = |error: StateError| CliError::Failed(error.to_string());
        let mut all: BTreeMap<String, Kept> = BTreeMap::new();
        for key in self.memory.keys(plugin, "").await.map_err(failed)? {
            let value = self.memory.get(plugin, &key).await.map_err(failed)?;
            all.extend(value.map(|value| (key, value.into())));
        }
        let text = serde_json::to_string_pretty(&all).map_err(|error| CliError::Failed(error.to_string()))?;
        let part = file.with_extension("part");
        let written = std::fs::write(&part, text).and_then(|()| std::fs::rename(&part, file));
        written.map_err(|error| CliError::file(file, "can't be written", error))
    }

    async fn ready(&self, plugin: &PluginName) -> Result<&MemoryState, StateError> {
        let mut read = self.read.lock().await;
        for (key, value) in read.take().into_iter().flatten() {
            self.memory.set(plugin, &key, value.into()).await?;
        }
        self.plugin.get_or_init(|| plugin.clone());
        Ok(&self.memory)
    }
}

#[async_trait]
impl StateStore for FileState {
    async fn get(&self, plugin: &PluginName, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        self.ready(plugin).await?.get(plugin, key).await
    }

    async fn set(&self, plugin: &PluginName, key: &str, value: Vec<u8>) -> Result<(), StateError> {
        self.ready(plugin).await?.set(plugin, key, value).await
    }

    async fn delete(&self, plugin: &PluginName, key: &str) -> Result<(), StateError> {
        self.ready(plugin).await?.delete(plugin, key).await
    }

    async fn keys(&self, plugin: &PluginName, prefix: &str) -> Result<Vec<String>, StateError> {
        self.ready(plugin).await?.keys(plugin, prefix).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_next_run_finds_what_was_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, plugin) = (folder.path().join("s.json"), "driver-x".parse().expect("a name"));
        let first = FileState::open(Some(file.clone())).expect("new");
        first.set(&plugin, "i/1", b"text".to_vec()).await.expect("set");
        first.set(&plugin, "raw", vec![0xff, 0]).await.expect("set");
        first.keep().await.expect("kept");
        let second = FileState::open(Some(file.clone())).expect("read");
        assert_eq!(second.get(&plugin, "i/1").await, Ok(Some(b"text".to_vec())));
        assert_eq!(second.get(&plugin, "raw").await, Ok(Some(vec![0xff, 0])));
        std::fs::write(&file, "[]").expect("written");
        assert!(FileState::open(Some(file)).is_err());
    }
}
