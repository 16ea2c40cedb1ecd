//! Serving the API on a listener until the host stops, with a bounded drain.

use super::events::EventRing;
use super::state::AppState;
use std::future::IntoFuture;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tracing::{info, warn};

/// Serves the API until `stopping` of the state's [`Parts`](super::Parts) is cancelled; then lets requests that are under
/// way end, for `http.drain_s` at most.
///
/// # Errors
/// The system's, when connections can't be taken any more or the bus can't be listened to.
pub async fn serve(listener: TcpListener, state: AppState) -> io::Result<()> {
    let stopping = state.stopping.clone();
    info!(address = %listener.local_addr()?, "the API listens");
    let ring: Arc<EventRing> = Arc::clone(&state.events);
    let bus = Arc::clone(state.core.bus());
    let fill = ring.fill(bus.as_ref(), stopping.clone());
    let router = super::router(&state);
    let server = axum::serve(listener, router).with_graceful_shutdown(stopping.clone().cancelled_owned()).into_future();
    let drain = async {
        stopping.cancelled().await;
        tokio::time::sleep(Duration::from_secs(state.config.drain_s.into())).await;
    };
    let filled = async { fill.await.map_err(io::Error::other) };
    tokio::pin!(server);
    tokio::select! {
        // The ring ends with the host; requests may still be under way then.
        both = async { tokio::try_join!(&mut server, filled) } => both.map(|_| ()),
        () = drain => {
            warn!(seconds = state.config.drain_s, "requests were still under way at the end of the drain");
            Ok(())
        }
    }
}
