//! What belongs to one instance of a plugin: its sandbox, its budget, its place among the living.

use crate::failure::Exceeded;
use crate::http::Hooks;
use crate::limiter::Limiter;
use crate::metrics::Living;
use crate::shared::Shared;
use crate::stderr::Stderr;
use crate::wasi;
use forewarm_domain::time::TimestampMs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::component::ResourceTable;
use wasmtime::{Engine, Store, StoreContextMut, UpdateDeadline};
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi_http::WasiHttpCtx;

/// Handles to the host's resources that a guest may hold at a time.
const MAX_HOST_HANDLES: usize = 256;
/// Handles of all sorts, the guest's own included.
const MAX_HANDLES: usize = 1_024;
/// What a guest may hand to the host in one call of either direction, in bytes, beside what its input accounts for.
const TRANSFER_BYTES: usize = 4 << 20;
/// What a guest may answer per value of its input, in bytes: a verdict has 32.
const TRANSFER_BYTES_PER_VALUE: usize = 64;

/// The time that a guest sees: that of the running call.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallTime(Arc<AtomicI64>);

impl CallTime {
    pub(crate) fn get(&self) -> TimestampMs {
        TimestampMs(self.0.load(Ordering::Relaxed))
    }
}

/// What is left to the running call.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) deadline: Instant,
    pub(crate) log_bytes: u32,
    pub(crate) host_calls: u32,
}

/// The data of a store.
pub(crate) struct Guest {
    pub(crate) shared: Arc<Shared>,
    /// The answer to `host.config`.
    pub(crate) config: Arc<str>,
    pub(crate) budget: Budget,
    pub(crate) time: CallTime,
    stderr: Stderr,
    limiter: Limiter,
    wasi: WasiCtx,
    wasi_http: WasiHttpCtx,
    /// Before the table, so that it is dropped before the bodies that the table holds.
    hooks: Hooks,
    table: ResourceTable,
    _living: Living,
    _place: OwnedSemaphorePermit,
}

impl Guest {
    pub(crate) fn new(shared: &Arc<Shared>, config: Arc<str>, place: OwnedSemaphorePermit, seed: Option<u64>) -> Self {
        let (time, stderr) = (CallTime::default(), Stderr::default());
        let wasi = wasi::context(&time, &stderr, seed);
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_HOST_HANDLES);
        Self {
            config,
            budget: Budget { deadline: Instant::now(), log_bytes: 0, host_calls: 0 },
            limiter: Limiter::new(shared.limits.memory_bytes, Arc::clone(&shared.counters)),
            _living: Living::new(&shared.counters),
            _place: place,
            hooks: Hooks::new(shared.http.as_ref(), &shared.manifest.name, &shared.counters),
            wasi_http: WasiHttpCtx::new(),
            shared: Arc::clone(shared),
            time,
            stderr,
            wasi,
            table,
        }
    }

    pub(crate) fn wasi(&mut self) -> (&mut WasiCtx, &mut ResourceTable) {
        (&mut self.wasi, &mut self.table)
    }

    pub(crate) fn http_parts(&mut self) -> (&mut Hooks, &mut WasiHttpCtx, &mut ResourceTable) {
        (&mut self.hooks, &mut self.wasi_http, &mut self.table)
    }

    /// What the guest wrote to its standard error last.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.last()
    }

    /// Counts one call of a host function.
    ///
    /// # Errors
    /// [`Exceeded::HostCalls`] when the call has used up its budget.
    pub(crate) fn host_call(&mut self) -> wasmtime::Result<()> {
        let left = self.budget.host_calls.checked_sub(1);
        self.budget.host_calls = left.ok_or(Exceeded::HostCalls(self.shared.limits.host_calls))?;
        Ok(())
    }
}

/// A store under all limits. What happens at a tick of the epoch differs between the engines: `go_on` says.
pub(crate) fn store(engine: &Engine, guest: Guest, go_on: fn() -> UpdateDeadline) -> Store<Guest> {
    let mut store = Store::new(engine, guest);
    store.limiter(|guest| &mut guest.limiter);
    store.set_max_component_handles(MAX_HANDLES);
    store.epoch_deadline_callback(move |context: StoreContextMut<'_, Guest>| {
        let guest = context.data();
        guest.shared.counters.ticked();
        if Instant::now() < guest.budget.deadline {
            return Ok(go_on());
        }
        Err(Exceeded::Deadline(guest.shared.limits.call).into())
    });
    store
}

/// Gives a store the budget of a new call, which has `values` values as input; answers when it began.
pub(crate) fn begin(store: &mut Store<Guest>, values: usize) -> Instant {
    store.set_epoch_deadline(1);
    store.set_hostcall_fuel(TRANSFER_BYTES + values.saturating_mul(TRANSFER_BYTES_PER_VALUE));
    let guest = store.data_mut();
    let limits = guest.shared.limits;
    guest.time.0.store(guest.shared.runtime.clock.now().0, Ordering::Relaxed);
    guest.stderr.clear();
    guest.hooks.begin();
    let now = Instant::now();
    guest.budget = Budget { deadline: now + limits.call, log_bytes: limits.log_bytes, host_calls: limits.host_calls };
    now
}
