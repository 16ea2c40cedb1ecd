//! The HTTP API. One file per small resource, one folder per larger one; each route is a handler that asks its
//! [`Caller`](auth::Caller) what it may do, calls the core, and gives JSON or a [`Problem`].
//!
//! Invariants: nothing under `/v1` or `/metrics` answers without a valid token; every error is a problem document; no
//! request takes more room, time or places than the configuration allows.

pub mod auth;
mod calendar;
mod claims;
mod errors;
mod events;
mod health;
mod ingest;
mod lending;
mod openapi;
mod parameters;
mod personas;
mod plugins;
mod profiles;
mod series;
mod serve;
mod state;
mod status;
mod tokens;

pub use openapi::document as openapi_document;
pub use personas::{PersonaPage, PersonaSummary};
pub use problem::{FieldError, Problem, ProblemDocument, ProblemKind};
pub use serve::serve;
pub use state::{AppState, Parts};
pub use status::HostStatus;
pub use tokens::TokenView;

pub use forewarm_web::problem;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use forewarm_web::{body, layers};
use utoipa_axum::router::OpenApiRouter;

/// The API of one host, ready to be served.
pub fn router(state: &AppState) -> Router {
    let (guarded, _) = guarded().split_for_parts();
    let (open, _) = open().split_for_parts();
    let authenticated = guarded.route_layer(from_fn_with_state(state.clone(), auth::authenticate));
    let market: Router<AppState> = state.market.clone().unwrap_or_default().with_state(());
    authenticated
        .merge(market)
        .layer(from_fn_with_state(state.clone(), layers::limit::<AppState>))
        .merge(open)
        .fallback(layers::unknown_route::<AppState>)
        .layer(from_fn_with_state(state.clone(), layers::observe::<AppState>))
        .layer(from_fn(layers::secure))
        .with_state(state.clone())
}

/// The routes that need a token.
fn guarded() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(personas::routes())
        .merge(calendar::routes())
        .merge(claims::routes())
        .merge(lending::routes())
        .merge(ingest::routes())
        .merge(series::routes())
        .merge(profiles::routes())
        .merge(plugins::routes())
        .merge(tokens::routes())
        .merge(status::routes())
        .merge(events::routes())
        .merge(health::guarded_routes())
}

/// The routes that anybody may see.
fn open() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().merge(health::open_routes()).merge(openapi::routes())
}
