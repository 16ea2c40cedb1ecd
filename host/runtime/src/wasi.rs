//! The part of WASI 0.2 that guests in every language expect, with nothing behind it: no files, no environment, no
//! network, clocks that stand still during a compute call, and for compute a random source that depends on the plugin
//! alone. The same input then gives the same answer.

use crate::failure::Exceeded;
use crate::guest::{CallTime, Guest};
use crate::stderr::Stderr;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use std::time::Duration;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::{self, cli, clocks, filesystem, io, random};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

/// The interfaces that are linked; every other one of WASI is refused when a component is loaded.
pub(crate) const OFFERED: [&str; 5] = ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/"];
const MONOTONIC_CLOCK: &str = "wasi:clocks/monotonic-clock@0.2.12";
const MAX_RANDOM_BYTES: u64 = 64 << 10;

/// A context with nothing granted. `seed` makes its randomness repeatable; without one it is the machine's.
pub(crate) fn context(time: &CallTime, stderr: &Stderr, seed: Option<u64>) -> WasiCtx {
    let mut wasi = WasiCtxBuilder::new();
    wasi.stderr(stderr.clone()).wall_clock(time.clone()).max_random_size(MAX_RANDOM_BYTES);
    wasi.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
    if let Some(seed) = seed {
        wasi.monotonic_clock(time.clone())
            .secure_random(SmallRng::seed_from_u64(seed))
            .insecure_random(SmallRng::seed_from_u64(!seed))
            .insecure_random_seed(seed.into());
    }
    wasi.build()
}

impl HostWallClock for CallTime {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.get().0).unwrap_or(0))
    }
}

impl HostMonotonicClock for CallTime {
    fn resolution(&self) -> u64 {
        1_000_000
    }

    fn now(&self) -> u64 {
        u64::try_from(self.get().0).unwrap_or(0).saturating_mul(1_000_000)
    }
}

/// Links WASI for guests that are called synchronously. Sleeping traps, since it would hold a thread for nothing.
///
/// # Errors
/// When an interface is linked twice.
pub(crate) fn link_sync(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    link_both(linker)?;
    bindings::sync::io::poll::add_to_linker::<Guest, HasIo>(linker, |guest| guest.ctx().table)?;
    bindings::sync::io::streams::add_to_linker::<Guest, HasIo>(linker, |guest| guest.ctx().table)?;
    bindings::sync::filesystem::types::add_to_linker::<Guest, WasiFilesystem>(linker, Guest::filesystem)?;
    linker.allow_shadowing(true);
    let mut clock = linker.instance(MONOTONIC_CLOCK)?;
    for sleep in ["subscribe-duration", "subscribe-instant"] {
        clock.func_wrap(sleep, |_, (_until,): (u64,)| -> wasmtime::Result<(Resource<DynPollable>,)> {
            Err(Exceeded::Sleep.into())
        })?;
    }
    linker.allow_shadowing(false);
    Ok(())
}

/// Links WASI for guests that are called asynchronously.
///
/// # Errors
/// When an interface is linked twice.
pub(crate) fn link_async(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    link_both(linker)?;
    io::poll::add_to_linker::<Guest, HasIo>(linker, |guest| guest.ctx().table)?;
    io::streams::add_to_linker::<Guest, HasIo>(linker, |guest| guest.ctx().table)?;
    filesystem::types::add_to_linker::<Guest, WasiFilesystem>(linker, Guest::filesystem)
}

fn link_both(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    io::error::add_to_linker::<Guest, HasIo>(linker, |guest| guest.ctx().table)?;
    clocks::wall_clock::add_to_linker::<Guest, WasiClocks>(linker, Guest::clocks)?;
    clocks::monotonic_clock::add_to_linker::<Guest, WasiClocks>(linker, Guest::clocks)?;
    filesystem::preopens::add_to_linker::<Guest, WasiFilesystem>(linker, Guest::filesystem)?;
    random::random::add_to_linker::<Guest, WasiRandom>(linker, |guest| guest.ctx().ctx.random())?;
    random::insecure::add_to_linker::<Guest, WasiRandom>(linker, |guest| guest.ctx().ctx.random())?;
    random::insecure_seed::add_to_linker::<Guest, WasiRandom>(linker, |guest| guest.ctx().ctx.random())?;
    cli::exit::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::environment::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::stdin::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::stdout::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::stderr::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::terminal_input::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::terminal_output::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::terminal_stdin::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::terminal_stdout::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)?;
    cli::terminal_stderr::add_to_linker::<Guest, WasiCli>(linker, Guest::cli)
}

/// `wasi:io` needs the table of resources alone.
struct HasIo;

impl HasData for HasIo {
    type Data<'a> = &'a mut ResourceTable;
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let (ctx, table) = self.wasi();
        WasiCtxView { ctx, table }
    }
}
