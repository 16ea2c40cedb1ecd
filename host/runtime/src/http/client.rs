//! One plugin's way out: judges a request, sends it, and hands the response on.

use super::HttpGrantError;
use super::body::{Allowance, Held, ResponseBody, collect};
use super::call::Call;
use super::connect::Connector;
use super::grant::{Asked, HttpDestination, HttpGrant, HttpScheme};
use super::headers;
use super::limits::HttpLimits;
use super::pool::{Connection, Key, Pool};
use super::problem::{Problem, Target};
use super::rate::Bucket;
use bytes::Bytes;
use forewarm_egress::{Resolver, parse_authority};
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_util::task::AbortOnDropHandle;
use wasmtime_wasi_http::{RequestOptions, WasiBody};

/// See the module's description.
#[derive(Debug)]
pub(crate) struct Client {
    grant: HttpGrant,
    connector: Connector,
    pool: Arc<Pool>,
    in_flight: Arc<Semaphore>,
    bucket: Bucket,
    /// Where connections live: apart from the thread that guests run on.
    home: Handle,
    _reaper: AbortOnDropHandle<()>,
}

/// A request that the grant allows.
struct Vetted {
    key: Key,
    method: Method,
    path: PathAndQuery,
    headers: HeaderMap,
    /// The length that the guest declared.
    length: Option<u64>,
    target: Target,
}

/// The times of one exchange: the guest may want less than it is granted.
#[derive(Clone, Copy)]
struct Times {
    connect: Duration,
    first_byte: Duration,
    between: Duration,
    deadline: Instant,
}

impl Client {
    /// For the plugin with this grant; connections live on the tokio runtime that this is called on.
    ///
    /// # Errors
    /// [`HttpGrantError`] when a destination's certificates can't be read.
    pub(crate) fn new(grant: HttpGrant, resolver: Arc<dyn Resolver>) -> Result<Self, HttpGrantError> {
        let limits = grant.limits;
        let pool = Arc::new(Pool::new(limits.connections, limits.idle));
        Ok(Self {
            connector: Connector::new(&grant, resolver)?,
            in_flight: Arc::new(Semaphore::new(limits.in_flight)),
            bucket: Bucket::new(limits.per_second, limits.burst, std::time::Instant::now()),
            home: Handle::current(),
            _reaper: AbortOnDropHandle::new(tokio::spawn(reap(Arc::clone(&pool)))),
            pool,
            grant,
        })
    }

    pub(crate) fn grant(&self) -> &HttpGrant {
        &self.grant
    }

    pub(super) fn limits(&self) -> &HttpLimits {
        &self.grant.limits
    }

    /// Sends a request of a guest's, if it may.
    pub(super) async fn send(
        self: Arc<Self>,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        call: Arc<Call>,
    ) -> Result<Response<WasiBody>, Problem> {
        let mut target = Target("an unreadable URL".to_owned());
        let answer = self.judged(request, options, &call, &mut target).await;
        answer.inspect_err(|problem| call.report(*problem, &target))
    }

    async fn judged(
        self: Arc<Self>,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        call: &Arc<Call>,
        target: &mut Target,
    ) -> Result<Response<WasiBody>, Problem> {
        let (parts, body) = request.into_parts();
        call.request()?;
        let vetted = self.vet(parts, target)?;
        if !self.bucket.take(std::time::Instant::now()) {
            return Err(Problem::Rate);
        }
        let permit = Arc::clone(&self.in_flight).try_acquire_owned().map_err(|_| Problem::InFlight)?;
        let times = self.times(options);
        let (home, call) = (self.home.clone(), Arc::clone(call));
        let exchange = async move {
            let exchange = self.exchange(vetted, body, permit, times, call);
            timeout_at(times.deadline, exchange).await.unwrap_or(Err(Problem::Total))
        };
        AbortOnDropHandle::new(home.spawn(exchange)).await.unwrap_or(Err(Problem::Closed))
    }

    fn times(&self, options: Option<RequestOptions>) -> Times {
        let (limits, wanted) = (self.limits(), options.unwrap_or_default());
        let least = |granted: Duration, wanted: Option<Duration>| wanted.map_or(granted, |wanted| wanted.min(granted));
        Times {
            connect: least(limits.connect, wanted.connect_timeout),
            first_byte: least(limits.first_byte, wanted.first_byte_timeout),
            between: least(limits.between_bytes, wanted.between_bytes_timeout),
            deadline: Instant::now() + limits.total,
        }
    }

