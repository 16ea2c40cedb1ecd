//! Outgoing requests of drivers that ask for the capability `http`, to where their operator lets them go.
//!
//! The host adds what is secret, follows no redirect and limits size, number and time. A redirect is a response like any
//! other: where it leads is a request of its own, which has to be granted as well.

#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod native;
#[cfg(target_arch = "wasm32")]
mod wasi;

#[cfg(not(target_arch = "wasm32"))]
use native as backend;
use std::fmt;
use std::time::Duration;
#[cfg(target_arch = "wasm32")]
use wasi as backend;

/// A request in the making.
///
/// ```no_run
/// # fn main() -> Result<(), forewarm_sdk::Error> {
/// use forewarm_sdk::http::Request;
/// let response = Request::post("https://api.example.com/v1/servers").header("content-type", "application/json")
///     .body(br#"{"size": "small"}"#).send()?;
/// # drop(response); Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Such as `GET`.
    pub method: String,
    /// With scheme and host.
    pub url: String,
    /// Names and values, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Empty for none.
    pub body: Vec<u8>,
    /// The time in which the response has to begin, if the host's limit is too long.
    pub timeout: Option<Duration>,
}

impl Request {
    /// A request of any method; what may be asked is for the operator to say.
    #[must_use]
    pub fn new(method: &str, url: &str) -> Self {
        let (method, url) = (method.to_owned(), url.to_owned());
        Self { method, url, headers: Vec::new(), body: Vec::new(), timeout: None }
    }

    /// Asks for what is at `url`.
    #[must_use]
    pub fn get(url: &str) -> Self {
        Self::new("GET", url)
    }

    /// Hands something to what is at `url`.
    #[must_use]
    pub fn post(url: &str) -> Self {
        Self::new("POST", url)
    }

    /// Replaces what is at `url`.
    #[must_use]
    pub fn put(url: &str) -> Self {
        Self::new("PUT", url)
    }

    /// Removes what is at `url`.
    #[must_use]
    pub fn delete(url: &str) -> Self {
        Self::new("DELETE", url)
    }

    /// Adds a header. Those of the connection, and those that the host adds, are refused when it is sent.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    /// Sets the time in which the response has to begin; the host's own limit stays.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sends it and waits for the whole response.
    ///
    /// # Errors
    /// [`Error`] when there is none. A status such as 404 is a response.
    pub fn send(&self) -> Result<Response, Error> {
        self.start()?.wait()
    }

    /// Sends it without waiting, so that several are under way at a time.
    ///
    /// # Errors
    /// [`Error`] when it can't be sent at all.
    pub fn start(&self) -> Result<Pending, Error> {
        backend::start(self).map(Pending)
    }
}

/// A request that is under way.
#[derive(Debug)]
pub struct Pending(backend::Pending);

impl Pending {
    /// Waits for the whole response.
    ///
    /// # Errors
    /// [`Error`] when there is none.
    pub fn wait(self) -> Result<Response, Error> {
        backend::wait(self.0)
    }
}

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// Such as 200.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of that name, in lower case, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// Whether the status is one of success, 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What to make of it.
    pub kind: ErrorKind,
    /// What the host said, for a log.
    pub detail: String,
}

/// What to make of a request that got no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The URL, a header or the body can't be sent.
    Invalid,
    /// The operator does not allow it.
    Denied,
    /// Too much at a time, or too large.
    Limit,
    /// There is no way to the server, or it did not answer in time.
    Unavailable,
    /// The server's certificate is not to be trusted.
    Certificate,
    /// The server did not speak HTTP.
    Protocol,
    /// Anything else.
    Other,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.kind {
            ErrorKind::Invalid => "the request is malformed",
            ErrorKind::Denied => "the operator does not allow the request",
            ErrorKind::Limit => "the request goes over a limit",
            ErrorKind::Unavailable => "the server can't be reached",
            ErrorKind::Certificate => "the server's certificate is not trusted",
            ErrorKind::Protocol => "the server broke the protocol",
            ErrorKind::Other => "the request failed",
        };
        write!(f, "{text}: {}", self.detail)
    }
}

impl std::error::Error for Error {}

impl From<Error> for crate::Error {
    /// A repetition is of use where the way or the limit was the reason.
    fn from(error: Error) -> Self {
        match error.kind {
            ErrorKind::Limit | ErrorKind::Unavailable => Self::unavailable(error.to_string()),
            _ => Self::other(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_answers_native_tests() {
        crate::testing::answer(|request| {
            assert_eq!(request.headers, [("accept".to_owned(), b"text/plain".to_vec())]);
            match request.method.as_str() {
                "GET" => {
                    Ok(Response { status: 200, headers: vec![("a".into(), b"b".to_vec())], body: b"hello".to_vec() })
                }
                _ => Err(Error::new(ErrorKind::Denied, "HttpRequestDenied")),
            }
        });
        let response = Request::get("https://a.com/").header("accept", "text/plain").send().expect("answers");
        assert_eq!((response.is_success(), response.header("a"), response.header("b")), (true, Some("b"), None));
        let error = Request::delete("https://a.com/").header("accept", "text/plain").send().expect_err("denied");
        assert!(matches!(crate::Error::from(error), crate::Error::Other(text) if text.contains("HttpRequestDenied")));
        let passing = Error::new(ErrorKind::Unavailable, "ConnectionTimeout");
        assert!(matches!(crate::Error::from(passing), crate::Error::Unavailable(_)));
    }
}
