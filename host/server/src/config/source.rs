//! Where values come from: a TOML text, an environment variable, a flag. Each tells its own name, so that an error can.

use super::error::ConfigError;
use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

/// What all the environment variables begin with that set keys.
pub(super) const ENV_PREFIX: &str = "FOREWARM__";

/// Values that came from one named place.
pub(super) struct Place {
    name: String,
    values: Dict,
}

impl Place {
    /// The values of a TOML text.
    pub(super) fn toml(name: String, text: &str) -> Result<Self, ConfigError> {
        match toml::from_str::<Dict>(text) {
            Ok(values) => Ok(Self { name, values }),
            Err(error) => {
                let message = match error.span() {
                    Some(span) => format!("{} ({})", error.message(), position(text, span.start)),
                    None => error.message().to_owned(),
                };
                Err(ConfigError::Syntax { place: name, message })
            }
        }
    }

    /// One environment variable; `None` when it sets no key. `FOREWARM__HTTP__LISTEN` sets `http.listen`.
    pub(super) fn variable(name: &str, value: &str) -> Option<Self> {
        let path = name.strip_prefix(ENV_PREFIX)?.to_lowercase();
        let keys: Vec<&str> = path.split("__").collect();
        let values = nest(&keys, plain_value(value));
        Some(Self { name: format!("environment variable {name}"), values })
    }

    /// One flag, such as `--listen`, that sets `key`.
    pub(super) fn flag(flag: &str, key: &str, value: &str) -> Self {
        let keys: Vec<&str> = key.split('.').collect();
        Self { name: format!("flag {flag}"), values: nest(&keys, Value::from(value)) }
    }
}

/// A number, a truth value, a list in brackets or a table in braces; anything else is text.
fn plain_value(text: &str) -> Value {
    match text.parse::<Value>() {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

fn nest(keys: &[&str], value: Value) -> Dict {
    match keys {
        [] => Dict::new(),
        [last] => Dict::from([((*last).to_owned(), value)]),
        [first, rest @ ..] => Dict::from([((*first).to_owned(), Value::from(nest(rest, value)))]),
    }
}

/// Line and column of a byte offset, both from 1.
fn position(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    format!("line {line}, column {column}")
}

impl Provider for Place {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}
