//! Builds the plugins of `plugins/` and the tests' own of `tests/guests/`, and lays them out as `NAME.wasm` in
//! `<build folder>/plugins` and `<build folder>/guests`.

use std::{collections::BTreeSet, fs, path::Path};

use crate::{
    failure::{Failure, Result},
    process,
    setup::wasm::Guest,
    workspace::Workspace,
};

/// Builds the plugins, as far as they changed, and copies what differs.
pub(crate) fn build(workspace: &Workspace, guest: &Guest) -> Result<()> {
    lay_out(workspace, guest, &workspace.plugins, &workspace.plugins_folder())
}

/// The same with the components that only tests load.
pub(crate) fn build_guests(workspace: &Workspace, guest: &Guest) -> Result<()> {
    lay_out(workspace, guest, &workspace.guests, &workspace.guests_folder())
}

fn lay_out(workspace: &Workspace, guest: &Guest, packages: &[String], folder: &Path) -> Result<()> {
    compile(workspace, guest, packages)?;
    fs::create_dir_all(folder).map_err(|error| Failure::io("create", folder, &error))?;
    let built = workspace.target.join(&guest.target).join("plugin");
    for name in packages {
        let artifact = built.join(format!("{}.wasm", name.replace('-', "_")));
        replace_if_changed(&artifact, &folder.join(format!("{name}.wasm")))?;
    }
    remove_others(folder, packages)
}

/// The build shares the host's build folder: the profile and the target keep its files apart from the host's.
fn compile(workspace: &Workspace, guest: &Guest, packages: &[String]) -> Result<()> {
    let mut cargo = process::cargo(&workspace.root);
    cargo.args(["build", "--profile", "plugin", "--target", &guest.target]);
    cargo.env("CARGO_TARGET_DIR", &workspace.target);
    for package in packages {
        cargo.args(["-p", package]);
    }
    // What the user asks of host builds (a linker, -D warnings) must not reach the guests.
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
        cargo.env_remove(name);
    }
    if let Some(rustc) = &guest.rustc {
        cargo.env("RUSTC", rustc);
    }
    process::build(&mut cargo, "building the plugins")
}

/// A running host may read the folder at any time, so a file appears whole or not at all; an equal file keeps its
/// time stamp.
fn replace_if_changed(from: &Path, to: &Path) -> Result<()> {
    let new = fs::read(from).map_err(|error| Failure::io("read", from, &error))?;
    if fs::read(to).is_ok_and(|old| old == new) {
        return Ok(());
    }
    let part = to.with_extension("part");
    fs::write(&part, new).and_then(|()| fs::rename(&part, to)).map_err(|error| Failure::io("write", to, &error))
}

/// A plugin whose folder is gone must not be loaded any more.
fn remove_others(folder: &Path, names: &[String]) -> Result<()> {
    let keep: BTreeSet<_> = names.iter().map(|name| folder.join(format!("{name}.wasm"))).collect();
    let entries = fs::read_dir(folder).map_err(|error| Failure::io("read", folder, &error))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|extension| extension == "wasm") && !keep.contains(&path) {
            fs::remove_file(&path).map_err(|error| Failure::io("remove", &path, &error))?;
        }
    }
    Ok(())
}
