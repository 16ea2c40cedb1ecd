//! What can be wrong with a component, and how it is told.

use crate::support::{component, driver, forecaster, grant, manifest, runtime, small, tight, with_manifest};
use forewarm_runtime::{Capability, Grant, LoadError, Plugin, RuntimeConfig};
use serde_json::json;

async fn load(component: Vec<u8>, grant: Grant) -> Result<Plugin, LoadError> {
    runtime(small()).load(component, grant).await
}

async fn check(component: Vec<u8>, message: &str) {
    let error = load(component, grant(tight())).await.expect_err(message);
    assert!(error.to_string().contains(message), "{error}");
}

/// The same component as if it were built against another version of the contract.
fn of_version(component: &[u8], version: &[u8; 5]) -> Vec<u8> {
    let mut bytes = component.to_vec();
    for at in 0..bytes.len() - 6 {
        if &bytes[at..at + 6] == b"@0.1.0" {
            bytes[at + 1..at + 6].copy_from_slice(version);
        }
    }
    bytes
}

#[tokio::test]
async fn what_is_no_component_is_named() {
    check(b"#!/bin/sh".to_vec(), "not a WebAssembly component").await;
    check(wat::parse_str("(module)").expect("a module"), "build it for the target wasm32-wasip2").await;
    let machine_code = wasmtime::Engine::default().precompile_component(b"\0asm\x0d\0\x01\0").expect("compiles");
    check(machine_code, "precompiled machine code").await;
    let config = RuntimeConfig { max_component_bytes: 100, ..small() };
    let error = runtime(config).load(forecaster("", ""), Grant::default()).await.expect_err("too large");
    assert!(matches!(error, LoadError::TooLarge { max: 100, .. }), "{error}");
}

#[tokio::test]
async fn manifest_and_exports_have_to_agree() {
    let text = "(component)";
    check(wat::parse_str(text).expect("a component"), "lacks the custom section `forewarm:manifest`").await;
    let empty = wat::parse_str(text).expect("a component");
    check(with_manifest(&empty, &manifest("forecaster")), "exports nothing").await;
    let mut other = forecaster("", "");
    other.truncate(other.len() - with_manifest(&[], &manifest("forecaster")).len());
    let wrong = with_manifest(&other, &manifest("profiler"));
    check(wrong, "has to export forewarm:plugin/profiler@0.1.0; it exports forewarm:plugin/forecaster@0.1.0").await;
}

#[tokio::test]
async fn another_version_of_the_contract_is_named() {
    let future = of_version(&forecaster("", ""), b"0.3.0");
    check(future, "needs forewarm >= 0.3.0 (contract forewarm:plugin@0.3.0); this host serves 0.1 and 0.2").await;
    load(of_version(&forecaster("", ""), b"0.1.7"), Grant::default()).await.expect("a patch is served");
}

#[tokio::test]
async fn imports_need_a_declaration_and_a_grant() {
    let error = load(driver("driver-x"), Grant::default()).await.expect_err("not granted");
    let import = "forewarm:plugin/state@0.1.0".to_owned();
    assert_eq!(error, LoadError::NotGranted { import: import.clone(), capability: Capability::State });
    assert!(error.to_string().contains("grant it the capability `state`"), "{error}");

    let silent = json!({ "name": "driver-x", "version": "1", "kind": "driver" });
    let text = include_str!("../guests/driver.wat");
    let error = load(with_manifest(&component(text, "driver-plugin"), &silent), grant(tight())).await;
    assert_eq!(error.expect_err("not declared"), LoadError::NotDeclared { import, capability: Capability::State });
}

#[tokio::test]
async fn imports_that_nobody_offers_are_named() {
    for (import, reason) in [
        ("wasi:sockets/tcp@0.2.0", "plugins have no sockets"),
        ("wasi:http/incoming-handler@0.2.0", "plugins have no sockets"),
        ("wasi:http/outgoing-handler@0.2.0", "does not ask for the capability `http`"),
        ("acme:db/query@1.0.0", "neither of forewarm:plugin or forewarm:assets nor of WASI"),
        ("forewarm:plugin/secrets@0.1.0", "the contract has no such import"),
    ] {
        let text = format!(
            r#"(component (import "{import}" (instance $i)) (export "forewarm:plugin/profiler@0.1.0" (instance $i)))"#
        );
        let component = wat::parse_str(text).expect("a component");
        check(with_manifest(&component, &manifest("profiler")), reason).await;
    }
}

#[tokio::test]
async fn exports_of_another_type_are_named() {
    let text = r#"(component (component $c) (instance $i (instantiate $c))
        (export "forewarm:plugin/profiler@0.1.0" (instance $i)))"#;
    let component = wat::parse_str(text).expect("a component");
    check(with_manifest(&component, &manifest("profiler")), "does not fit the contract").await;
}

#[tokio::test]
async fn granted_parameters_are_checked() {
    let grant = Grant { parameters: json!({ "level": "high" }), ..Grant::default() };
    let error = load(forecaster("", ""), grant).await.expect_err("no number");
    let LoadError::Parameters(error) = error else { panic!("{error}") };
    assert_eq!(error.errors[0].path, "/level");
}

#[tokio::test]
async fn what_is_loaded_says_what_it_is() {
    let bytes = forecaster("", "");
    let plugin = load(bytes.clone(), grant(tight())).await.expect("loads");
    assert_eq!((plugin.manifest().name.as_str(), plugin.kind().as_str()), ("test-forecaster", "forecaster"));
    assert_eq!((plugin.limits(), plugin.digest()), (tight(), blake3::hash(&bytes).to_hex().as_str()));
}

#[tokio::test]
async fn a_second_start_takes_the_compiled_component() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = || RuntimeConfig { cache_dir: Some(folder.path().join("compiled")), ..small() };
    let entries = || {
        let entries = std::fs::read_dir(folder.path().join("compiled")).expect("a folder");
        let mut entries: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        entries.sort();
        entries
    };
    runtime(config()).load(forecaster("", ""), Grant::default()).await.expect("compiles");
    let first = entries();
    assert_eq!(first.len(), 2, "the key and one entry: {first:?}");

    let before = std::fs::metadata(&first[0]).expect("an entry").modified().expect("a time");
    runtime(config()).load(forecaster("", ""), Grant::default()).await.expect("loads");
    assert_eq!(
        (entries(), std::fs::metadata(&first[0]).expect("an entry").modified().expect("a time")),
        (first.clone(), before)
    );

    let mut damaged = std::fs::read(&first[0]).expect("an entry");
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(&first[0], &damaged).expect("writes");
    runtime(config()).load(forecaster("", ""), Grant::default()).await.expect("compiles again");
    assert_ne!(std::fs::read(&first[0]).expect("an entry"), damaged, "the damaged entry was replaced");
}
