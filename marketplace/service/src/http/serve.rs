//! A market that stands alone: its routes with layers of their own, served until it is told to stop.

use super::state::MarketState;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use forewarm_web::layers;
use std::future::IntoFuture;
use std::io;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The API of a market that stands alone.
pub fn standalone(state: &MarketState) -> Router {
    super::router(state)
        .layer(from_fn_with_state(state.clone(), layers::limit::<MarketState>))
        .merge(Router::new().route("/healthz", get(async || "ok\n")))
        .fallback_service(Router::new().fallback(layers::unknown_route::<MarketState>).with_state::<()>(state.clone()))
        .layer(from_fn_with_state(state.clone(), layers::observe::<MarketState>))
        .layer(from_fn(layers::secure))
}

/// Serves the API until `stopping` is cancelled; then lets requests that are under way end, for `http.drain_s` at most.
///
/// # Errors
/// The system's, when connections can't be taken any more.
pub async fn serve(listener: TcpListener, state: MarketState, stopping: CancellationToken) -> io::Result<()> {
    tracing::info!(address = %listener.local_addr()?, "the market's API listens");
    let drain_s = state.http.drain_s;
    let server = axum::serve(listener, standalone(&state)).with_graceful_shutdown(stopping.clone().cancelled_owned());
    let drain = async {
        stopping.cancelled().await;
        tokio::time::sleep(Duration::from_secs(drain_s.into())).await;
    };
    tokio::select! {
        served = server.into_future() => served,
        () = drain => {
            tracing::warn!(seconds = drain_s, "requests were still under way at the end of the drain");
            Ok(())
        }
    }
}
