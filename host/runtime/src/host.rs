//! The functions that the host offers guests: log, time, parameters, and to drivers their state.

use crate::bindings::{host, state, types};
use crate::failure::clean;
use crate::guest::Guest;
use crate::state::{MAX_KEY_BYTES, MAX_VALUE_BYTES, StateError, StateStore};
use forewarm_domain::id::PluginName;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;
use wasmtime::Result;

const MAX_LINE_BYTES: usize = 4 << 10;
const MAX_FIELD_NAME_BYTES: usize = 100;
const MAX_FIELD_VALUE_BYTES: usize = 1_000;

impl types::Host for Guest {}

impl host::Host for Guest {
    fn log(&mut self, level: host::LogLevel, message: String, fields: Vec<host::LogField>) -> Result<()> {
        self.host_call()?;
        let line = line(&message, &fields);
        let length = u32::try_from(line.len()).unwrap_or(u32::MAX);
        let Some(left) = self.budget.log_bytes.checked_sub(length) else {
            self.shared.counters.log_dropped();
            return Ok(());
        };
        self.budget.log_bytes = left;
        let plugin = self.shared.manifest.name.as_str();
        match level {
            host::LogLevel::Debug => tracing::debug!(target: "plugin", plugin, "{line}"),
            host::LogLevel::Info => tracing::info!(target: "plugin", plugin, "{line}"),
            host::LogLevel::Warn => tracing::warn!(target: "plugin", plugin, "{line}"),
            host::LogLevel::Error => tracing::error!(target: "plugin", plugin, "{line}"),
        }
        Ok(())
    }

    fn now(&mut self) -> Result<i64> {
        self.host_call()?;
        Ok(self.time.get().0)
    }

    fn config(&mut self) -> Result<String> {
        self.host_call()?;
        Ok(self.config.as_ref().to_owned())
    }
}

/// One line of at most [`MAX_LINE_BYTES`], without control characters: a guest can't forge another line.
fn line(message: &str, fields: &[host::LogField]) -> String {
    let mut line = clean(message, MAX_LINE_BYTES);
    for field in fields {
        if line.len() > MAX_LINE_BYTES {
            break;
        }
        let (name, value) = (clean(&field.name, MAX_FIELD_NAME_BYTES), clean(&field.value, MAX_FIELD_VALUE_BYTES));
        line.push_str(&format!(" {name}={value:?}"));
    }
    line.truncate(line.floor_char_boundary(MAX_LINE_BYTES));
    line
}

/// The way to the state store, for plugins that were granted it.
#[derive(Clone)]
pub(crate) struct StateAccess {
    pub(crate) store: Arc<dyn StateStore>,
    /// Where the store's functions run: its connections belong to the runtime that loaded the plugin.
    pub(crate) home: Handle,
}

impl Guest {
    fn refuse<T>(&self, error: state::StateError) -> Answer<T> {
        self.shared.counters.request_refused();
        Ok(Err(error))
    }

    async fn with_state<T, F>(&mut self, act: impl FnOnce(Arc<dyn StateStore>, PluginName) -> F) -> Answer<T>
    where
        T: Send + 'static,
        F: Future<Output = std::result::Result<T, StateError>> + Send + 'static,
    {
        let Some(access) = &self.shared.state else {
            return self.refuse(state::StateError::Unavailable("the capability `state` is not granted".into()));
        };
        let task = access.home.spawn(act(Arc::clone(&access.store), self.shared.manifest.name.clone()));
        match AbortOnDropHandle::new(task).await {
            Ok(answer) => Ok(answer.map_err(Into::into)),
            Err(_) => Ok(Err(state::StateError::Unavailable("the host is shutting down".into()))),
        }
    }
}

type Answer<T> = Result<std::result::Result<T, state::StateError>>;

impl state::Host for Guest {
    async fn get(&mut self, key: String) -> Answer<Option<Vec<u8>>> {
        self.host_call()?;
        if let Err(error) = check_key(&key) {
            return self.refuse(error);
        }
        self.with_state(|store, plugin| async move { store.get(&plugin, &key).await }).await
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> Answer<()> {
        self.host_call()?;
        if let Err(error) = check_key(&key).and_then(|()| check_value(&value)) {
            return self.refuse(error);
        }
        self.with_state(|store, plugin| async move { store.set(&plugin, &key, value).await }).await
    }

    async fn delete(&mut self, key: String) -> Answer<()> {
        self.host_call()?;
        if let Err(error) = check_key(&key) {
            return self.refuse(error);
        }
        self.with_state(|store, plugin| async move { store.delete(&plugin, &key).await }).await
    }

    async fn keys(&mut self, prefix: String) -> Answer<Vec<String>> {
        self.host_call()?;
        if let Err(error) = check_key(&prefix) {
            return self.refuse(error);
        }
        self.with_state(|store, plugin| async move { store.keys(&plugin, &prefix).await }).await
    }
}

fn check_key(key: &str) -> std::result::Result<(), state::StateError> {
    if key.len() <= MAX_KEY_BYTES {
        return Ok(());
    }
    Err(state::StateError::Limit(format!("a key has {} bytes, at most {MAX_KEY_BYTES} are kept", key.len())))
}

fn check_value(value: &[u8]) -> std::result::Result<(), state::StateError> {
    if value.len() <= MAX_VALUE_BYTES {
        return Ok(());
    }
    Err(state::StateError::Limit(format!("a value has {} bytes, at most {MAX_VALUE_BYTES} are kept", value.len())))
}

impl From<StateError> for state::StateError {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Limit(text) => Self::Limit(text),
            StateError::Unavailable(text) => Self::Unavailable(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_and_cannot_be_forged() {
        let field = |name: &str, value: &str| host::LogField { name: name.into(), value: value.into() };
        assert_eq!(line("a\nb", &[field("k", "v\"w")]), "a b k=\"v\\\"w\"");
        let long = "x".repeat(1 << 20);
        assert!(line(&long, &[field(&long, &long)]).len() <= MAX_LINE_BYTES);
    }
}
