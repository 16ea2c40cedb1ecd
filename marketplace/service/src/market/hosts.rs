//! What hosts ask the market over the bus.

use super::Market;
use crate::error::MarketError;
use async_trait::async_trait;
use forewarm_bus::{
    BusError, Service,
    message::market::{
        AnnounceCall, Announced, MarketRefusal, PreviewCall, ReclaimCall, ReclaimPreview, Reclaimed, ServeMarket, Sold,
        SoldCall, WindowsCall, serve_market,
    },
};
use forewarm_domain::lending::DeliveryWindow;
use std::sync::Arc;

/// Calls that are answered at a time.
const ANSWERED_AT_ONCE: usize = 16;

impl Market {
    /// Answers hosts for as long as the service is kept.
    ///
    /// # Errors
    /// [`BusError::Disconnected`].
    pub async fn serve_hosts(&self) -> Result<Service, BusError> {
        serve_market(self.0.parts.bus.as_ref(), Arc::new(self.clone()), ANSWERED_AT_ONCE).await
    }
}

#[async_trait]
impl ServeMarket for Market {
    async fn windows(&self, _: WindowsCall) -> Result<Vec<DeliveryWindow>, MarketRefusal> {
        let now = self.now();
        self.0.actor.change(move |state| state.listed_windows(now)).await.map_err(refusal)
    }

    async fn announce(&self, call: AnnounceCall) -> Result<Announced, MarketRefusal> {
        let (now, owner) = (self.now(), call.owner.clone());
        let outcome = self.0.actor.change(move |state| state.announce(&call, now)).await;
        match outcome {
            Ok(()) => Ok(Announced {}),
            Err(MarketError::NotFound { .. }) => Err(MarketRefusal::UnknownOwner { owner }),
            Err(error) => Err(refusal(error)),
        }
    }

    async fn sold(&self, call: SoldCall) -> Result<Vec<Sold>, MarketRefusal> {
        self.0.actor.change(move |state| Ok(state.sold(&call.persona))).await.map_err(refusal)
    }

    async fn preview(&self, call: PreviewCall) -> Result<ReclaimPreview, MarketRefusal> {
        let now = self.now();
        self.0.actor.change(move |state| state.preview_for_host(&call, now)).await.map_err(refusal)
    }

    async fn reclaim(&self, call: ReclaimCall) -> Result<Reclaimed, MarketRefusal> {
        let (moment, reclaim) = (self.0.parts.clock.moment(), call.reclaim);
        let answer = self.0.actor.change(move |state| state.reclaim_for_host(&call, &moment)).await.map_err(refusal)?;
        self.0.parts.probe.reached(crate::probe::Point::Reclaiming);
        answer.ok_or(MarketRefusal::Conflict { reclaim })
    }
}

fn refusal(error: MarketError) -> MarketRefusal {
    match error {
        MarketError::Unavailable(_) | MarketError::Closed | MarketError::Damaged(_) => {
            MarketRefusal::Unavailable { detail: error.to_string() }
        }
        error => MarketRefusal::Invalid { detail: error.to_string() },
    }
}
