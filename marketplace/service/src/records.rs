//! Small things that are changed rarely and read at the start: tokens, webhooks. Each is one JSON document under its kind
//! and id.

use crate::error::MarketError;
use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Where the documents are kept; each change is durable when its call returns.
#[async_trait]
pub(crate) trait RecordStore: Send + Sync + 'static {
    /// Every document of a kind, by id.
    async fn all(&self, kind: &'static str) -> Result<Vec<String>, MarketError>;

    /// Adds a document; one of that id must not be there.
    async fn insert(&self, kind: &'static str, id: &str, document: String) -> Result<(), MarketError>;

    /// Changes a document; nothing happens where there is none.
    async fn update(&self, kind: &'static str, id: &str, document: String) -> Result<(), MarketError>;

    /// Removes a document; nothing happens where there is none.
    async fn delete(&self, kind: &'static str, id: &str) -> Result<(), MarketError>;
}

/// The documents as their types.
#[derive(Clone)]
pub struct Records(Arc<dyn RecordStore>);

impl Records {
    pub(crate) fn new(store: Arc<dyn RecordStore>) -> Self {
        Self(store)
    }

    pub(crate) async fn all<T: DeserializeOwned>(&self, kind: &'static str) -> Result<Vec<T>, MarketError> {
        let parse = |text: String| serde_json::from_str(&text).map_err(|error| damaged(kind, &error));
        self.0.all(kind).await?.into_iter().map(parse).collect()
    }

    pub(crate) async fn put<T: Serialize>(&self, kind: &'static str, id: &str, value: &T) -> Result<(), MarketError> {
        self.0.insert(kind, id, text(kind, value)?).await
    }

    pub(crate) async fn replace<T: Serialize>(
        &self,
        kind: &'static str,
        id: &str,
        value: &T,
    ) -> Result<(), MarketError> {
        self.0.update(kind, id, text(kind, value)?).await
    }

    pub(crate) async fn delete(&self, kind: &'static str, id: &str) -> Result<(), MarketError> {
        self.0.delete(kind, id).await
    }
}

fn text<T: Serialize>(kind: &str, value: &T) -> Result<String, MarketError> {
    serde_json::to_string(value).map_err(|error| damaged(kind, &error))
}

fn damaged(kind: &str, error: &serde_json::Error) -> MarketError {
    MarketError::Damaged(format!("a record of kind {kind}: {error}"))
}
