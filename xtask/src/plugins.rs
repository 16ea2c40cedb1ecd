//! Builds the plugins of `plugins/` and the tests' own of `tests/guests/`, and lays them out as `NAME.wasm` in
//! `<build folder>/plugins` and `<build folder>/guests`.

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use sha2::{Digest, Sha256};

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
    let mut list = String::new();
    for name in packages {
        let artifact = built.join(format!("{}.wasm", name.replace('-', "_")));
        let component = fs::read(&artifact).map_err(|error| Failure::io("read", &artifact, &error))?;
        list.push_str(&line_of_list(name, &component));
        replace_if_changed(&component, &folder.join(format!("{name}.wasm")))?;
    }
    replace_if_changed(list.as_bytes(), &folder.join(LIST))?;
    only_ours_to_write(folder)?;
    remove_others(folder, packages)
}

/// The host loads what is unsigned only where this list, in `sha256sum`'s form, holds its digest.
const LIST: &str = "SHA256SUMS";

fn line_of_list(name: &str, component: &[u8]) -> String {
    let digest: String = Sha256::digest(component).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{digest}  {name}.wasm\n")
}

/// The list counts only where nobody else can change it, and some users' files can be written by their group.
fn only_ours_to_write(folder: &Path) -> Result<()> {
    for (path, mode) in [(folder.to_path_buf(), 0o755), (folder.join(LIST), 0o644)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))
            .map_err(|error| Failure::io("change", &path, &error))?;
    }
    Ok(())
}

/// The build shares the host's build folder: the profile and the target keep its files apart from the host's.
fn compile(workspace: &Workspace, guest: &Guest, packages: &[String]) -> Result<()> {
    let mut cargo = guest_cargo(&workspace.root, guest);
    cargo.args(["build", "--profile", "plugin", "--target", &guest.target]);
    cargo.env("CARGO_TARGET_DIR", &workspace.target);
    for package in packages {
        cargo.args(["-p", package]);
    }
    process::build(&mut cargo, "building the plugins")
}

/// Cargo in `folder` with the compiler of guests.
pub(crate) fn guest_cargo(folder: &Path, guest: &Guest) -> Command {
    let mut cargo = process::cargo(folder);
    // What the user asks of host builds (a linker, -D warnings) must not reach the guests.
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
        cargo.env_remove(name);
    }
    if let Some(rustc) = &guest.rustc {
        cargo.env("RUSTC", rustc);
    }
    cargo
}

/// A running host may read the folder at any time, so a file appears whole or not at all; an equal file keeps its
/// time stamp.
fn replace_if_changed(new: &[u8], to: &Path) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_that_of_sha256sum() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(line_of_list("a", b""), format!("{empty}  a.wasm\n"));
    }
}
