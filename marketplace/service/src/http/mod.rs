//! The market's HTTP API, `/v1/market/...`. One file per resource; each route is a handler that asks who calls, checks what
//! comes in, calls the [`Market`](crate::Market), and gives JSON, CSV or a [`Problem`](forewarm_web::Problem).
//!
//! Invariants: nothing but the document of the API answers without a valid token; what is another tenant's is not found;
//! every error is a problem document; every input has a limit.

mod accounts;
mod audit;
mod bids;
mod budgets;
mod config;
mod errors;
mod events;
mod exports;
mod keys;
mod leases;
mod ledger;
mod offers;
mod openapi;
mod orders;
mod organisations;
mod prices;
mod reclaims;
mod rounds;
mod serve;
mod state;
mod tokens;
mod webhooks;

pub use accounts::AccountStanding;
pub use audit::AuditPage;
pub use config::HttpConfig;
pub use leases::LeaseView;
pub use offers::OfferView;
pub use openapi::{document, paths};
pub use orders::OrderList;
pub use serve::{serve, standalone};
pub use state::{ApiParts, MarketState};

use crate::auth::admit;
use axum::Router;
use axum::middleware::from_fn_with_state;
use utoipa_axum::router::OpenApiRouter;

/// The market's routes, to be merged into the router of a program whose layers observe requests and limit them.
pub fn router(state: &MarketState) -> Router {
    let (guarded, _) = guarded().split_for_parts();
    let (open, _) = openapi::routes().split_for_parts();
    guarded.route_layer(from_fn_with_state(state.clone(), admit)).merge(open).with_state(state.clone())
}

/// The routes that need a token.
fn guarded() -> OpenApiRouter<MarketState> {
    OpenApiRouter::new()
        .merge(organisations::routes())
        .merge(accounts::routes())
        .merge(budgets::routes())
        .merge(offers::routes())
        .merge(bids::routes())
        .merge(orders::routes())
        .merge(rounds::routes())
        .merge(prices::routes())
        .merge(leases::routes())
        .merge(reclaims::routes())
        .merge(ledger::routes())
        .merge(exports::routes())
        .merge(events::routes())
        .merge(audit::routes())
        .merge(webhooks::routes())
        .merge(tokens::routes())
}
