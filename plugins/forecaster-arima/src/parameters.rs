//! What an operator can set.

use crate::arima::{ORDERS_TRIED, Options};
use crate::order::Given;
use forewarm_sdk::numerics::seasons::SeasonLengths;
use serde::Deserialize;

/// The parameters, as in `parameters.schema.json`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// The seasons; the calendar's where absent.
    pub season_lengths: Option<SeasonLengths>,
    /// The orders; searched for where absent.
    pub order: Option<Given<false>>,
    /// The orders in whole seasons; searched for where absent, and none where only `order` is there.
    pub seasonal_order: Option<Given<true>>,
    /// The most orders that a search tries.
    pub orders_tried: u16,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { season_lengths: None, order: None, seasonal_order: None, orders_tried: ORDERS_TRIED }
    }
}

impl Parameters {
    /// The seasons of a series of `step_ms`.
    #[must_use]
    pub fn seasons(&self, step_ms: u32) -> SeasonLengths {
        self.season_lengths.clone().unwrap_or_else(|| SeasonLengths::of_calendar(step_ms))
    }

    /// What the method can be told.
    #[must_use]
    pub fn options(&self) -> Options {
        Options { order: self.order, seasonal_order: self.seasonal_order, orders_tried: self.orders_tried }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_names_the_default() {
        let schema: serde_json::Value =
            serde_json::from_str(include_str!("../parameters.schema.json")).expect("the schema is JSON");
        assert_eq!(schema["properties"]["orders_tried"]["default"], ORDERS_TRIED);
        assert_eq!(Parameters::default().options().orders_tried, ORDERS_TRIED);
    }
}
