//! Provides what the workspace needs beyond a Rust toolchain. Every step looks first, says a line only when it has
//! work, and ends with one line on what to install when it can't do that work itself.

mod debian;
mod nats;
mod postgres;
mod registry;
pub(crate) mod subcommand;
pub(crate) mod wasm;

use std::{path::PathBuf, process::Command};

use crate::{failure::Result, plugins, process, workspace::Workspace};

/// What the platform runs on: the folder of its plugins.
pub(crate) struct Platform {
    pub(crate) plugins: PathBuf,
}

/// What the tests run on.
pub(crate) struct Tests {
    platform: Platform,
    guests: PathBuf,
    forewarm: PathBuf,
    nats_server: PathBuf,
    postgres: PathBuf,
    registry: PathBuf,
}

impl Platform {
    pub(crate) fn apply(&self, command: &mut Command) {
        command.env("FOREWARM_PLUGINS", &self.plugins);
    }
}

impl Tests {
    pub(crate) fn apply(&self, command: &mut Command) {
        self.platform.apply(command);
        command.env("FOREWARM_GUESTS", &self.guests);
        command.env("FOREWARM_BIN", &self.forewarm);
        command.env("FOREWARM_TEST_NATS_SERVER", &self.nats_server);
        command.env("FOREWARM_TEST_PG_BIN", &self.postgres);
        command.env("FOREWARM_TEST_REGISTRY", &self.registry);
    }
}

/// The wasm target and the built plugins.
pub(crate) fn platform(workspace: &Workspace) -> Result<Platform> {
    let guest = wasm::provide(workspace)?;
    plugins::build(workspace, &guest)?;
    Ok(Platform { plugins: workspace.plugins_folder() })
}

/// The host's program; quick where it is built already.
pub(crate) fn forewarm(workspace: &Workspace) -> Result<()> {
    build_forewarm(workspace, &[])
}

/// The host's program, and the same as tests try it.
pub(crate) fn forewarm_tried(workspace: &Workspace) -> Result<()> {
    build_forewarm(workspace, &["--bins", "--example", "forewarm-tried"])
}

fn build_forewarm(workspace: &Workspace, targets: &[&str]) -> Result<()> {
    let mut build = process::cargo(&workspace.root);
    build.args(["build", "-p", "forewarm-server"]).args(targets).env("CARGO_TARGET_DIR", &workspace.target);
    process::build(&mut build, "building forewarm")
}

/// The platform and the test runner and servers. The host's program is only named: see [`forewarm`].
pub(crate) fn tests(workspace: &Workspace) -> Result<Tests> {
    subcommand::provide(workspace, "cargo-nextest")?;
    let nats_server = nats::NATS_SERVER.provide(workspace)?;
    let postgres = postgres::provide()?;
    let registry = registry::REGISTRY.provide(workspace)?;
    let platform = platform(workspace)?;
    plugins::build_guests(workspace, &wasm::provide(workspace)?)?;
    let (guests, forewarm) = (workspace.guests_folder(), workspace.forewarm());
    Ok(Tests { platform, guests, forewarm, nats_server, postgres, registry })
}
