//! House rules as a test: which part may know which, how a source file looks, what lies where, and that released
//! contracts stay as they are. Each rule collects all its violations, with the place and what would be right.
#![expect(clippy::expect_used, reason = "helpers of tests fail like tests")]

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// What may lie at the top of the tree.
const TOP: &[&str] = &[
    ".cargo",
    ".ci",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "benches",
    "clippy.toml",
    "deny.toml",
    "docs",
    "fuzz",
    "host",
    "marketplace",
    "plugins",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "sdk",
    "tests",
    "wit",
    "xtask",
];

/// Never looked into: build results and what tools keep for themselves.
const SKIPPED: &[&str] = &[".git", "target", "node_modules", ".idea", ".vscode"];

/// Each member and those of ours that it may use. A name ending in `/` stands for all folders below it.
const ARROWS: &[(&str, &[&str])] = &[
    ("benches/", &["bench-work", "forecaster-seasonal", "forewarm-domain", "forewarm-runtime", "forewarm-sdk"]),
    ("host/domain", &[]),
    ("host/forecasting", &["forewarm-domain"]),
    ("host/training", &["forecaster-lstm", "forewarm-forecasting", "forewarm-sdk"]),
    ("host/clock", &["forewarm-domain"]),
    ("host/database", &[]),
    ("host/egress", &[]),
    ("host/web", &["forewarm-domain"]),
    ("host/runtime", &["forewarm-domain", "forewarm-egress"]),
    ("host/bus", &["forewarm-domain"]),
    ("host/simulator", &["forewarm-domain", "forewarm-runtime"]),
    ("host/packages", &["forewarm-domain", "forewarm-runtime"]),
    (
        "host/server",
        &[
            // For the terms of a simulated market alone.
            "forewarm-auction",
            "forewarm-bus",
            "forewarm-clock",
            "forewarm-database",
            "forewarm-domain",
            "forewarm-egress",
            "forewarm-forecasting",
            "forewarm-market",
            "forewarm-market-simulator",
            "forewarm-packages",
            "forewarm-runtime",
            "forewarm-simulator",
            "forewarm-testkit",
            "forewarm-training",
            "forewarm-web",
        ],
    ),
    ("marketplace/auction", &["forewarm-domain"]),
    (
        "marketplace/service",
        &[
            "forewarm-auction",
            "forewarm-bus",
            "forewarm-clock",
            "forewarm-database",
            "forewarm-domain",
            "forewarm-egress",
            "forewarm-web",
        ],
    ),
    ("marketplace/simulator", &["forewarm-auction", "forewarm-domain", "forewarm-simulator"]),
    ("plugins/", &["forewarm-sdk"]),
    ("fuzz", &["forewarm-runtime"]),
    ("sdk/macros", &[]),
    ("sdk/rust", &["forewarm-sdk-macros"]),
    // Plugins, their kit and their scorer are for the programs that measure them.
    (
        "sdk/testkit",
        &[
            "anomaly-robust",
            "forecaster-analog",
            "forecaster-arima",
            "forecaster-ets",
            "forecaster-intermittent",
            "forecaster-lstm",
            "forecaster-mstl",
            "forecaster-naive",
            "forecaster-ridge",
            "forecaster-seasonal",
            "forecaster-theta",
            "forewarm-domain",
            "forewarm-forecasting",
            "forewarm-runtime",
            "forewarm-sdk",
        ],
    ),
    ("tests/guests/", &["forewarm-sdk"]),
    ("xtask", &[]),
];

/// What tests beside the code may use on top.
const FOR_TESTS: &[&str] = &["forewarm-testkit", "forewarm-tests"];

/// Third-party crates (by the beginning of their names) that some parts hide from all others but tests and benchmarks.
const HIDDEN: &[(&str, &[&str])] = &[
    ("wasmtime", &["host/runtime"]),
    ("async-nats", &["host/bus"]),
    // The two in their `store` modules alone, each with a schema of its own.
    ("sea-orm", &["host/database", "host/server", "marketplace/service"]),
];

/// Parts that run without an async runtime: pure code and what is compiled into guests.
const WITHOUT_TOKIO: &[&str] = &[
    "host/domain",
    "host/forecasting",
    "host/training",
    "marketplace/auction",
    "marketplace/simulator",
    "plugins/",
    "sdk/rust",
    "sdk/macros",
    "tests/guests/",
];

/// The pure core.
const PURE: &[&str] = &["host/domain/src", "host/forecasting/src"];

/// What the pure core must be given instead of fetching it: time, chance, files, the network.
const IMPURE: &[&str] = &[
    "SystemTime",
    "Instant::now",
    "now_utc",
    "now_local",
    "std::fs",
    "std::net",
    "std::env",
    "std::thread",
    "new_v4",
    "now_v7",
];

