//! Small durable values of one plugin, for drivers that have to remember. The plugin's manifest must name the
//! capability `state`. At most 10,000 keys of 128 bytes, 64 KiB a value.

use crate::Error;
use crate::bindings::shared::forewarm::plugin::state as wit;
use serde::Serialize;
use serde::de::DeserializeOwned;

impl From<wit::StateError> for Error {
    fn from(error: wit::StateError) -> Self {
        match error {
            wit::StateError::Limit(text) => Self::Other(format!("the plugin's state is over a limit: {text}")),
            wit::StateError::Unavailable(text) => Self::Unavailable(format!("the plugin's state: {text}")),
        }
    }
}

/// Reads the bytes of a key; `None` where there is no such key.
///
/// # Errors
/// [`Error::Unavailable`] when the store failed.
pub fn get(key: &str) -> Result<Option<Vec<u8>>, Error> {
    #[cfg(target_arch = "wasm32")]
    return wit::get(key).map_err(Error::from);
    #[cfg(not(target_arch = "wasm32"))]
    return crate::testing::state_get(key).map_err(Error::from);
}

/// Writes the bytes of a key, replacing earlier ones.
///
/// # Errors
/// [`Error::Unavailable`] when the store failed, [`Error::Other`] over a limit.
pub fn set(key: &str, value: &[u8]) -> Result<(), Error> {
    #[cfg(target_arch = "wasm32")]
    return wit::set(key, value).map_err(Error::from);
    #[cfg(not(target_arch = "wasm32"))]
    return crate::testing::state_set(key, value).map_err(Error::from);
}

/// Removes a key; removing one that is not there succeeds.
///
/// # Errors
/// [`Error::Unavailable`] when the store failed.
pub fn delete(key: &str) -> Result<(), Error> {
    #[cfg(target_arch = "wasm32")]
    return wit::delete(key).map_err(Error::from);
    #[cfg(not(target_arch = "wasm32"))]
    return crate::testing::state_delete(key).map_err(Error::from);
}

/// Lists the keys that begin with `prefix`, sorted bytewise.
///
/// # Errors
/// [`Error::Unavailable`] when the store failed.
pub fn keys(prefix: &str) -> Result<Vec<String>, Error> {
    #[cfg(target_arch = "wasm32")]
    return wit::keys(prefix).map_err(Error::from);
    #[cfg(not(target_arch = "wasm32"))]
    return crate::testing::state_keys(prefix).map_err(Error::from);
}

/// Reads a value that [`set_json`] wrote.
///
/// # Errors
/// As [`get`], and [`Error::InvalidState`] when the value does not fit `T`.
pub fn get_json<T: DeserializeOwned>(key: &str) -> Result<Option<T>, Error> {
    let Some(bytes) = get(key)? else { return Ok(None) };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| Error::invalid_state(format!("the value of key {key} could not be read: {error}")))
}

/// Writes a value as JSON.
///
/// # Errors
/// As [`set`], and [`Error::Other`] when the value can't be written.
pub fn set_json<T: Serialize>(key: &str, value: &T) -> Result<(), Error> {
    let bytes = serde_json::to_vec(value)
        .map_err(|error| Error::other(format!("the value of key {key} could not be written: {error}")))?;
    set(key, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_listed_and_removed() {
        set_json("b/2", &7_u32).expect("in memory");
        set("a", b"x").expect("in memory");
        set("b/1", b"{").expect("in memory");
        assert_eq!(keys("b/"), Ok(vec!["b/1".to_owned(), "b/2".to_owned()]));
        assert_eq!(get_json("b/2"), Ok(Some(7_u32)));
        assert!(matches!(get_json::<u32>("b/1"), Err(Error::InvalidState(_))));
        delete("a").expect("in memory");
        assert_eq!(get("a"), Ok(None));
    }
}
