//! The OpenAPI 3.1 document, written from the handlers themselves.

use super::problem::ProblemDocument;
use super::state::AppState;
use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use forewarm_web::openapi;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "forewarm",
        description = "Predicts demand and keeps warm capacity ready. Errors are problem documents (RFC 9457) with a stable `type`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(ProblemDocument)),
    tags(
        (name = "personas", description = "What instances are made of, and how many are kept ready"),
        (name = "calendar", description = "What is planned ahead: events, freezes, maintenance windows"),
        (name = "claims", description = "Asking for an instance and giving it back"),
        (name = "ingest", description = "Measurements in"),
        (name = "series", description = "Measurements out"),
        (name = "profiles", description = "Personas drafted from measurements"),
        (name = "plugins", description = "Forecasters, profilers and drivers of this host"),
        (name = "tokens", description = "Who may call"),
        (name = "host", description = "The host itself"),
    )
)]
struct Head;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get))
}

/// Gives this document.
#[utoipa::path(get, path = "/openapi.json", operation_id = "get_openapi", tag = "host", responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
async fn get() -> impl IntoResponse {
    static TEXT: LazyLock<String> = LazyLock::new(document);
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str())
}

/// The document as JSON text, ending with a line feed.
#[must_use]
pub fn document() -> String {
    openapi::to_text(&build())
}

/// Every path of the API with the methods that it takes, such as `GET, PUT`.
pub(super) fn paths() -> BTreeMap<String, String> {
    openapi::paths(&build())
}

fn build() -> Document {
    let (_, guarded): (Router<AppState>, Document) = super::guarded().split_for_parts();
    let (_, open): (Router<AppState>, Document) = super::open().split_for_parts();
    openapi::assemble(Head::openapi(), env!("CARGO_PKG_VERSION"), guarded, open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_document_is_up_to_date() {
        crate::snapshot::check("docs/openapi.json", &document());
    }

    #[test]
    fn everything_but_the_open_routes_needs_a_token() {
        let open: Vec<String> = build()
            .paths
            .paths
            .into_iter()
            .filter(|(_, item)| {
                [&item.get, &item.put, &item.post, &item.delete].into_iter().flatten().any(|op| op.security.is_none())
            })
            .map(|(path, _)| path)
            .collect();
        assert_eq!(open, ["/healthz", "/openapi.json", "/readyz"]);
    }

    #[test]
    fn operations_have_names_of_their_own() {
        let document = build();
        let items = document.paths.paths.values();
        let operations = items.flat_map(|item| [&item.get, &item.put, &item.post, &item.delete]).flatten();
        let mut names: Vec<&str> = operations.filter_map(|operation| operation.operation_id.as_deref()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn references_lead_somewhere() {
        let document: serde_json::Value = serde_json::from_str(&document()).expect("JSON");
        let text = document.to_string();
        for part in text.split("\"$ref\":\"#").skip(1) {
            let pointer = part.split('"').next().expect("a pointer");
            assert!(document.pointer(pointer).is_some(), "{pointer} leads nowhere");
        }
    }
}
