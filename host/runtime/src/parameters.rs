//! Parameters of a plugin against the JSON Schema in its manifest, so that a mistake is found where it is written.

use crate::convert::MAX_TEXT;
use crate::error::LoadError;
use crate::failure::clean;
use jsonschema::Validator;
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// The most faults that are told at a time.
const MAX_FAULTS: usize = 20;
/// The longest part of a value that is repeated to its writer.
const MAX_ECHO: usize = 200;
/// Patterns of one schema, and the room that one of them may take, compiled.
const MAX_PATTERNS: usize = 100;
const MAX_PATTERN_BYTES: usize = 1 << 20;

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
        let mut patterns = 0;
        check_plain(schema, &mut patterns)?;
        // Patterns that take linear time in the text they are tried on, whatever they are.
        let plain = jsonschema::PatternOptions::regex().size_limit(MAX_PATTERN_BYTES);
        let schema = jsonschema::options().with_pattern_options(plain).build(schema);
        schema.map(Self).map_err(|error| LoadError::Schema(clean(&error.to_string(), MAX_TEXT)))
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

/// A schema is checked in the host, so that it must not be able to keep it busy: without references there are no loops
/// and no doubling, and the patterns' room is limited.
fn check_plain(schema: &Value, patterns: &mut usize) -> Result<(), LoadError> {
    let parts: Vec<&Value> = match schema {
        Value::Object(members) => {
            if let Some(key) = ["$ref", "$dynamicRef", "$recursiveRef"].iter().find(|key| members.contains_key(**key)) {
                return Err(LoadError::Schema(format!("`{key}` is not supported, write out what it refers to")));
            }
            *patterns += usize::from(members.contains_key("pattern"));
            *patterns += members.get("patternProperties").and_then(Value::as_object).map_or(0, serde_json::Map::len);
            members.values().collect()
        }
        Value::Array(items) => items.iter().collect(),
        _ => return Ok(()),
    };
    if *patterns > MAX_PATTERNS {
        return Err(LoadError::Schema(format!("there are over {MAX_PATTERNS} patterns")));
    }
    parts.into_iter().try_for_each(|part| check_plain(part, patterns))
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
    if text.len() <= MAX_ECHO { value.clone() } else { Value::String(clean(&text, MAX_ECHO)) }
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
    fn schemas_that_could_keep_the_host_busy_are_refused() {
        let patterns: Value = (0..=MAX_PATTERNS).map(|at| (format!("p{at}"), json!({ "pattern": "a" }))).collect();
        for (schema, says) in [
            (json!({ "$ref": "#" }), "`$ref`"),
            (json!({ "properties": { "a": { "allOf": [{ "$dynamicRef": "#x" }] } } }), "`$dynamicRef`"),
            (json!({ "pattern": "(a{1000}){1000}" }), ""),
            (json!({ "pattern": r"(a)\1" }), ""),
            (json!({ "properties": patterns }), "over 100 patterns"),
        ] {
            let refused = Schema::new(&schema).expect_err(says);
            assert!(matches!(&refused, LoadError::Schema(why) if why.contains(says)), "{says}: {refused}");
        }
        // A pattern on which a backtracking matcher would not end in a lifetime.
        let evil = Schema::new(&json!({ "properties": { "a": { "pattern": "^(a+)+$" } } })).expect("a schema");
        assert!(evil.check(&json!({ "a": "a".repeat(10_000) + "b" })).is_err());
    }

    #[test]
    fn parameters_are_an_object() {
        let open = Schema::new(&json!(true)).expect("a schema");
        assert!(open.check(&json!([])).is_err());
        assert!(matches!(Schema::new(&json!({ "type": 7 })), Err(LoadError::Schema(_))));
    }
}
