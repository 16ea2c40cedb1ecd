//! The OpenAPI 3.1 document of the market, written from the handlers themselves.

use super::state::MarketState;
use crate::market::Side;
use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use forewarm_web::{ProblemDocument, openapi};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "forewarm market",
        description = "Tenants bid for warm capacity that its owners do not expect to need. Amounts are whole millionths of \
                       the account's unit. Errors are problem documents (RFC 9457) with a stable `type` and `code`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(ProblemDocument, Side)),
    tags(
        (name = "orders", description = "Offers and bids"),
        (name = "rounds", description = "Auctions and what came of them"),
        (name = "leases", description = "Capacity that changed hands, and calling it back"),
        (name = "money", description = "Accounts, budgets, the ledger, exports"),
        (name = "members", description = "Organisations, cost centres, tokens"),
        (name = "news", description = "Events, webhooks, the audit log"),
    )
)]
struct Head;

pub(super) fn routes() -> OpenApiRouter<MarketState> {
    OpenApiRouter::new().routes(routes!(get))
}

/// Gives this document.
#[utoipa::path(get, path = "/v1/market/openapi.json", operation_id = "get_market_openapi", tag = "news", responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
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
#[must_use]
pub fn paths() -> BTreeMap<String, String> {
    openapi::paths(&build())
}

fn build() -> Document {
    let (_, guarded): (Router<MarketState>, Document) = super::guarded().split_for_parts();
    let (_, open): (Router<MarketState>, Document) = routes().split_for_parts();
    openapi::assemble(Head::openapi(), env!("CARGO_PKG_VERSION"), guarded, open)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_committed_document_is_up_to_date() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/market-openapi.json");
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            std::fs::write(&file, document()).expect("a writable tree");
        }
        let committed = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(committed == document(), "{} is not up to date: run `cargo xtask snapshots`", file.display());
    }

    #[test]
    fn references_lead_somewhere_and_operations_have_names_of_their_own() {
        let document: serde_json::Value = serde_json::from_str(&document()).expect("JSON");
        let text = document.to_string();
        for part in text.split("\"$ref\":\"#").skip(1) {
            let pointer = part.split('"').next().expect("a pointer");
            assert!(document.pointer(pointer).is_some(), "{pointer} leads nowhere");
        }
        let names: Vec<_> =
            text.split("\"operationId\":\"").skip(1).filter_map(|part| part.split('"').next()).collect();
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
        assert!(names.len() > 30, "{names:?}");
    }
}
