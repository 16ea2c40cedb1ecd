//! Why a call into a guest gave no answer, and how that reads as a [`PluginError`].

use crate::bindings::types;
use forewarm_domain::id::PluginName;
use forewarm_domain::plugin::{PluginError, PluginErrorKind};
use std::time::Duration;
use wasmtime::component::ResourceTableError;
use wasmtime::{PoolConcurrencyLimitError, Trap};

/// The longest message that is taken from a guest, in bytes.
const MAX_MESSAGE: usize = 2_000;

/// A limit of the sandbox that a guest went over. Travels through wasmtime as an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Exceeded {
    #[error("the call took longer than {} ms", .0.as_millis())]
    Deadline(Duration),
    #[error("{wanted} bytes of memory wanted, {max} granted")]
    Memory { wanted: u64, max: u64 },
    #[error("{wanted} table elements wanted, {} granted", crate::limiter::MAX_TABLE_ELEMENTS)]
    Table { wanted: usize },
    #[error("more than {0} host calls in one call")]
    HostCalls(u32),
    #[error("sleeping is not possible in a plugin of this kind")]
    Sleep,
}

/// Why a call gave no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The plugin's own answer; its instance is as good as before.
    Answered(types::Error),
    /// The answer breaks the contract.
    Invalid(String),
    /// The host's caller asked for something that the contract forbids.
    Input(String),
    /// The guest trapped or went over a limit: its store is poisoned.
    Died(wasmtime::Error),
}

impl From<types::Error> for Failure {
    fn from(error: types::Error) -> Self {
        Self::Answered(error)
    }
}

impl From<wasmtime::Error> for Failure {
    fn from(error: wasmtime::Error) -> Self {
        Self::Died(error)
    }
}

impl Failure {
    /// Whether the store can't be used any more.
    pub(crate) fn poisons(&self) -> bool {
        matches!(self, Self::Died(_))
    }

    /// The failure for the host to act on; `stderr` is what the guest wrote there last, such as a panic's message.
    pub(crate) fn into_error(self, plugin: &PluginName, stderr: &str) -> PluginError {
        let (kind, message) = match self {
            Self::Answered(error) => answered(error),
            Self::Invalid(message) => (PluginErrorKind::InvalidAnswer, message),
            Self::Input(message) => (PluginErrorKind::InvalidInput, message),
            Self::Died(error) => died(&error, stderr),
        };
        PluginError { plugin: plugin.clone(), kind, message: clean(&message, MAX_MESSAGE) }
    }
}

fn answered(error: types::Error) -> (PluginErrorKind, String) {
    use types::Error as E;
    match error {
        E::InvalidInput(text) => (PluginErrorKind::InvalidInput, text),
        E::NotEnoughData(text) => (PluginErrorKind::NotEnoughData, text),
        E::InvalidState(text) => (PluginErrorKind::InvalidState, text),
        E::NotFound(text) => (PluginErrorKind::NotFound, text),
        E::QuotaExceeded(text) => (PluginErrorKind::QuotaExceeded, text),
        E::OutOfCapacity(text) => (PluginErrorKind::OutOfCapacity, text),
        E::Unavailable(text) => (PluginErrorKind::Unavailable, text),
        E::Unsupported(text) => (PluginErrorKind::Unsupported, text),
        E::Other(text) => (PluginErrorKind::Other, text),
    }
}

fn died(error: &wasmtime::Error, stderr: &str) -> (PluginErrorKind, String) {
    if let Some(exceeded) = error.downcast_ref::<Exceeded>() {
        let kind = match exceeded {
            Exceeded::Deadline(_) => PluginErrorKind::Deadline,
            Exceeded::Memory { .. } | Exceeded::Table { .. } => PluginErrorKind::Memory,
            Exceeded::HostCalls(_) => PluginErrorKind::HostBudget,
            Exceeded::Sleep => PluginErrorKind::Trap,
        };
        return (kind, exceeded.to_string());
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return (PluginErrorKind::Saturated, error.root_cause().to_string());
    }
    let cause = error.root_cause().to_string();
    if matches!(error.downcast_ref(), Some(ResourceTableError::Full)) {
        return (PluginErrorKind::Memory, cause);
    }
    // wasmtime keeps the types of these two to itself, so that the text has to do; hostile guests in the tests meet both.
    if cause.contains("fuel allocated for hostcalls") {
        return (PluginErrorKind::HostBudget, "more data handed to the host in one call than granted".to_owned());
    }
    if cause.contains("store handle limit exceeded") {
        return (PluginErrorKind::Memory, cause);
    }
    let code = error.downcast_ref::<Trap>().map_or(cause, ToString::to_string);
    let said = if stderr.is_empty() { String::new() } else { format!("; it wrote: {stderr}") };
    (PluginErrorKind::Trap, format!("{code}{said}"))
}

/// `text` cut to `max` bytes, control characters replaced: it may end in a log.
pub(crate) fn clean(text: &str, max: usize) -> String {
    let end = text.floor_char_boundary(max);
    let cut = if end < text.len() { " ..." } else { "" };
    let plain = text[..end].chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.chain(cut.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(failure: Failure, kind: PluginErrorKind, message: &str) {
        let name = "web".parse().expect("a name");
        let error = failure.into_error(&name, "");
        assert_eq!((error.kind, error.message.as_str()), (kind, message));
    }

    #[test]
    fn each_limit_has_its_kind() {
        let died = |exceeded: Exceeded| Failure::Died(exceeded.into());
        let late = Exceeded::Deadline(Duration::from_millis(50));
        check(died(late), PluginErrorKind::Deadline, "the call took longer than 50 ms");
        check(died(Exceeded::HostCalls(3)), PluginErrorKind::HostBudget, "more than 3 host calls in one call");
        let memory = Exceeded::Memory { wanted: 2, max: 1 };
        check(died(memory), PluginErrorKind::Memory, "2 bytes of memory wanted, 1 granted");
        let trap = Failure::Died(Trap::UnreachableCodeReached.into());
        check(trap, PluginErrorKind::Trap, "wasm trap: wasm `unreachable` instruction executed");
    }

    #[test]
    fn texts_are_cut_and_cleaned() {
        assert_eq!(clean("a\nb\u{1b}[0mc", 100), "a b [0mc");
        assert_eq!(clean("äöü", 3), "ä ...");
    }
}
