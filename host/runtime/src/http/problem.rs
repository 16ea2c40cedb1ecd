//! Why a request got no answer, or an answer no end: what the guest is told, and what is counted.

use std::fmt;
use wasmtime_wasi_http::p2::bindings::http::types::{DnsErrorPayload, ErrorCode, TlsAlertReceivedPayload};

/// Why a request failed. The first part is the host's own refusal; nothing was sent then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    #[error("its URL is malformed, or of a form that could be read in two ways")]
    Uri,
    #[error("no destination of the grant has this scheme, host and port")]
    Destination,
    #[error("the grant does not allow this path there")]
    Path,
    #[error("the grant does not allow this method there")]
    Method,
    #[error("it has a header that the host alone sets")]
    Header,
    #[error("its headers are larger or more than the {0} that are granted")]
    RequestHeaders(usize),
    #[error("its body is larger than the {0} bytes that are granted")]
    RequestBody(usize),
    #[error("its body is not of the length that it declares")]
    RequestLength(u64),
    #[error("it has trailers, which are not sent")]
    RequestTrailers,
    #[error("its body was abandoned before its end")]
    Abandoned,
    #[error("the call has made all requests that it may make")]
    PerCall,
    #[error("all requests that may be under way are")]
    InFlight,
    #[error("all connections that may be open are in use")]
    Connections,
    #[error("the plugin makes more requests per second than granted")]
    Rate,
    #[error("the host's name leads to an address that is not public; `allow_addresses` can name it")]
    Address,
    #[error("the host's name can't be resolved")]
    Dns,
    #[error("the host's name has no address")]
    NoAddress,
    #[error("there was no connection in time")]
    ConnectTimeout,
    #[error("the connection was refused")]
    Refused,
    #[error("the host can't be reached")]
    Unreachable,
    #[error("the server's certificate is not valid for this host, or not signed by a trusted authority")]
    Certificate,
    #[error("the server ended the TLS handshake")]
    TlsAlert(u8),
    #[error("the TLS handshake failed")]
    Tls,
    #[error("the response did not begin in time")]
    FirstByte,
    #[error("the response stopped for too long")]
    BetweenBytes,
    #[error("the exchange took too long")]
    Total,
    #[error("the response's headers are larger or more than granted")]
    ResponseHeaders,
    #[error("the response's body is larger than the {0} bytes that are granted")]
    ResponseBody(u64),
    #[error("the connection ended before the response")]
    Incomplete,
    #[error("the response is not HTTP/1.1, or its framing is ambiguous")]
    Protocol,
    #[error("the host is shutting down")]
    Closed,
}

/// The names under which problems are counted.
pub(super) const REASONS: [&str; 18] = [
    "url",
    "destination",
    "path",
    "method",
    "header",
    "request-size",
    "request-aborted",
    "per-call",
    "in-flight",
    "connections",
    "rate",
    "address",
    "dns",
    "connect",
    "tls",
    "timeout",
    "response-size",
    "protocol",
];

impl Problem {
    /// The place in [`REASONS`].
    pub(super) fn reason(self) -> usize {
        match self {
            Self::Uri => 0,
            Self::Destination => 1,
            Self::Path => 2,
            Self::Method => 3,
            Self::Header => 4,
            Self::RequestHeaders(_) | Self::RequestBody(_) | Self::RequestLength(_) | Self::RequestTrailers => 5,
            Self::Abandoned | Self::Closed => 6,
            Self::PerCall => 7,
            Self::InFlight => 8,
            Self::Connections => 9,
            Self::Rate => 10,
            Self::Address => 11,
            Self::Dns | Self::NoAddress => 12,
            Self::Refused | Self::Unreachable => 13,
            Self::Certificate | Self::TlsAlert(_) | Self::Tls => 14,
            Self::ConnectTimeout | Self::FirstByte | Self::BetweenBytes | Self::Total => 15,
            Self::ResponseHeaders | Self::ResponseBody(_) => 16,
            Self::Incomplete | Self::Protocol => 17,
        }
    }

    /// What the guest is told.
    pub(super) fn code(self) -> ErrorCode {
        let bytes = |bytes: usize| u32::try_from(bytes).ok();
        match self {
            Self::Uri => ErrorCode::HttpRequestUriInvalid,
            Self::Destination | Self::Path | Self::Method | Self::Header => ErrorCode::HttpRequestDenied,
            Self::RequestHeaders(max) => ErrorCode::HttpRequestHeaderSectionSize(bytes(max)),
            Self::RequestBody(max) => ErrorCode::HttpRequestBodySize(Some(max as u64)),
            Self::RequestLength(length) => ErrorCode::HttpRequestBodySize(Some(length)),
            Self::RequestTrailers => ErrorCode::HttpRequestTrailerSectionSize(Some(0)),
            Self::PerCall | Self::InFlight | Self::Connections | Self::Rate => ErrorCode::ConnectionLimitReached,
            Self::Address => ErrorCode::DestinationIpProhibited,
            Self::Dns => ErrorCode::DnsError(DnsErrorPayload { rcode: None, info_code: None }),
            Self::NoAddress => ErrorCode::DestinationNotFound,
            Self::ConnectTimeout => ErrorCode::ConnectionTimeout,
            Self::Refused => ErrorCode::ConnectionRefused,
            Self::Unreachable => ErrorCode::DestinationUnavailable,
            Self::Certificate => ErrorCode::TlsCertificateError,
            Self::TlsAlert(alert) => {
                ErrorCode::TlsAlertReceived(TlsAlertReceivedPayload { alert_id: Some(alert), alert_message: None })
            }
            Self::Tls => ErrorCode::TlsProtocolError,
            Self::FirstByte | Self::BetweenBytes => ErrorCode::ConnectionReadTimeout,
            Self::Total => ErrorCode::HttpResponseTimeout,
            Self::ResponseHeaders => ErrorCode::HttpResponseHeaderSectionSize(None),
            Self::ResponseBody(max) => ErrorCode::HttpResponseBodySize(Some(max)),
            Self::Incomplete => ErrorCode::HttpResponseIncomplete,
            Self::Abandoned | Self::Protocol => ErrorCode::HttpProtocolError,
            Self::Closed => ErrorCode::ConnectionTerminated,
        }
    }

    /// What hyper's error means.
    pub(super) fn of_hyper(error: &hyper::Error) -> Self {
        if error.is_parse_too_large() {
            Self::ResponseHeaders
        } else if error.is_parse() {
            Self::Protocol
        } else {
            Self::Incomplete
        }
    }
}

/// A problem on its way through `wasmtime-wasi-http`, whose errors carry nothing of ours but this.
impl From<Problem> for wasmtime_wasi_http::Error {
    fn from(problem: Problem) -> Self {
        Self::Connect(std::io::Error::other(problem))
    }
}

/// The problem that [`From`] put there.
pub(super) fn carried(error: &std::io::Error) -> Option<Problem> {
    error.get_ref()?.downcast_ref().copied()
}

/// What is known of a request when it fails, fit for a log: no query, no user information, no headers.
#[derive(Debug, Clone)]
pub(super) struct Target(pub(super) String);

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
