//! What an operator can set; the same names, bounds and defaults as in `parameters.schema.json`.

use serde::{Deserialize, Serialize};

/// The parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// Parts of the day that are known by themselves.
    pub phases: u16,
    /// Values after which older ones count half as much.
    pub memory: u32,
    /// Values after an event during which none is told anew, and what is out of range belongs to it.
    pub quiet: u16,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { phases: 48, memory: 20_160, quiet: 120 }
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
        let wanted: [u64; 3] = [of.phases.into(), of.memory.into(), of.quiet.into()];
        assert_eq!(["phases", "memory", "quiet"].map(default), wanted);
        assert_eq!(schema["properties"].as_object().map(serde_json::Map::len), Some(3));
    }
}
