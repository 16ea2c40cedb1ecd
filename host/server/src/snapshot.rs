//! Committed files that are compared with what the program says: a change of contract is a visible difference.

use std::path::Path;

/// Compares the file at `path`, from the repository's root, with `actual`. With `UPDATE_SNAPSHOTS=1` it is rewritten.
pub(crate) fn check(path: &str, actual: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some_and(|value| value == "1") {
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent).expect("the directory can be made");
        }
        std::fs::write(&file, actual).expect("the snapshot can be written");
        return;
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    if committed != actual {
        let differs = committed.lines().zip(actual.lines()).position(|(old, new)| old != new);
        let line = differs.unwrap_or(committed.lines().count().min(actual.lines().count())) + 1;
        panic!(
            "{path} differs from line {line} on:\n  committed: {}\n  actual:    {}\nrun the tests with UPDATE_SNAPSHOTS=1 if the \
             change is meant",
            committed.lines().nth(line - 1).unwrap_or("(nothing)"),
            actual.lines().nth(line - 1).unwrap_or("(nothing)"),
        );
    }
}
