//! An empty PostgreSQL data folder. Making one takes seconds, copying it a fraction of one: so it is made once per
//! machine and version, and kept in the user's cache.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{environment, keeper};

/// The user that PostgreSQL runs as in place of root, whom it refuses. Debian's package makes it.
const USER: &str = "postgres";

/// The user to switch to; none when we are not root.
pub(crate) fn user() -> Option<&'static str> {
    // A new folder belongs to whoever makes it.
    let probe = TempDir::new().expect("a temporary folder");
    let ours = fs::metadata(probe.path()).expect("our own folder can be seen").uid();
    (ours == 0).then_some(USER)
}

/// Fills `folder/data` with a fresh copy that belongs to the user who will run the server.
pub(crate) fn copy(programs: &Path, folder: &Path) -> PathBuf {
    let data = folder.join("data");
    succeed(Command::new("cp").args(["-a", "--"]).arg(template(programs)).arg(&data));
    hand_over(folder);
    data
}

fn template(programs: &Path) -> PathBuf {
    let cache = environment::tools_cache();
    fs::create_dir_all(&cache).expect("the cache folder can be made");
    let template = cache.join(format!("postgres-{}", version(programs)));
    // Tests run side by side, each in a process of its own: one makes the template, the others wait for it.
    let lock = File::create(cache.join("postgres.lock")).expect("the cache folder can be written");
    lock.lock().expect("the cache folder can be locked");
    if !template.exists() {
        make(programs, &template);
    }
    template
}

/// Root's cache is closed to the user who runs `initdb`, so the folder is made elsewhere and copied; the last step is
/// a rename, whole or not at all.
fn make(programs: &Path, template: &Path) {
    let folder = TempDir::with_prefix("forewarm-initdb-").expect("a temporary folder");
    hand_over(folder.path());
    let data = folder.path().join("data");
    let mut initdb = keeper::tied(programs.join("initdb"), user());
    initdb.current_dir(folder.path()).arg("-D").arg(&data);
    initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
    succeed(initdb.arg("--wal-segsize=1"));
    let part = template.with_extension("part");
    drop(fs::remove_dir_all(&part));
    succeed(Command::new("cp").args(["-a", "--"]).arg(&data).arg(&part));
    fs::rename(&part, template).expect("the cache folder can be written");
}

/// Reads `postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)`.
fn version(programs: &Path) -> String {
    let text = succeed(Command::new(programs.join("postgres")).arg("--version"));
    text.split_whitespace().nth(2).expect("postgres --version names one").to_owned()
}

fn hand_over(folder: &Path) {
    if let Some(user) = user() {
        succeed(Command::new("chown").args(["-R", user, "--"]).arg(folder));
    }
}

/// Runs to the end and gives the output.
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("can't run {command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
