//! The OpenAPI 3.1 document, written from the handlers themselves.

use super::problem::{PROBLEM_JSON, ProblemDocument};
use super::state::AppState;
use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, OpenApi as Document, Ref, RefOr, Response, ResponseBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The name of the one way to log in.
const BEARER: &str = "bearer";

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
    let mut text = serde_json::to_string_pretty(&build()).unwrap_or_default();
    text.push('\n');
    text
}

/// Every path of the API with the methods that it takes, such as `GET, PUT`.
pub(super) fn paths() -> BTreeMap<String, String> {
    let methods = |item: &PathItem| {
        let each = [("GET", &item.get), ("PUT", &item.put), ("POST", &item.post), ("DELETE", &item.delete)];
        each.into_iter()
            .filter(|(_, operation)| operation.is_some())
            .map(|(method, _)| method)
            .collect::<Vec<_>>()
            .join(", ")
    };
    build().paths.paths.iter().map(|(path, item)| (path.clone(), methods(item))).collect()
}

fn build() -> Document {
    let (_, mut guarded): (Router<AppState>, Document) = super::guarded().split_for_parts();
    for_each_operation(&mut guarded, |operation| {
        operation.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
    });
    let (_, open): (Router<AppState>, Document) = super::open().split_for_parts();
    let mut document = Head::openapi();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    document.merge(guarded);
    document.merge(open);
    for_each_operation(&mut document, |operation| {
        operation.responses.responses.insert("default".to_owned(), RefOr::T(problem()));
    });
    if let Some(components) = &mut document.components {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme(BEARER, scheme);
    }
    document
}

fn for_each_operation(document: &mut Document, act: impl Fn(&mut Operation)) {
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
        operations.into_iter().flatten().for_each(&act);
    }
}

fn problem() -> Response {
    let schema = Ref::from_schema_name("ProblemDocument");
    ResponseBuilder::new().description("A problem").content(PROBLEM_JSON, Content::new(Some(schema))).build()
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
