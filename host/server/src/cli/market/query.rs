//! Parts of a query that were given.

use crate::cli::client::segment;
use std::fmt::Display;

/// A path with a query of what was given.
pub(super) struct Query(String);

impl Query {
    pub(super) fn new(path: &str) -> Self {
        Self(path.to_owned())
    }

    /// The same, with `key` if it was given.
    pub(super) fn with(mut self, key: &str, value: Option<impl Display>) -> Self {
        if let Some(value) = value {
            let separator = if self.0.contains('?') { '&' } else { '?' };
            self.0.push_str(&format!("{separator}{key}={}", segment(&value.to_string())));
        }
        self
    }

    pub(super) fn path(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_given_is_asked_for() {
        let query = Query::new("/v1/market/ledger")
            .with("tenant", None::<&str>)
            .with("from", Some("a:b"))
            .with("limit", Some(5));
        assert_eq!(query.path(), "/v1/market/ledger?from=a%3Ab&limit=5");
    }
}
