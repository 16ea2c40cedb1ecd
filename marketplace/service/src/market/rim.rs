//! What the rim (HTTP, webhooks) needs of the market beside its verbs.

use super::Market;
use crate::records::Records;
use std::sync::Arc;

impl Market {
    /// Where tokens and webhooks are kept.
    pub(crate) fn records(&self) -> Records {
        Records::new(Arc::new(self.0.store.clone()))
    }
}
