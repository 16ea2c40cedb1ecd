//! What the host offers every plugin: log, time and parameters.

use crate::Error;
use crate::bindings::shared::forewarm::plugin::host as wit;
use serde::de::DeserializeOwned;

pub use wit::LogLevel;

/// Writes one log line with fields. Lines over 4 KiB are cut; what exceeds the call's budget is dropped and counted.
pub fn log(level: LogLevel, message: &str, fields: &[(&str, &str)]) {
    let fields: Vec<wit::LogField> = fields
        .iter()
        .map(|(name, value)| wit::LogField { name: (*name).to_owned(), value: (*value).to_owned() })
        .collect();
    #[cfg(target_arch = "wasm32")]
    wit::log(level, message, &fields);
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::record_log(level, message, &fields);
}

/// Writes a line for the plugin's author.
pub fn debug(message: &str) {
    log(LogLevel::Debug, message, &[]);
}

/// Writes a line for the record.
pub fn info(message: &str) {
    log(LogLevel::Info, message, &[]);
}

/// Writes a line that an operator may want to look at.
pub fn warn(message: &str) {
    log(LogLevel::Warn, message, &[]);
}

/// Writes a line that an operator has to look at.
pub fn error(message: &str) {
    log(LogLevel::Error, message, &[]);
}

/// Gives the time at which the running call was made, in milliseconds since 1970. It stands still during a call.
#[must_use]
pub fn now() -> i64 {
    #[cfg(target_arch = "wasm32")]
    return wit::now();
    #[cfg(not(target_arch = "wasm32"))]
    return crate::testing::now();
}

/// Gives the operator's parameters as the JSON text that the host checked against the manifest's schema.
#[must_use]
pub fn config_text() -> String {
    #[cfg(target_arch = "wasm32")]
    return wit::config();
    #[cfg(not(target_arch = "wasm32"))]
    return crate::testing::config_text();
}

/// Gives the operator's parameters. Give fields `#[serde(default)]`: the host checks them, it does not fill them in.
///
/// # Errors
/// [`Error::InvalidInput`] when the parameters do not fit `T`.
pub fn config<T: DeserializeOwned>() -> Result<T, Error> {
    serde_json::from_str(&config_text()).map_err(|error| Error::invalid_input(format!("parameters: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Parameters {
        window: u32,
    }

    #[test]
    fn parameters_are_read_and_misfits_named() {
        testing::set_config(r#"{"window": 3}"#);
        assert_eq!(config::<Parameters>(), Ok(Parameters { window: 3 }));
        testing::set_config("{}");
        assert!(matches!(config::<Parameters>(), Err(Error::InvalidInput(text)) if text.contains("window")));
    }

    #[test]
    fn lines_and_time_go_through_the_stand_in() {
        testing::set_now(1_000);
        assert_eq!(now(), 1_000);
        log(LogLevel::Warn, "odd", &[("value", "3")]);
        assert_eq!(testing::take_log(), vec!["warn odd value=3".to_owned()]);
    }
}
