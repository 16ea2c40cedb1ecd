//! The manifest: what a component says of itself, as one JSON object in its custom section `forewarm:manifest`.

use crate::arguments::Arguments;
use crate::kind::Kind;
use serde_json::{Map, Value, json};

/// Builds the manifest's JSON text.
///
/// # Errors
/// A sentence for the compiler to show, when `schema` is no JSON object.
pub(crate) fn manifest(
    kind: Kind,
    name: &str,
    version: &str,
    arguments: &Arguments,
    schema: Option<&str>,
) -> Result<String, String> {
    let limits: Map<String, Value> =
        arguments.limits.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let mut manifest = json!({
        "name": name,
        "version": version,
        "kind": kind.manifest_name(),
        "summary": arguments.summary,
        "parameters": parameters(schema)?,
        "capabilities": arguments.capabilities,
        "limits": limits,
    });
    if !arguments.assets.is_empty() {
        manifest["assets"] = json!(arguments.assets);
    }
    Ok(manifest.to_string())
}

fn parameters(schema: Option<&str>) -> Result<Value, String> {
    let Some(schema) = schema else {
        return Ok(json!({"type": "object", "additionalProperties": false}));
    };
    let value: Value = serde_json::from_str(schema).map_err(|error| format!("the parameters' schema: {error}"))?;
    if value.is_object() { Ok(value) } else { Err("the parameters' schema must be a JSON object".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(schema: Option<&str>) -> Result<Value, String> {
        let arguments = Arguments {
            summary: "Does it".to_owned(),
            capabilities: vec!["state".to_owned()],
            assets: vec!["weights".to_owned()],
            limits: vec![("call_ms", 250)],
            ..Arguments::default()
        };
        let text = manifest(Kind::AnomalyDetector, "it", "1.2.3", &arguments, schema)?;
        Ok(serde_json::from_str(&text).expect("a manifest is JSON"))
    }

    #[test]
    fn it_holds_every_member() {
        let expected = json!({
            "name": "it", "version": "1.2.3", "kind": "anomaly-detector", "summary": "Does it",
            "parameters": {"type": "object", "additionalProperties": false},
            "capabilities": ["state"], "assets": ["weights"], "limits": {"call_ms": 250},
        });
        assert_eq!(parsed(None), Ok(expected));
    }

    #[test]
    fn a_schema_is_taken_over_or_refused() {
        assert_eq!(parsed(Some(r#"{"type": "object"}"#)).expect("valid")["parameters"], json!({"type": "object"}));
        assert!(parsed(Some("[]")).is_err());
        assert!(parsed(Some("{")).is_err());
    }
}
