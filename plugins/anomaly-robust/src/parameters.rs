//! What an operator can set; the same names, bounds and defaults as in `parameters.schema.json`.

use serde::{Deserialize, Serialize};

/// The parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// Parts of the day that are judged by themselves.
    pub phases: u16,
    /// Latest values that are remembered per part of the day, and as recent ones.
    pub memory: u16,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { phases: 24, memory: 240 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_gives_the_same_defaults() {
        let schema: serde_json::Value =
            serde_json::from_str(include_str!("../parameters.schema.json")).expect("the schema is JSON");
        let default = |name: &str| schema["properties"][name]["default"].as_u64().expect("a default");
        let of = Parameters::default();
        assert_eq!((default("phases"), default("memory")), (of.phases.into(), of.memory.into()));
        assert_eq!(schema["properties"].as_object().map(serde_json::Map::len), Some(2));
    }
}
