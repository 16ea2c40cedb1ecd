//! `PUT /v1/personas/{name}`: makes a new version of a persona.

use super::{budget, placements, read::etag, schedules};
use crate::core::{Applied, ApplyError};
use crate::http::auth::Caller;
use crate::http::body::{Checked, checked_body, invalid};
use crate::http::parameters::InPath;
use crate::http::problem::{FieldError, Problem, ProblemKind};
use crate::http::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use forewarm_domain::id::PersonaName;
use forewarm_domain::persona::{Persona, PersonaSpec};
use forewarm_domain::plugin::PluginKind;
use serde::Deserialize;
use std::collections::HashSet;
use std::net::IpAddr;
use utoipa::ToSchema;

/// A persona as it is sent.
#[derive(Deserialize, ToSchema)]
#[serde(transparent)]
pub(super) struct SpecBody(PersonaSpec);

checked_body!(SpecBody);

/// Applies a persona. The same again makes no new version.
#[utoipa::path(
    put,
    path = "/v1/personas/{name}",
    tag = "personas",
    operation_id = "apply_persona",
    params(
        ("name" = PersonaName, Path, description = "The persona, as in the body"),
        ("If-Match" = Option<String>, Header, description = "Only if this is the newest version, such as `\"3\"`"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: only if there is no such persona yet"),
    ),
    request_body = PersonaSpec,
    responses(
        (status = 200, body = Persona, headers(("ETag" = String, description = "The version, in quotes"))),
        (status = 201, body = Persona, description = "It is the first version", headers(("ETag" = String))),
    )
)]
pub(super) async fn put(
    State(state): State<AppState>,
    caller: Caller,
    InPath(name): InPath<PersonaName>,
    headers: HeaderMap,
    Checked(SpecBody(spec)): Checked<SpecBody>,
) -> Result<Response, Problem> {
    caller.may_operate()?;
    let expected = expected_version(&headers)?;
    let mut errors = faults(&state, &name, &spec);
    if errors.is_empty() {
        errors = budget::faults(&state, &spec).await;
    }
    if !errors.is_empty() {
        return Err(invalid(errors));
    }
    let Applied { persona, changed } = state.core.apply(spec, &caller.name, expected).await?;
    let status = if changed && persona.version == 1 { StatusCode::CREATED } else { StatusCode::OK };
    let tag = etag(persona.version);
    let mut response = (status, Json(&*persona)).into_response();
    response.headers_mut().insert(header::ETAG, tag);
    Ok(response)
}

/// The version that the caller takes to be the newest, 0 for none; `None` where it does not care.
fn expected_version(headers: &HeaderMap) -> Result<Option<u32>, Problem> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default().trim());
    match (text(header::IF_MATCH), text(header::IF_NONE_MATCH)) {
        (None, None) => Ok(None),
        (None, Some("*")) => Ok(Some(0)),
        (Some(tag), None) => {
            let version =
                tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).and_then(|text| text.parse().ok());
            let detail = "the header If-Match must be one version in quotes, as the ETag has it, such as \"3\"";
            version.map(Some).ok_or_else(|| Problem::new(ProblemKind::InvalidParameter, detail))
        }
        _ => {
            let detail = "send either If-Match with a version or If-None-Match with *, not both";
            Err(Problem::new(ProblemKind::InvalidParameter, detail))
        }
    }
}

/// What the schema cannot tell: how the parts of a persona go together.
fn faults(state: &AppState, name: &PersonaName, spec: &PersonaSpec) -> Vec<FieldError> {
    let mut faults = inner_faults(name, spec);
    faults.extend(schedules::faults(spec, state.core.clock().now()));
    faults.extend(placements::faults(spec));
    faults.extend(schedules::lending_faults(spec, state.core.clock().now()));
    let plugins = &spec.plugins;
    let mut uses = vec![
        ("/plugins/forecaster".to_owned(), &plugins.forecaster, PluginKind::Forecaster),
        ("/plugins/driver".to_owned(), &plugins.driver, PluginKind::Driver),
    ];
    let detector = plugins.anomaly_detector.as_ref();
    uses.extend(detector.map(|name| ("/plugins/anomaly_detector".to_owned(), name, PluginKind::AnomalyDetector)));
    uses.extend(plugins.fallback_forecasters.iter().enumerate().map(|(index, forecaster)| {
        (format!("/plugins/fallback_forecasters/{index}"), forecaster, PluginKind::Forecaster)
    }));
    let known = state.plugins.infos();
    for (pointer, wanted, kind) in uses {
        // A plugin that this host does not carry may be on another one.
        let other = known.iter().find(|info| info.name.as_ref() == Some(wanted)).and_then(|info| info.kind);
        if let Some(other) = other.filter(|other| *other != kind) {
            faults.push(fault(&pointer, format!("{wanted} is of the kind {other}: name one of the kind {kind}")));
        }
    }
    faults
}