/// Split so that this file does not break its own rule.
const UNFINISHED: &[(&str, &str)] = &[
    (concat!("todo", "!"), "finish it, or leave it out"),
    (concat!("unimplemented", "!"), "finish it, or leave it out"),
    (concat!("dbg", "!"), "remove it, or use tracing"),
    (concat!("#[al", "low("), "use #[expect(..., reason = \"...\")]"),
    (concat!("#![al", "low("), "use #![expect(..., reason = \"...\")]"),
];

const LINES_MAX: usize = 600;

/// Files that people write and read as code.
const CODE: &[&str] = &["rs", "wit", "sh", "py", "js", "ts", "css", "toml"];

struct Tree {
    root: PathBuf,
    /// Relative paths of all files, sorted.
    files: Vec<PathBuf>,
}

impl Tree {
    fn read() -> Self {
        // Asked when run, because builds of several checkouts may share one build folder.
        let package = env::var_os("CARGO_MANIFEST_DIR").expect("run through `cargo xtask test`");
        let root = Path::new(&package).parent().expect("below the root").to_path_buf();
        let mut files = Vec::new();
        collect(&root, &root, &mut files);
        files.sort();
        Self { root, files }
    }

    fn text(&self, file: &Path) -> String {
        let bytes = fs::read(self.root.join(file)).expect("a listed file");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn with_extension<'a>(&'a self, extensions: &'a [&str]) -> impl Iterator<Item = &'a PathBuf> {
        let is_one = |file: &&PathBuf| file.extension().is_some_and(|found| extensions.iter().any(|one| found == *one));
        self.files.iter().filter(is_one)
    }

    /// Folder (relative), parsed manifest and text of every member.
    fn members(&self) -> Vec<(String, toml::Table, String)> {
        let manifests = self.files.iter().filter(|file| file.ends_with("Cargo.toml") && file.components().count() > 1);
        let parse = |file: &PathBuf| {
            let text = self.text(file);
            let folder = file.parent().expect("a folder").to_string_lossy().into_owned();
            (folder, text.parse().expect("cargo reads it, too"), text)
        };
        manifests.map(parse).collect()
    }
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the tree").map(|entry| entry.expect("readable")) {
        let (path, name) = (entry.path(), entry.file_name());
        if SKIPPED.iter().any(|skipped| name == *skipped) {
            continue;
        }
        if entry.file_type().expect("a type").is_dir() {
            collect(root, &path, files);
        } else {
            files.push(path.strip_prefix(root).expect("below the root").to_path_buf());
        }
    }
}

/// A name, or all folders below a name that ends in `/`.
fn is_in(folder: &str, place: &str) -> bool {
    folder == place || (place.ends_with('/') && folder.starts_with(place))
}

/// Lines of code with their numbers; whole-line comments are left out.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    numbered.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn check(violations: &[String]) {
    assert!(violations.is_empty(), "{} violations of a house rule:\n  {}", violations.len(), violations.join("\n  "));
}

/// Each dependency of the manifest: whether it is for tests only, its name, and the line that names it.
fn dependencies(manifest: &toml::Table, text: &str) -> Vec<(bool, String, usize)> {
    let targets = manifest.get("target").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::values);
    let tables = std::iter::once(manifest).chain(targets.filter_map(toml::Value::as_table));
    let mut found = Vec::new();
    for table in tables {
        for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
            for (key, value) in table.get(kind).and_then(toml::Value::as_table).into_iter().flatten() {
                let name = value.get("package").and_then(toml::Value::as_str).unwrap_or(key);
                let line = text.lines().position(|line| line.trim_start().starts_with(key.as_str()));
                found.push((kind == "dev-dependencies", name.to_owned(), line.map_or(0, |line| line + 1)));
            }
        }
    }
    found
}

#[test]
fn members_use_only_what_they_may() {
    let members = Tree::read().members();
    let name = |manifest: &toml::Table| manifest["package"]["name"].as_str().expect("a name").to_owned();
    let ours: Vec<_> = members.iter().map(|(_, manifest, _)| name(manifest)).collect();
    let mut violations = Vec::new();
    for (folder, manifest, text) in members.iter().filter(|(folder, ..)| folder != "tests") {
        let Some((_, allowed)) = ARROWS.iter().find(|(place, _)| is_in(folder, place)) else {
            violations.push(format!("{folder}/Cargo.toml: a new member; say in ARROWS what it may use"));
            continue;
        };
        for (for_tests, used, line) in dependencies(manifest, text) {
            let may = allowed.contains(&used.as_str()) || (for_tests && FOR_TESTS.contains(&used.as_str()));
            if ours.contains(&used) && used != name(manifest) && !may {
                violations.push(format!("{folder}/Cargo.toml:{line}: must not use {used}; it may use {allowed:?}"));
            }
        }
    }
    check(&violations);
}

