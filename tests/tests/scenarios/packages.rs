//! A plugin on its way from its author to a host: signed, pushed to a registry, installed, loaded; and refused where
//! nobody vouches for it.

use std::{fs, path::Path};

use forewarm_tests::{Finished, Host, Registry, Setup, plugins_dir};
use serde_json::{Value, json};
use tempfile::TempDir;

const PLUGIN: &str = "forecaster-seasonal";

/// The plugins' folder without the one that is installed by other ways.
fn plugins_without() -> TempDir {
    let folder = TempDir::with_prefix("forewarm-plugins-").expect("a temporary folder");
    for entry in fs::read_dir(plugins_dir()).expect("plugins").map(|entry| entry.expect("readable")) {
        if entry.file_name() != format!("{PLUGIN}.wasm").as_str() {
            fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
        }
    }
    folder
}

fn done(host: &Host, args: &[&str]) -> Value {
    let Finished { code, output, errors } = host.command(&[args, &["--output", "json"]].concat());
    assert_eq!(code, Some(0), "{args:?}: {errors}");
    serde_json::from_str(&output).unwrap_or_else(|error| panic!("{args:?}: {error} in {output}"))
}

fn refused(host: &Host, args: &[&str], parts: &[&str]) {
    let Finished { code, errors, .. } = host.command(args);
    assert!(matches!(code, Some(1 | 2)), "{args:?}: {code:?} {errors}");
    // A report is wrapped at blanks and hyphens, with a rule down its side.
    let dense = |text: &str| text.replace(|c: char| c.is_whitespace() || c == '│', "");
    let shown = dense(&errors);
    for part in parts {
        assert!(shown.contains(&dense(part)), "{args:?}: {part} is missing in\n{errors}");
    }
}

/// What the running host says of the plugin: its version, or why it is not loaded.
fn loaded(host: &Host) -> Vec<Result<String, String>> {
    let plugins = host.api().get("/v1/plugins").json();
    let ours = plugins
        .as_array()
        .expect("a list")
        .iter()
        .filter(|one| one["file"].as_str().is_some_and(|file| file.starts_with(PLUGIN)) || one["name"] == PLUGIN);
    ours.map(|one| match one["error"].as_str() {
        Some(error) => Err(error.to_owned()),
        None => Ok(one["version"].as_str().unwrap_or_default().to_owned()),
    })
    .collect()
}

#[test]
fn a_plugin_travels_from_its_author_to_a_host() {
    let (registry, plugins) = (Registry::start(), plugins_without());
    let author = Setup::quick().prepare();
    let path = |name: &str| author.folder().join(name).display().to_string();
    let (file, keys) = (path("seasonal.wasm"), path("keys"));
    fs::copy(plugins_dir().join(format!("{PLUGIN}.wasm")), &file).expect("copied");
    let key = done(&author, &["plugin", "keygen", &keys, "--no-password"])["public_key"].clone();
    let (secret, reference) = (format!("{keys}.key"), format!("{}/acme/seasonal:v1", registry.address()));

    refused(&author, &["plugin", "keygen", &keys, "--no-password"], &["exists already"]);
    refused(&author, &["plugin", "push", &file, &reference], &["is not signed", "forewarm plugin sign"]);
    done(&author, &["plugin", "sign", &file, "--key", &secret]);
    let sbom = ["--sbom", "https://example.org/sbom.json"];
    let pushed = done(&author, &[&["plugin", "push", &file, &reference], &sbom[..]].concat());
    let pinned = pushed["reference"].as_str().expect("a reference");
    assert!(pinned.contains("@sha256:"), "{pushed}");

    let stranger = Setup::quick().plugins(plugins.path()).prepare();
    refused(&stranger, &["plugin", "install", &reference], &["is not installed", "plugins.trusted_keys"]);
    assert_eq!(done(&stranger, &["plugin", "installed"]), json!([]));

    let mut host = Setup::quick().plugins(plugins.path()).set("plugins.trusted_keys", json!([key])).prepare();
    let installed = done(&host, &["plugin", "install", &reference]);
    assert_eq!((&installed["name"], &installed["source"]), (&json!(PLUGIN), &json!(pinned)));
    assert_eq!(done(&host, &["plugin", "install", pinned])["changed"], false, "the same again changes nothing");
    let list = done(&host, &["plugin", "installed"]);
    assert_eq!(list[0]["record"]["annotations"]["forewarm.plugin.sbom"], sbom[1], "{list}");
    host.start();
    assert_eq!(loaded(&host), [Ok(installed["version"].as_str().expect("a version").to_owned())]);

    let component = list[0]["file"].as_str().expect("a file");
    damage(Path::new(component));
    host.restart();
    assert!(loaded(&host)[0].as_ref().is_err_and(|why| why.contains("it was changed")), "{:?}", loaded(&host));
    done(&host, &["plugin", "remove", PLUGIN]);
    refused(&host, &["plugin", "remove", PLUGIN], &["is not installed"]);
    host.restart();
    assert_eq!(loaded(&host), []);
}

/// Changes one byte in the middle.
fn damage(file: &Path) {
    let mut bytes = fs::read(file).expect("there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).expect("writes");
}

#[test]
fn what_nobody_vouches_for_is_not_loaded() {
    let plugins = plugins_without();
    fs::copy(plugins_dir().join(format!("{PLUGIN}.wasm")), plugins.path().join("stray.wasm")).expect("copied");
    let host = Setup::quick().plugins(plugins.path()).start();
    assert!(loaded(&host).is_empty() || loaded(&host)[0].is_err(), "{:?}", loaded(&host));
    let answer = host.api().get("/v1/plugins").json();
    let stray = answer.as_array().expect("a list").iter().find(|one| one["file"] == "stray.wasm").expect("reported");
    assert!(stray["error"].as_str().is_some_and(|why| why.contains("it is not signed")), "{stray}");
    let others = answer.as_array().expect("a list").iter().filter(|one| one["error"].is_null()).count();
    let list = fs::read_to_string(plugins.path().join("SHA256SUMS")).expect("the list");
    let listed = list.lines().filter(|line| !line.ends_with(&format!(" {PLUGIN}.wasm"))).count();
    assert_eq!(others, listed, "those that SHA256SUMS lists are loaded: {answer}");
}

#[test]
fn a_file_is_installed_unsigned_when_its_operator_says_so() {
    let plugins = plugins_without();
    let mut host = Setup::quick().plugins(plugins.path()).prepare();
    let file = plugins_dir().join(format!("{PLUGIN}.wasm")).display().to_string();
    refused(&host, &["plugin", "install", &file], &["it is not signed", "--allow-unsigned"]);
    let installed = done(&host, &["plugin", "install", &file, "--allow-unsigned"]);
    assert_eq!(installed["trust"], "accepted without a trusted signature");
    host.start();
    assert!(loaded(&host)[0].is_ok(), "{:?}", loaded(&host));
}

#[test]
fn references_and_registries_that_are_none_are_named() {
    let host = Setup::quick().prepare();
    refused(&host, &["plugin", "install", "acme/seasonal:1"], &["no registry", "use REGISTRY/REPOSITORY:TAG"]);
    refused(&host, &["plugin", "install", "missing.wasm"], &["missing.wasm", "can't be read"]);
    let Finished { code, errors, .. } = host.command(&["plugin", "install", "127.0.0.1:1/acme/seasonal:1"]);
    assert_eq!(code, Some(3), "{errors}");
    assert!(errors.contains("does not answer"), "{errors}");
}
