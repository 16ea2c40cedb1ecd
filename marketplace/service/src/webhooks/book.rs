//! The webhooks that exist, in memory and in the store.

use super::model::{Progress, StoredWebhook, Webhook};
use crate::error::MarketError;
use crate::records::Records;
use forewarm_domain::id::TenantName;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use uuid::Uuid;

/// Under which kind webhooks are kept.
const KIND: &str = "webhook";

/// The webhooks of all tenants.
pub struct WebhookBook {
    records: Records,
    webhooks: Mutex<BTreeMap<Uuid, Webhook>>,
    /// Told when one was added or removed.
    pub(super) changed: Notify,
}

impl WebhookBook {
    /// Reads the webhooks of the store.
    ///
    /// # Errors
    /// [`MarketError`] when they can't be read.
    pub async fn open(records: Records) -> Result<Self, MarketError> {
        let mut webhooks = BTreeMap::new();
        for stored in records.all::<StoredWebhook>(KIND).await? {
            let webhook = Webhook::try_from(stored).map_err(MarketError::Damaged)?;
            webhooks.insert(webhook.id, webhook);
        }
        Ok(Self { records, webhooks: Mutex::new(webhooks), changed: Notify::new() })
    }

    /// One webhook.
    #[must_use]
    pub fn find(&self, id: Uuid) -> Option<Webhook> {
        self.webhooks().get(&id).cloned()
    }

    /// Those of a cost centre, or all, by age.
    #[must_use]
    pub fn list(&self, tenant: Option<&TenantName>) -> Vec<Webhook> {
        self.webhooks()
            .values()
            .filter(|webhook| tenant.is_none_or(|tenant| webhook.tenant == *tenant))
            .cloned()
            .collect()
    }

    /// Keeps a new one, unless its tenant has `most` already; gives whether it was kept.
    ///
    /// # Errors
    /// [`MarketError`] when the store fails.
    pub async fn add(&self, webhook: Webhook, most: u32) -> Result<bool, MarketError> {
        {
            // Its place is taken before it is written, so that many at once are no more than `most`.
            let mut webhooks = self.webhooks();
            let count = webhooks.values().filter(|known| known.tenant == webhook.tenant).count();
            if count >= most as usize {
                return Ok(false);
            }
            webhooks.insert(webhook.id, webhook.clone());
        }
        let id = webhook.id.to_string();
        if let Err(error) = self.records.put(KIND, &id, &StoredWebhook::from(&webhook)).await {
            self.webhooks().remove(&webhook.id);
            return Err(error);
        }
        self.changed.notify_one();
        Ok(true)
    }

    /// Removes one. What is under way still goes out.
    ///
    /// # Errors
    /// [`MarketError`] when the store fails; it is there still, then.
    pub async fn remove(&self, id: Uuid) -> Result<(), MarketError> {
        self.records.delete(KIND, &id.to_string()).await?;
        self.webhooks().remove(&id);
        self.changed.notify_one();
        Ok(())
    }

    /// Notes how far one has come, in the store as well.
    pub(super) async fn note(&self, id: Uuid, progress: Progress) -> Result<(), MarketError> {
        let Some(webhook) = self.remember(id, progress) else { return Ok(()) };
        self.records.replace(KIND, &id.to_string(), &StoredWebhook::from(&webhook)).await
    }

    /// Notes how far one has come, in memory alone: after a crash what is not the store's comes again.
    pub(super) fn remember(&self, id: Uuid, progress: Progress) -> Option<Webhook> {
        let mut webhooks = self.webhooks();
        let webhook = webhooks.get_mut(&id)?;
        webhook.progress = progress;
        Some(webhook.clone())
    }

    pub(super) fn ids(&self) -> Vec<Uuid> {
        self.webhooks().keys().copied().collect()
    }

    fn webhooks(&self) -> MutexGuard<'_, BTreeMap<Uuid, Webhook>> {
        self.webhooks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
