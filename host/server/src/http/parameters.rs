//! Parameters in path and query that name something of this host.

use super::problem::{Problem, ProblemKind};
use super::state::AppState;
use forewarm_domain::id::PersonaName;
use forewarm_domain::persona::Persona;
pub(super) use forewarm_web::parameters::{InPath, InQuery, limit};
use forewarm_web::schema::nearest;
use std::sync::Arc;

/// The persona of that name, or a problem that names the nearest one.
pub(super) fn persona(state: &AppState, name: &PersonaName) -> Result<Arc<Persona>, Problem> {
    state.core.catalog().get(name).ok_or_else(|| {
        let personas = state.core.catalog().list();
        let names: Vec<&str> = personas.iter().map(|persona| persona.spec.name.as_str()).collect();
        let help = nearest(name.as_str(), &names).map_or_else(String::new, |near| format!(": did you mean {near}?"));
        Problem::new(ProblemKind::NotFound, format!("there is no persona {name}{help}"))
    })
}
