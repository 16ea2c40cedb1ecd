//! `/v1/personas`: the catalog, and what is planned, forecast, running and achieved per persona.

mod apply;
mod budget;
mod list;
mod placements;
mod read;
mod schedules;
mod standing;

pub use list::{PersonaPage, PersonaSummary};

use super::state::AppState;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(read::get, apply::put))
        .routes(routes!(read::versions))
        .routes(routes!(standing::plan))
        .routes(routes!(standing::plan_costs))
        .routes(routes!(standing::forecast))
        .routes(routes!(standing::policies))
        .routes(routes!(standing::switches))
        .routes(routes!(standing::day_forecast))
        .routes(routes!(standing::anomalies))
        .routes(routes!(standing::instances))
        .routes(routes!(standing::outcomes))
        .routes(routes!(standing::spent))
}
