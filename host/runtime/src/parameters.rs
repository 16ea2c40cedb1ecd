//! Parameters of a plugin against the JSON Schema in its manifest, so that a mistake is found where it is written.

use crate::error::LoadError;
use jsonschema::Validator;
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// The most faults that are told at a time.
const MAX_FAULTS: usize = 20;
/// The longest part of a value that is repeated to its writer.
const MAX_ECHO: usize = 200;

/// What is wrong with a plugin's parameters: each fault with its place.
#[derive(Debug, Clone, PartialEq, Serialize, thiserror::Error)]
#[error("the parameters don't fit the plugin's schema: {}", list(.errors))]
pub struct ParameterError {
    /// The faults, at most 20.
    pub errors: Vec<ParameterFault>,
}

/// One fault in a plugin's parameters.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParameterFault {
    /// Where, as a JSON pointer; empty for the whole.
    pub path: String,
    /// What stands there.
    pub value: Value,
    /// What would be right.
    pub expected: String,
}

impl fmt::Display for ParameterFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "/" } else { &self.path };
        write!(f, "{path}: {}", self.expected)
    }
}

fn list(faults: &[ParameterFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// A manifest's schema, ready to check.
#[derive(Debug)]
pub(crate) struct Schema(Validator);

impl Schema {
    /// # Errors
    /// [`LoadError::Schema`] when it is none.
    pub(crate) fn new(schema: &Value) -> Result<Self, LoadError> {
        jsonschema::validator_for(schema).map(Self).map_err(|error| LoadError::Schema(error.to_string()))
    }

    /// # Errors
    /// [`ParameterError`] with each place that does not fit.
    pub(crate) fn check(&self, parameters: &Value) -> Result<(), ParameterError> {
        let mut errors: Vec<_> = self.0.iter_errors(parameters).take(MAX_FAULTS).map(|error| fault(&error)).collect();
        if errors.is_empty() && !parameters.is_object() {
            let expected = "parameters are one JSON object".to_owned();
            errors.push(ParameterFault { path: String::new(), value: short(parameters), expected });
        }
        if errors.is_empty() { Ok(()) } else { Err(ParameterError { errors }) }
    }
}

fn fault(error: &jsonschema::ValidationError<'_>) -> ParameterFault {
    ParameterFault {
        path: error.instance_path().to_string(),
        value: short(error.instance()),
        expected: error.masked().to_string(),
    }
}

fn short(value: &Value) -> Value {
    let text = value.to_string();
    if text.len() <= MAX_ECHO { value.clone() } else { Value::String(crate::failure::clean(&text, MAX_ECHO)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Schema {
        let schema = json!({
            "type": "object", "additionalProperties": false,
            "properties": { "period": { "type": "integer", "minimum": 2 }, "name": { "type": "string" } },
        });
        Schema::new(&schema).expect("a schema")
    }

    #[test]
    fn every_fault_has_its_place() {
        let schema = schema();
        assert_eq!(schema.check(&json!({ "period": 24 })), Ok(()));
        let error = schema.check(&json!({ "period": 1, "name": 7 })).expect_err("two faults");
        let mut paths: Vec<_> = error.errors.iter().map(|fault| fault.path.as_str()).collect();
        paths.sort_unstable();
        assert_eq!(paths, ["/name", "/period"]);
        assert!(error.to_string().contains("/period: value is less than the minimum of 2"), "{error}");
    }

    #[test]
    fn parameters_are_an_object() {
        let open = Schema::new(&json!(true)).expect("a schema");
        assert!(open.check(&json!([])).is_err());
        assert!(matches!(Schema::new(&json!({ "type": 7 })), Err(LoadError::Schema(_))));
    }
}
