//! The frame of an OpenAPI 3.1 document: one way to log in, and a problem for whatever else happens.

use crate::problem::PROBLEM_JSON;
use std::collections::BTreeMap;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response, ResponseBuilder};

/// The name of the one way to log in.
const BEARER: &str = "bearer";

/// Joins the routes that need a token and those that do not into `head`, whose schemas name
/// [`ProblemDocument`](crate::ProblemDocument).
#[must_use]
pub fn assemble(mut head: OpenApi, version: &str, mut guarded: OpenApi, open: OpenApi) -> OpenApi {
    for_each_operation(&mut guarded, |operation| {
        operation.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
    });
    version.clone_into(&mut head.info.version);
    head.merge(guarded);
    head.merge(open);
    for_each_operation(&mut head, |operation| {
        operation.responses.responses.insert("default".to_owned(), RefOr::T(problem()));
    });
    if let Some(components) = &mut head.components {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme(BEARER, scheme);
    }
    head
}

/// The document as JSON text, ending with a line feed.
#[must_use]
pub fn to_text(document: &OpenApi) -> String {
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}

/// Every path with the methods that it takes, such as `GET, PUT`.
#[must_use]
pub fn paths(document: &OpenApi) -> BTreeMap<String, String> {
    let methods = |item: &PathItem| {
        let each = [("GET", &item.get), ("PUT", &item.put), ("POST", &item.post), ("DELETE", &item.delete)];
        each.into_iter()
            .filter(|(_, operation)| operation.is_some())
            .map(|(method, _)| method)
            .collect::<Vec<_>>()
            .join(", ")
    };
    document.paths.paths.iter().map(|(path, item)| (path.clone(), methods(item))).collect()
}

fn for_each_operation(document: &mut OpenApi, act: impl Fn(&mut Operation)) {
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
        operations.into_iter().flatten().for_each(&act);
    }
}

fn problem() -> Response {
    let schema = Ref::from_schema_name("ProblemDocument");
    ResponseBuilder::new().description("A problem").content(PROBLEM_JSON, Content::new(Some(schema))).build()
}
