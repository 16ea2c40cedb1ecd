//! Compiled plugins, kept between tests beside the program: compiling them takes a fresh host seconds, and the plugins
//! are the same for nearly all tests.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use crate::environment;

/// Where a host keeps them.
fn of_host(data: &Path) -> PathBuf {
    data.join("components")
}

fn kept() -> PathBuf {
    environment::forewarm().with_file_name("forewarm-test-components")
}

/// Tests run side by side, each in a process of its own: one at a time looks after what is kept.
fn lock() -> File {
    let lock = File::create(kept().with_extension("lock")).expect("the build folder can be written");
    lock.lock().expect("the build folder can be locked");
    lock
}

/// Gives a new data folder what earlier hosts have compiled.
pub(crate) fn give(data: &Path) {
    let _lock = lock();
    // The first of all hosts finds nothing.
    drop(copy(&kept(), &of_host(data)));
}

/// Keeps what a host has compiled, unless it is there already.
pub(crate) fn keep(data: &Path) {
    let _lock = lock();
    let known = names(&kept());
    if names(&of_host(data)).iter().any(|name| !known.contains(name)) {
        drop(fs::remove_dir_all(kept()));
        // What can't be kept is compiled again.
        drop(copy(&of_host(data), &kept()));
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let entries = fs::read_dir(from)?;
    fs::create_dir_all(to)?;
    for entry in entries {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
