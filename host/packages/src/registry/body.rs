//! Reading an answer up to a limit.

use super::error::RegistryError;
use reqwest::{Response, StatusCode};

/// How much of an error's text is read and shown.
const MAX_ERROR_BYTES: u64 = 8 << 10;
const SHOWN_ERROR_CHARS: usize = 200;

/// The whole body, of up to `max` bytes.
pub(super) async fn read(mut response: Response, what: &str, max: u64) -> Result<Vec<u8>, RegistryError> {
    let too_large = |bytes| RegistryError::TooLarge { what: what.to_owned(), bytes, max };
    if let Some(bytes) = response.content_length().filter(|bytes| *bytes > max) {
        return Err(too_large(bytes));
    }
    let registry = response.url().host_str().unwrap_or_default().to_owned();
    let mut body = Vec::new();
    loop {
        let chunk = response.chunk().await;
        match chunk.map_err(|error| unreachable(&registry, &error))? {
            Some(chunk) => body.extend_from_slice(&chunk),
            None => return Ok(body),
        }
        if body.len() as u64 > max {
            return Err(too_large(body.len() as u64));
        }
    }
}

/// An answer with the wanted status, or what the registry said instead.
pub(super) async fn expect(response: Response, what: &str, wanted: &[StatusCode]) -> Result<Response, RegistryError> {
    let status = response.status();
    if wanted.contains(&status) {
        return Ok(response);
    }
    if status == StatusCode::NOT_FOUND {
        return Err(RegistryError::NotFound { what: what.to_owned() });
    }
    let text = read(response, what, MAX_ERROR_BYTES).await.unwrap_or_default();
    Err(RegistryError::Status { what: what.to_owned(), status: status.as_u16(), detail: detail(&text) })
}

/// The registry's own message, fit to be printed: `{"errors": [{"code": ..., "message": ...}]}`.
fn detail(body: &[u8]) -> String {
    let parsed: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let part = |key: &str| parsed["errors"][0][key].as_str().unwrap_or_default();
    let text: String = format!("{} {}", part("code"), part("message"));
    let text: String = text.chars().filter(|c| !c.is_control()).take(SHOWN_ERROR_CHARS).collect();
    if text.trim().is_empty() { String::new() } else { format!(": {}", text.trim()) }
}

/// The innermost cause is what tells the reader something.
pub(super) fn unreachable(registry: &str, error: &reqwest::Error) -> RegistryError {
    RegistryError::Unreachable { registry: registry.to_owned(), cause: cause(error) }
}

pub(super) fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
