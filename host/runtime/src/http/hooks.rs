//! `wasi:http` for guests: each request is counted as a host call and goes out through the plugin's [`Client`].

use super::call::Call;
use super::client::Client;
use super::headers::is_forbidden;
use super::problem::{self, Problem};
use crate::guest::Guest;
use crate::metrics::Counters;
use forewarm_domain::id::PluginName;
use http::HeaderName;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::p2::bindings::http::outgoing_handler;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, IoError, RequestOptions as OptionsResource};
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::{
    Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

/// The interfaces that are linked.
pub(crate) const OFFERED: [&str; 2] = ["wasi:http/outgoing-handler@", "wasi:http/types@"];
const OUTGOING_HANDLER: &str = "wasi:http/outgoing-handler@0.2.12";
const TYPES: &str = "wasi:http/types@0.2.12";
/// What a guest may write to a request's body at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// What belongs to one instance's requests. Instances without the capability have nothing here.
pub(crate) struct Hooks(Option<Granted>);

struct Granted {
    client: Arc<Client>,
    plugin: PluginName,
    counters: Arc<Counters>,
    call: Arc<Call>,
    /// Whether the instance lives. Told before its bodies are dropped, which look complete then.
    alive: Arc<AtomicBool>,
}

impl Hooks {
    pub(crate) fn new(client: Option<&Arc<Client>>, plugin: &PluginName, counters: &Arc<Counters>) -> Self {
        Self(client.map(|client| {
            let alive = Arc::new(AtomicBool::new(true));
            let call = Arc::new(Call::new(plugin, counters, 0, &alive));
            let (client, plugin, counters) = (Arc::clone(client), plugin.clone(), Arc::clone(counters));
            Granted { client, plugin, counters, call, alive }
        }))
    }

    /// Gives the instance the requests of a new call.
    pub(crate) fn begin(&mut self) {
        if let Some(granted) = &mut self.0 {
            let requests = granted.client.limits().per_call;
            granted.call = Arc::new(Call::new(&granted.plugin, &granted.counters, requests, &granted.alive));
        }
    }
}

impl Drop for Granted {
    fn drop(&mut self) {
        self.alive.store(false, Ordering::Release);
    }
}

type Exchange = Result<(http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl WasiHttpHooks for Hooks {
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::new(is_forbidden)
    }

    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        is_forbidden(name)
    }

    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Exchange> + Send> {
        let granted = self.0.as_ref().map(|granted| (Arc::clone(&granted.client), Arc::clone(&granted.call)));
        Box::new(async move {
            let (client, call) = granted.ok_or(Problem::Destination)?;
            let response = client.send(request, options, call).await?;
            Ok((response, Box::new(async { Ok(()) }) as Box<dyn Future<Output = _> + Send>))
        })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK_BYTES
    }

    fn p2_error_from_connect(&mut self, error: &std::io::Error) -> ErrorCode {
        problem::carried(error).map_or(ErrorCode::InternalError(None), Problem::code)
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let (hooks, ctx, table) = self.http_parts();
        WasiHttpCtxView { hooks, ctx, table }
    }
}

/// Links `wasi:http` for guests that were granted it.
///
/// # Errors
/// When an interface is linked twice.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    // So that each request counts as a host call.
    linker
        .instance(OUTGOING_HANDLER)?
        .func_wrap("handle", |mut store, (request, options)| Ok((handle(store.data_mut(), request, options)?,)))?;
    // The library's own does not know the errors of a response's body.
    linker.instance(TYPES)?.func_wrap("http-error-code", |mut store, (error,): (Resource<IoError>,)| {
        let guest: &mut Guest = store.data_mut();
        Ok((code_of(guest.http().table.get(&error)?),))
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

type Handled = Result<Resource<HostFutureIncomingResponse>, ErrorCode>;

fn handle(
    guest: &mut Guest,
    request: Resource<HostOutgoingRequest>,
    options: Option<Resource<OptionsResource>>,
) -> wasmtime::Result<Handled> {
    guest.host_call()?;
    let mut http = guest.http();
    let asked = http.table.get_mut(&request)?;
    // Found here, since the library would log it for each request.
    if asked.authority.as_deref().is_none_or(str::is_empty) {
        http.table.delete(request)?;
        return Ok(Err(ErrorCode::HttpRequestUriInvalid));
    }
    asked.path_with_query.get_or_insert_with(|| "/".to_owned());
    match outgoing_handler::Host::handle(&mut http, request, options) {
        Ok(response) => Ok(Ok(response)),
        Err(error) => error.downcast().map(Err),
    }
}

fn code_of(error: &IoError) -> Option<ErrorCode> {
    if let Some(code) = error.downcast_ref::<ErrorCode>() {
        return Some(code.clone());
    }
    match error.downcast_ref::<Error>()? {
        Error::Connect(error) => problem::carried(error).map(Problem::code),
        _ => None,
    }
}
