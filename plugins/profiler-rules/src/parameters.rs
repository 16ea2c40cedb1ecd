//! What an operator can set; the same names and defaults as in `parameters.schema.json`.

use serde::Deserialize;

/// The parameters, all of them shares.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// The share of its processor that an instance may use at the load it is meant for.
    pub objective_utilisation: f64,
    /// What is added to measured use.
    pub margin: f64,
    /// Deviations below this share of the present value bring no change.
    pub tolerance: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { objective_utilisation: 0.7, margin: 0.15, tolerance: 0.1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_gives_the_same_defaults() {
        let schema: serde_json::Value =
            serde_json::from_str(include_str!("../parameters.schema.json")).expect("the schema is JSON");
        let default = |name: &str| schema["properties"][name]["default"].as_f64().expect("a default");
        let parameters = Parameters {
            objective_utilisation: default("objective_utilisation"),
            margin: default("margin"),
            tolerance: default("tolerance"),
        };
        assert_eq!(parameters, Parameters::default());
        assert_eq!(schema["properties"].as_object().map(serde_json::Map::len), Some(3));
    }
}