fn inner_faults(name: &PersonaName, spec: &PersonaSpec) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if spec.name != *name {
        faults.push(fault("/name", format!("the body is about {}, the path about {name}: use one name", spec.name)));
    }
    let scaling = spec.scaling;
    if scaling.min > scaling.max {
        let detail = format!("min is {}, above max, which is {}: lower min or raise max", scaling.min, scaling.max);
        faults.push(fault("/scaling/min", detail));
    }
    if !spec.plugins.forecaster_parameters.is_object() {
        faults.push(fault("/plugins/forecaster_parameters", "give an object, such as {}"));
    }
    let mut named = HashSet::from([&spec.plugins.forecaster]);
    for (index, forecaster) in spec.plugins.fallback_forecasters.iter().enumerate() {
        if !named.insert(forecaster) {
            let detail = format!("{forecaster} is named twice: name each forecaster once");
            faults.push(fault(&format!("/plugins/fallback_forecasters/{index}"), detail));
        }
    }
    for (index, network) in spec.security.ingress_cidrs.iter().enumerate() {
        if !is_cidr(network) {
            let detail = "give a network in CIDR notation, such as 10.0.0.0/8 or 2001:db8::/32";
            faults.push(fault(&format!("/security/ingress_cidrs/{index}"), detail));
        }
    }
    faults
}

fn fault(pointer: &str, detail: impl Into<String>) -> FieldError {
    FieldError { pointer: pointer.to_owned(), detail: detail.into() }
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let most = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.bytes().all(|b| b.is_ascii_digit()) && bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

impl From<ApplyError> for Problem {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Version { .. } => Self::new(ProblemKind::VersionMismatch, error.to_string()),
            ApplyError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().expect("a header"))).collect()
    }

    #[test]
    fn the_expected_version_is_read_off_the_headers() {
        let expected = |pairs: &[_]| expected_version(&headers(pairs)).map_err(|problem| problem.kind());
        assert_eq!(expected(&[]), Ok(None));
        assert_eq!(expected(&[(header::IF_MATCH, "\"3\"")]), Ok(Some(3)));
        assert_eq!(expected(&[(header::IF_NONE_MATCH, "*")]), Ok(Some(0)));
        for bad in ["3", "*", "W/\"3\"", "\"x\"", "\"1\", \"2\""] {
            assert_eq!(expected(&[(header::IF_MATCH, bad)]), Err(ProblemKind::InvalidParameter), "{bad}");
        }
        let both = [(header::IF_MATCH, "\"3\""), (header::IF_NONE_MATCH, "*")];
        assert_eq!(expected(&both), Err(ProblemKind::InvalidParameter));
    }

    #[test]
    fn parts_that_do_not_go_together_are_named() {
        let mut spec: PersonaSpec = serde_json::from_value(serde_json::json!({
            "name": "web",
            "allocation": { "cpu_millis": 500, "memory_mib": 512 },
            "security": { "ingress_cidrs": ["10.0.0.0/8", "10.0.0.0", "2001:db8::/129"] },
            "demand": { "series": { "resource": "web", "metric": "requests" }, "capacity_per_instance": 10.0 },
        }))
        .expect("valid");
        spec.scaling.min = 5;
        spec.scaling.max = 2;
        let pointers: Vec<String> =
            inner_faults(&"other".parse().expect("valid"), &spec).into_iter().map(|fault| fault.pointer).collect();
        assert_eq!(pointers, ["/name", "/scaling/min", "/security/ingress_cidrs/1", "/security/ingress_cidrs/2"]);
    }
}
