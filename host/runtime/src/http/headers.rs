//! Which headers a guest may send, and what the host adds. Framing and addressing are the host's alone, so that nothing
//! a guest writes can be taken for another request.

use super::grant::HttpDestination;
use super::limits::HttpLimits;
use super::problem::Problem;
use forewarm_egress::Host;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use wasmtime_wasi_http::DEFAULT_FORBIDDEN_HEADERS;

/// What belongs to a connection and not to a request, beside [`DEFAULT_FORBIDDEN_HEADERS`].
const OF_THE_CONNECTION: [HeaderName; 3] = [header::TE, header::TRAILER, header::EXPECT];

/// Whether guests neither send nor see a header.
pub(super) fn is_forbidden(name: &HeaderName) -> bool {
    DEFAULT_FORBIDDEN_HEADERS.contains(name) || OF_THE_CONNECTION.contains(name) || name.as_str().starts_with("proxy-")
}

/// A guest's headers as they are sent, and the length of the body that they declare.
///
/// # Errors
/// [`Problem`] for too many, and for those that are the host's.
pub(super) fn vet(
    mut headers: HeaderMap,
    destination: &HttpDestination,
    limits: &HttpLimits,
) -> Result<(HeaderMap, Option<u64>), Problem> {
    if headers.len() > limits.headers {
        return Err(Problem::RequestHeaders(limits.headers));
    }
    if bytes(&headers) > limits.header_bytes {
        return Err(Problem::RequestHeaders(limits.header_bytes));
    }
    let secret = |name: &HeaderName| destination.secret_headers.iter().any(|header| header.name == *name);
    if headers.keys().any(|name| is_forbidden(name) || secret(name)) {
        return Err(Problem::Header);
    }
    let declared = declared(&headers)?;
    headers.remove(header::CONTENT_LENGTH);
    Ok((headers, declared))
}

fn bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// The one `content-length`, if any.
fn declared(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let mut values = headers.get_all(header::CONTENT_LENGTH).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().ok().and_then(digits).map(Some).ok_or(Problem::Header),
        (Some(_), Some(_)) => Err(Problem::Header),
    }
}

fn digits(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Adds what the host sets: the host's name as it was vetted, and the secrets.
///
/// # Errors
/// [`Problem::Uri`] when the name makes no header, which a vetted one always does.
pub(super) fn complete(headers: &mut HeaderMap, destination: &HttpDestination, host: &Host) -> Result<(), Problem> {
    let usual = destination.port == destination.scheme.default_port();
    let text = if usual { host.to_string() } else { format!("{host}:{}", destination.port) };
    headers.insert(header::HOST, HeaderValue::from_str(&text).map_err(|_| Problem::Uri)?);
    for header in &destination.secret_headers {
        headers.insert(header.name.clone(), header.secret.value());
    }
    Ok(())
}

/// Checks a response's headers, and the length of the body that they declare.
///
/// # Errors
/// [`Problem`] for ambiguous framing, and for a body that is larger than granted.
pub(super) fn check_response(response: &HeaderMap, limits: &HttpLimits) -> Result<(), Problem> {
    if response.contains_key(header::TRANSFER_ENCODING) && response.contains_key(header::CONTENT_LENGTH) {
        return Err(Problem::Protocol);
    }
    let length = response.get(header::CONTENT_LENGTH).and_then(|value| digits(value.to_str().ok()?));
    match length {
        Some(length) if length > limits.response_bytes => Err(Problem::ResponseBody(limits.response_bytes)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Secret, SecretHeader};

    fn destination() -> HttpDestination {
        let secret = SecretHeader::new("authorization", Secret::new("Bearer s3cret").expect("a value"));
        let host = "a.com".parse().expect("a host");
        HttpDestination { secret_headers: vec![secret.expect("a header")], port: 8443, ..HttpDestination::new(host) }
    }

    fn check(headers: &[(&'static str, &str)]) -> Result<(HeaderMap, Option<u64>), Problem> {
        let limits = HttpLimits { headers: 4, header_bytes: 100, ..HttpLimits::default() };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).expect("a value"));
        }
        vet(map, &destination(), &limits)
    }

    #[test]
    fn the_hosts_headers_are_refused() {
        for name in [
            "host",
            "connection",
            "keep-alive",
            "transfer-encoding",
            "te",
            "trailer",
            "upgrade",
            "expect",
            "proxy-authorization",
            "proxy-connection",
            "proxy-anything",
            "http2-settings",
            "authorization",
        ] {
            assert_eq!(check(&[(name, "x")]).expect_err(name), Problem::Header);
        }
        check(&[("cookie", "a=b"), ("accept", "*/*"), ("x-custom", "1")]).expect("ordinary ones");
    }

    #[test]
    fn the_length_is_one_number() {
        assert_eq!(check(&[("content-length", "12")]).expect("a number").1, Some(12));
        for (one, other) in [("5", "5"), ("5", "6")] {
            let both = check(&[("content-length", one), ("content-length", other)]);
            assert_eq!(both.expect_err("two"), Problem::Header);
        }
        for wrong in ["+5", "5, 5", "0x5", "", "-1", "5 "] {
            assert_eq!(check(&[("content-length", wrong)]).expect_err(wrong), Problem::Header);
        }
    }

    #[test]
    fn size_and_number_are_limited() {
        assert_eq!(check(&[("a", "x"); 5]).expect_err("five"), Problem::RequestHeaders(4));
        assert_eq!(check(&[("a", &"x".repeat(100))]).expect_err("101 bytes"), Problem::RequestHeaders(100));
    }

    #[test]
    fn the_host_completes_them() {
        let (mut headers, _) = check(&[("content-length", "3")]).expect("vetted");
        complete(&mut headers, &destination(), &Host::parse("a.com").expect("a host")).expect("completes");
        assert_eq!(
            (headers.len(), &headers["host"], &headers["authorization"]),
            (2, &HeaderValue::from_static("a.com:8443"), &HeaderValue::from_static("Bearer s3cret"))
        );
        assert!(!format!("{headers:?}").contains("s3cret"));
    }
}
