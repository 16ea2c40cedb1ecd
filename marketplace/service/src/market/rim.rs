//! What the rim (HTTP, webhooks) needs of the market beside its verbs.

use super::Market;
use crate::error::MarketError;
use crate::records::Records;
use std::sync::Arc;

impl Market {
    /// Where tokens and webhooks are kept.
    pub(crate) fn records(&self) -> Records {
        Records::new(Arc::new(self.0.store.clone()))
    }

    /// The sequence of the newest event; 0 before the first.
    pub(crate) async fn last_event(&self) -> Result<i64, MarketError> {
        self.0.store.last_event().await
    }
}
