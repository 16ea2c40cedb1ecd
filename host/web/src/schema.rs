//! The JSON Schema of a body (2020-12, derived from its type) and what does not fit it, in words.

use crate::problem::FieldError;
use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, ValidationError, Validator};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Errors that are listed; a hostile body may have any number.
const ERRORS_MAX: usize = 20;
/// The longest description of one error, in characters.
const DETAIL_MAX: usize = 300;

/// A compiled schema.
pub struct Schema {
    validator: Validator,
    document: Value,
}

impl Schema {
    /// The schema of `T`, with everything that it refers to.
    ///
    /// # Errors
    /// What is wrong with the schema: a fault of this program.
    pub fn of<T: ToSchema>() -> Result<Self, String> {
        let mut parts = Vec::new();
        T::schemas(&mut parts);
        parts.push((T::name().into_owned(), T::schema()));
        let parts: serde_json::Map<String, Value> = parts
            .into_iter()
            .map(|(name, schema)| Ok((name, serde_json::to_value(schema).map_err(|error| error.to_string())?)))
            .collect::<Result<_, String>>()?;
        let document =
            json!({ "$ref": format!("#/components/schemas/{}", T::name()), "components": { "schemas": parts } });
        let built = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true).build(&document);
        let validator = built.map_err(|error| error.to_string())?;
        Ok(Self { validator, document })
    }

    /// What does not fit, the first [`ERRORS_MAX`].
    #[must_use]
    pub fn errors(&self, value: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        for error in self.validator.iter_errors(value) {
            self.describe(&error, &mut errors);
            if errors.len() >= ERRORS_MAX {
                break;
            }
        }
        errors
    }

    fn describe(&self, error: &ValidationError<'_>, into: &mut Vec<FieldError>) {
        let (ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context }) = error.kind()
        else {
            into.push(self.one(error));
            return;
        };
        // "null or an object" is how an optional part is written: what is wrong is told of the object alone.
        let meant = context.iter().filter(|branch| !branch.iter().any(wants_null));
        let before = into.len();
        meant.flatten().for_each(|inner| self.describe(inner, into));
        if into.len() == before {
            into.push(self.one(error));
        }
    }

    fn one(&self, error: &ValidationError<'_>) -> FieldError {
        let pointer = error.instance_path().as_str().to_owned();
        let mut detail = match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => self.unexpected(error, unexpected),
            _ => error.to_string(),
        };
        if let Some((end, _)) = detail.char_indices().nth(DETAIL_MAX) {
            detail.truncate(end);
            detail.push_str(" ...");
        }
        FieldError { pointer, detail }
    }

    /// Unknown fields, each with the field that was probably meant.
    fn unexpected(&self, error: &ValidationError<'_>, unexpected: &[String]) -> String {
        let parent = error.schema_path().as_str().trim_end_matches("/additionalProperties");
        let properties = self.document.pointer(&format!("{parent}/properties")).and_then(Value::as_object);
        let known: Vec<&str> = properties.into_iter().flat_map(|map| map.keys().map(String::as_str)).collect();
        let told = unexpected.iter().take(5).map(|field| match nearest(field, &known) {
            Some(near) => format!("there is no field `{field}` here: did you mean `{near}`?"),
            None => format!("there is no field `{field}` here: the fields are {}", known.join(", ")),
        });
        told.collect::<Vec<_>>().join(" ")
    }
}

fn wants_null(error: &ValidationError<'_>) -> bool {
    error.schema_path().as_str().ends_with("/type") && error.to_string().ends_with("is not of type \"null\"")
}

/// The name in `known` that is most like `wanted`, if any is like it at all.
#[must_use]
pub fn nearest<'a>(wanted: &str, known: &[&'a str]) -> Option<&'a str> {
    let scored = known.iter().map(|name| (strsim::jaro_winkler(wanted, name), *name));
    scored.filter(|(score, _)| *score > 0.75).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}