#[test]
fn third_party_crates_stay_in_their_part() {
    let mut violations = Vec::new();
    let bound = |folder: &str| folder != "tests" && !is_in(folder, "benches/");
    for (folder, manifest, text) in Tree::read().members().iter().filter(|(folder, ..)| bound(folder)) {
        for (for_tests, used, line) in dependencies(manifest, text) {
            let knows = |places: &[&str]| places.contains(&folder.as_str());
            for (hidden, places) in HIDDEN.iter().filter(|(hidden, at)| used.starts_with(hidden) && !knows(at)) {
                violations.push(format!("{folder}/Cargo.toml:{line}: only {places:?} know {hidden}; go through them"));
            }
            if !for_tests && used == "tokio" && WITHOUT_TOKIO.iter().any(|place| is_in(folder, place)) {
                violations
                    .push(format!("{folder}/Cargo.toml:{line}: runs without tokio; move the waiting to the host"));
            }
        }
    }
    check(&violations);
}

#[test]
fn the_database_library_stays_in_the_store() {
    let tree = Tree::read();
    let mut violations = Vec::new();
    let parts = ["host/server/src", "marketplace/service/src"];
    let bound = |file: &&PathBuf| parts.iter().any(|part| file.starts_with(part));
    for file in tree.with_extension(&["rs"]).filter(bound) {
        if parts.iter().any(|part| file.starts_with(format!("{part}/store"))) || file.ends_with("store.rs") {
            continue;
        }
        for (line, _) in code_lines(&tree.text(file))
            .filter(|(_, code)| code.contains("sea_orm::") || code.contains("sea_orm_migration::"))
        {
            violations.push(format!("{}:{line}: only src/store/ knows sea-orm; go through its API", file.display()));
        }
    }
    check(&violations);
}

#[test]
fn the_core_is_pure() {
    let tree = Tree::read();
    let mut violations = Vec::new();
    for file in tree.with_extension(&["rs"]).filter(|file| PURE.iter().any(|part| file.starts_with(part))) {
        for (line, code) in code_lines(&tree.text(file)) {
            for word in IMPURE.iter().filter(|word| code.contains(**word)) {
                violations.push(format!("{}:{line}: {word} in the pure core; take it as an argument", file.display()));
            }
        }
    }
    check(&violations);
}

#[test]
fn sources_are_introduced_and_finished() {
    let tree = Tree::read();
    let mut violations = Vec::new();
    for file in tree.with_extension(&["rs"]) {
        let text = tree.text(file);
        if !text.starts_with("//!") {
            violations.push(format!("{}:1: must begin with `//!`: what this module is for", file.display()));
        }
        for (line, code) in code_lines(&text) {
            for (word, advice) in UNFINISHED.iter().filter(|(word, _)| code.contains(word)) {
                violations.push(format!("{}:{line}: {word} is not for committed code; {advice}", file.display()));
            }
        }
    }
    check(&violations);
}

#[test]
fn files_are_of_a_readable_length() {
    let tree = Tree::read();
    let mut violations = Vec::new();
    for file in tree.with_extension(CODE) {
        let lines = tree.text(file).lines().count();
        if lines > LINES_MAX {
            let file = file.display();
            violations.push(format!("{file}:{lines}: longer than {LINES_MAX} lines; part it by concept"));
        }
    }
    check(&violations);
}

#[test]
fn nothing_stray_lies_at_the_top() {
    let mut violations = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for file in &Tree::read().files {
        let top = file.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
        if seen.insert(top.clone()) && !TOP.contains(&top.as_str()) {
            violations.push(format!("{top}: does not belong at the top; move it into the part that it serves"));
        }
    }
    check(&violations);
}

/// One line per released package, `wit/VERSION.digest`: made with UPDATE_SNAPSHOTS=1, compared otherwise.
#[test]
fn released_contracts_are_unchanged() {
    let tree = Tree::read();
    let versions: std::collections::BTreeSet<_> = tree
        .with_extension(&["wit"])
        .filter_map(|file| file.parent())
        .filter(|folder| folder.starts_with("wit"))
        .collect();
    assert!(!versions.is_empty(), "wit/: holds the released packages, one folder per version");
    let mut violations = Vec::new();
    for folder in versions {
        let digest = format!("{}\n", package_digest(&tree, folder));
        let file = PathBuf::from(format!("{}.digest", folder.display()));
        if env::var_os("UPDATE_SNAPSHOTS").is_some() {
            fs::write(tree.root.join(&file), &digest).expect("a writable tree");
        }
        let committed = fs::read_to_string(tree.root.join(&file)).unwrap_or_default();
        if committed != digest {
            let (folder, file) = (folder.display(), file.display());
            violations.push(format!(
                "{folder}: differs from {file}; a released package is frozen, add a new version beside it \
                 (before its release: `cargo xtask snapshots`)"
            ));
        }
    }
    check(&violations);
}

/// SHA-256 over name, length and content of each file of the package, in the order of names.
fn package_digest(tree: &Tree, folder: &Path) -> String {
    let mut hash = Sha256::new();
    for file in tree.files.iter().filter(|file| file.parent() == Some(folder)) {
        let (name, text) = (file.file_name().expect("a name").to_string_lossy(), tree.text(file));
        hash.update(format!("{name}\n{}\n{text}", text.len()));
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
