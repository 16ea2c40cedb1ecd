//! The `wasm32-wasip2` target. `setup-wasm-target.sh` does the work and proves it by linking a program; a stamp that
//! names the compiler spares that proof until the compiler changes.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    failure::{Failure, Result},
    process,
    workspace::Workspace,
};

/// How guests are compiled.
#[derive(Debug, PartialEq)]
pub(crate) struct Guest {
    pub(crate) target: String,
    /// Only when the user's own compiler has no standard library for the target.
    pub(crate) rustc: Option<PathBuf>,
}

/// Gives the compiler of guests, after making one if need be.
pub(crate) fn provide(workspace: &Workspace) -> Result<Guest> {
    let home = match env::var_os("FW_WASM_HOME") {
        Some(home) => PathBuf::from(home),
        None => process::cache()?.join("wasm"),
    };
    let sysroot = sysroot(workspace)?;
    let key = key(&sysroot)?;
    let stamp = home.join("stamp");
    if fs::read_to_string(&stamp).is_ok_and(|old| old == key)
        && let Some(guest) = recorded(&home, &sysroot)
        && in_place(&guest, &sysroot)
    {
        return Ok(guest);
    }
    process::say("providing the wasm32-wasip2 target (once per toolchain)");
    process::run(
        Command::new("bash").arg(workspace.root.join("xtask/setup-wasm-target.sh")).env("FW_SYSROOT", &sysroot),
    )
    .map_err(|_| Failure::said("no wasm32-wasip2 target: run `rustup target add wasm32-wasip2`"))?;
    fs::write(&stamp, key).map_err(|error| Failure::io("write", &stamp, &error))?;
    recorded(&home, &sysroot).ok_or_else(|| Failure::said(format!("{} is incomplete: remove it", home.display())))
}

fn sysroot(workspace: &Workspace) -> Result<PathBuf> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let text = process::read(Command::new(rustc).current_dir(&workspace.root).args(["--print", "sysroot"]))?;
    Ok(PathBuf::from(text.trim_end()))
}

fn key(sysroot: &Path) -> Result<String> {
    let version = process::read(Command::new(sysroot.join("bin/rustc")).arg("-vV"))?;
    Ok(format!("{version}sysroot: {}\n", sysroot.display()))
}

fn recorded(home: &Path, sysroot: &Path) -> Option<Guest> {
    parse(&fs::read_to_string(home.join("env")).ok()?, sysroot)
}

/// The script's answer: lines `export NAME=VALUE`. The user's own compiler is left to cargo's choice, because naming
/// it anew would make cargo ask it for everything that it knows at each change between guests and host.
fn parse(answer: &str, sysroot: &Path) -> Option<Guest> {
    let value = |name: &str| answer.lines().find_map(|line| line.strip_prefix(&format!("export {name}=")));
    let rustc = PathBuf::from(value("FW_WASM_RUSTC")?);
    let own = rustc == sysroot.join("bin/rustc");
    Some(Guest { target: value("FW_WASM_TARGET")?.to_owned(), rustc: (!own).then_some(rustc) })
}

/// The folder may have been cleaned, or the target removed, since the stamp was made.
fn in_place(guest: &Guest, sysroot: &Path) -> bool {
    match &guest.rustc {
        Some(rustc) => rustc.is_file(),
        None => sysroot.join("lib/rustlib").join(&guest.target).join("lib").is_dir(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rustc: &str, expected: Option<&str>) {
        let answer = format!("export FW_WASM_TARGET=wasm32-wasip2\nexport FW_WASM_RUSTC={rustc}\n");
        let guest = parse(&answer, Path::new("/toolchain")).expect("a complete answer");
        assert_eq!(guest, Guest { target: "wasm32-wasip2".into(), rustc: expected.map(PathBuf::from) });
    }

    #[test]
    fn names_the_compiler_only_when_it_is_another() {
        check("/toolchain/bin/rustc", None);
        check("/cache/pair/rustc", Some("/cache/pair/rustc"));
    }

    #[test]
    fn an_incomplete_answer_is_none() {
        assert_eq!(parse("export FW_WASM_TARGET=wasm32-wasip2\n", Path::new("/toolchain")), None);
    }
}
