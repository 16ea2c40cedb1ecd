//! What `cargo xtask test` tells the tests.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The folder with the built plugins, `NAME.wasm` each.
///
/// # Panics
/// When not run through `cargo xtask test`.
#[must_use]
pub fn plugins_dir() -> PathBuf {
    existing("FOREWARM_PLUGINS")
}

/// The program `forewarm`.
pub(crate) fn forewarm() -> PathBuf {
    existing("FOREWARM_BIN")
}

/// The program `forewarm` as it is tried, with calendars that are set and points at which it ends.
pub(crate) fn forewarm_tried() -> PathBuf {
    let program = forewarm().with_file_name("examples").join("forewarm-tried");
    assert!(program.exists(), "{} is missing: run the tests through `cargo xtask test`", program.display());
    program
}

/// The program `nats-server`.
pub(crate) fn nats_server() -> PathBuf {
    existing("FOREWARM_TEST_NATS_SERVER")
}

/// The program `docker-registry`.
pub(crate) fn registry() -> PathBuf {
    existing("FOREWARM_TEST_REGISTRY")
}

/// The folder with PostgreSQL's programs.
pub(crate) fn postgres_programs() -> PathBuf {
    existing("FOREWARM_TEST_PG_BIN")
}

/// Where things are kept between runs.
pub(crate) fn tools_cache() -> PathBuf {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    cache.unwrap_or_else(env::temp_dir).join("forewarm/tools")
}

/// The first program of this name in the folders of PATH.
#[must_use]
pub fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|file| file.is_file())
}

fn existing(variable: &str) -> PathBuf {
    let Some(path) = env::var_os(variable) else {
        panic!("{variable} is not set: run the tests through `cargo xtask test`");
    };
    let path = Path::new(&path).to_path_buf();
    assert!(path.exists(), "{variable} names {}, which is missing: run `cargo xtask setup --tests`", path.display());
    path
}
