//! Requests through `wasi:http`, the way of components.

use super::{Error, ErrorKind, Request, Response};
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme, http_error_code,
};
use wasip2::io::streams::StreamError;

/// What is written and read at a time; the host takes no more at once.
const WRITE_BYTES: usize = 4 << 10;
const READ_BYTES: u64 = 64 << 10;

#[derive(Debug)]
pub(crate) struct Pending(FutureIncomingResponse);

pub(crate) fn start(request: &Request) -> Result<Pending, Error> {
    let outgoing = outgoing(request)?;
    let body = outgoing.body().map_err(|()| invalid("the content-length can't be read"))?;
    let options = RequestOptions::new();
    let timeout = request.timeout.map(|timeout| u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX));
    options.set_first_byte_timeout(timeout).map_err(|()| invalid("the timeout can't be set"))?;
    let pending = handle(outgoing, Some(options)).map_err(|code| failed(&code))?;
    write(body, &request.body)?;
    Ok(Pending(pending))
}

fn outgoing(request: &Request) -> Result<OutgoingRequest, Error> {
    let (scheme, authority, path) = parts(&request.url).ok_or_else(|| invalid("the URL has no scheme or host"))?;
    let headers = Fields::new();
    for (name, value) in &request.headers {
        headers.append(name, value).map_err(|error| invalid(&format!("{name}: {error:?}")))?;
    }
    let outgoing = OutgoingRequest::new(headers);
    outgoing.set_method(&method(&request.method)).map_err(|()| invalid("the method is not one of HTTP"))?;
    outgoing.set_scheme(Some(&scheme)).map_err(|()| invalid("the URL's scheme is malformed"))?;
    outgoing.set_authority(Some(authority)).map_err(|()| invalid("the URL's host is malformed"))?;
    outgoing.set_path_with_query(Some(path)).map_err(|()| invalid("the URL's path is malformed"))?;
    Ok(outgoing)
}

/// Scheme, authority, and path with query; the host reads them strictly.
fn parts(url: &str) -> Option<(Scheme, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let rest = rest.split('#').next().unwrap_or(rest);
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let scheme = match scheme {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        other => Scheme::Other(other.to_owned()),
    };
    Some((scheme, authority, if path.is_empty() { "/" } else { path }))
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "PATCH" => Method::Patch,
        "OPTIONS" => Method::Options,
        other => Method::Other(other.to_owned()),
    }
}

/// Writes the whole body. A host that takes no more has refused the request, and says why in its answer.
fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), Error> {
    let stream = body.write().map_err(|()| invalid("the body can't be written"))?;
    for chunk in bytes.chunks(WRITE_BYTES) {
        if stream.blocking_write_and_flush(chunk).is_err() {
            break;
        }
    }
    drop(stream);
    // What a refused request's body lacks does not matter any more.
    OutgoingBody::finish(body, None).or(Ok(()))
}

pub(crate) fn wait(pending: Pending) -> Result<Response, Error> {
    pending.0.subscribe().block();
    let answer = pending.0.get().and_then(Result::ok);
    let incoming = answer.ok_or_else(|| Error::new(ErrorKind::Other, "there is no answer"))?;
    read(&incoming.map_err(|code| failed(&code))?)
}

fn read(incoming: &IncomingResponse) -> Result<Response, Error> {
    let headers = incoming.headers().entries();
    let body = incoming.consume().map_err(|()| Error::new(ErrorKind::Other, "the body is taken"))?;
    Ok(Response { status: incoming.status(), headers, body: read_body(&body)? })
}

fn read_body(body: &IncomingBody) -> Result<Vec<u8>, Error> {
    let stream = body.stream().map_err(|()| Error::new(ErrorKind::Other, "the body is taken"))?;
    let mut all = Vec::new();
    loop {
        match stream.blocking_read(READ_BYTES) {
            Ok(part) => all.extend(part),
            Err(StreamError::Closed) => return Ok(all),
            Err(StreamError::LastOperationFailed(error)) => {
                let other = || Error::new(ErrorKind::Other, error.to_debug_string());
                return Err(http_error_code(&error).map_or_else(other, |code| failed(&code)));
            }
        }
    }
}

fn invalid(detail: &str) -> Error {
    Error::new(ErrorKind::Invalid, detail)
}

fn failed(code: &ErrorCode) -> Error {
    use ErrorCode as C;
    let kind = match code {
        C::HttpRequestDenied | C::DestinationIpProhibited => ErrorKind::Denied,
        C::ConnectionLimitReached
        | C::HttpRequestBodySize(_)
        | C::HttpRequestHeaderSectionSize(_)
        | C::HttpResponseBodySize(_)
        | C::HttpResponseHeaderSectionSize(_) => ErrorKind::Limit,
        C::HttpRequestUriInvalid | C::HttpRequestMethodInvalid => ErrorKind::Invalid,
        C::DnsTimeout
        | C::DnsError(_)
        | C::DestinationNotFound
        | C::DestinationUnavailable
        | C::ConnectionRefused
        | C::ConnectionTerminated
        | C::ConnectionTimeout
        | C::ConnectionReadTimeout
        | C::HttpResponseTimeout
        | C::HttpResponseIncomplete => ErrorKind::Unavailable,
        C::TlsCertificateError => ErrorKind::Certificate,
        C::TlsProtocolError | C::TlsAlertReceived(_) | C::HttpProtocolError => ErrorKind::Protocol,
        _ => ErrorKind::Other,
    };
    Error::new(kind, format!("{code:?}"))
}