    /// Reads a request and finds its destination. `target` is what may be told of it.
    fn vet(&self, parts: http::request::Parts, target: &mut Target) -> Result<Vetted, Problem> {
        let scheme = scheme(&parts.uri)?;
        let (host, port) = parts.uri.authority().and_then(|text| parse_authority(text.as_str())).ok_or(Problem::Uri)?;
        let port = port.unwrap_or_else(|| scheme.default_port());
        let path = path(&parts.uri)?;
        *target = Target(format!("{} {scheme}://{host}:{port}{}", parts.method, path.path()));
        if path.as_str().len() > self.limits().header_bytes {
            return Err(Problem::RequestHeaders(self.limits().header_bytes));
        }
        let asked = Asked { scheme, host: &host, port, method: parts.method.as_str(), path: path.path() };
        let index = self.grant.destination(&asked)?;
        let (headers, length) = headers::vet(parts.headers, self.destination(index)?, self.limits())?;
        let key = Key { destination: index, host };
        Ok(Vetted { key, method: parts.method, path, headers, length, target: target.clone() })
    }

    fn destination(&self, index: usize) -> Result<&HttpDestination, Problem> {
        self.grant.destinations.get(index).ok_or(Problem::Destination)
    }

    async fn exchange(
        self: Arc<Self>,
        mut vetted: Vetted,
        body: WasiBody,
        in_flight: OwnedSemaphorePermit,
        times: Times,
        call: Arc<Call>,
    ) -> Result<Response<WasiBody>, Problem> {
        let body = collect(body, self.limits().request_bytes, &call).await?;
        if vetted.length.is_some_and(|declared| declared != body.len() as u64) {
            return Err(Problem::RequestLength(body.len() as u64));
        }
        headers::complete(&mut vetted.headers, self.destination(vetted.key.destination)?, &vetted.key.host)?;
        let (response, connection) = self.round_trip(&vetted, &body, times).await?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Problem::Protocol);
        }
        headers::check_response(response.headers(), self.limits())?;
        let _closer = close_at(times.deadline, &connection);
        let held = Held { connection, pool: Arc::clone(&self.pool), _closer, _in_flight: in_flight };
        let allowance =
            Allowance { bytes: self.limits().response_bytes, between: times.between, deadline: times.deadline };
        let body = |incoming| ResponseBody::new(incoming, allowance, held, call, vetted.target).boxed_unsync();
        Ok(response.map(body))
    }

    /// Sends a request over an idle connection or else a new one. One that a server closed meanwhile, before it took
    /// anything of the request, gives way to the next.
    async fn round_trip(
        &self,
        vetted: &Vetted,
        body: &Bytes,
        times: Times,
    ) -> Result<(Response<Incoming>, Connection), Problem> {
        loop {
            let pooled = self.pool.take(&vetted.key);
            let reused = pooled.is_some();
            let mut connection = match pooled {
                Some(connection) => connection,
                None => self.open(&vetted.key, times).await?,
            };
            let request = request(vetted, body)?;
            let exchange = async {
                connection.sender.ready().await.map_err(|_| None)?;
                let sent = connection.sender.try_send_request(request).await;
                sent.map_err(|mut error| error.take_message().is_none().then(|| Problem::of_hyper(error.error())))
            };
            match timeout(times.first_byte, exchange).await {
                Ok(Ok(response)) => return Ok((response, connection)),
                Ok(Err(None)) if reused => {}
                Ok(Err(problem)) => return Err(problem.unwrap_or(Problem::Incomplete)),
                Err(_) => return Err(Problem::FirstByte),
            }
        }
    }

    async fn open(&self, key: &Key, times: Times) -> Result<Connection, Problem> {
        let destination = self.destination(key.destination)?;
        let opening = self.connector.open(key.clone(), destination, self.limits(), &self.pool);
        timeout(times.connect, opening).await.unwrap_or(Err(Problem::ConnectTimeout))
    }
}

fn scheme(uri: &Uri) -> Result<HttpScheme, Problem> {
    match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => Ok(HttpScheme::Https),
        Some(scheme) if *scheme == Scheme::HTTP => Ok(HttpScheme::Http),
        _ => Err(Problem::Uri),
    }
}

/// Path and query as they are sent: printable ASCII, from the root.
fn path(uri: &Uri) -> Result<PathAndQuery, Problem> {
    let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let plain = path.as_str().starts_with('/') && path.as_str().bytes().all(|byte| byte.is_ascii_graphic());
    if plain { Ok(path) } else { Err(Problem::Uri) }
}

/// The request in the form that is sent to the server itself: without scheme and authority.
fn request(vetted: &Vetted, body: &Bytes) -> Result<Request<Full<Bytes>>, Problem> {
    let mut request = Request::new(Full::new(body.clone()));
    *request.method_mut() = vetted.method.clone();
    *request.headers_mut() = vetted.headers.clone();
    *request.uri_mut() = Uri::from(vetted.path.clone());
    Ok(request)
}

/// Closes the connection at `deadline`, unless it is dropped before.
fn close_at(deadline: Instant, connection: &Connection) -> AbortOnDropHandle<()> {
    let driver = connection.driver.abort_handle();
    AbortOnDropHandle::new(tokio::spawn(async move {
        sleep_until(deadline).await;
        driver.abort();
    }))
}

async fn reap(pool: Arc<Pool>) {
    loop {
        tokio::time::sleep(pool.reap_every()).await;
        pool.reap();
    }
}
