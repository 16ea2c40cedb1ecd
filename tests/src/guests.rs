//! Small guests from text: components that behave well except in what a test gives them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const FORECASTER: &str = include_str!("../../host/runtime/tests/guests/forecaster.wat");
const DRIVER: &str = include_str!("../../host/runtime/tests/guests/driver.wat");
const BODIES: [&str; 5] = ["DESCRIBE", "FIT", "OBSERVE", "FORECAST", "SAVE"];

/// What makes a forecaster trap when it fits, for [`forecaster`].
pub const TRAPS_AT_FIT: (&str, &str) = ("FIT", "unreachable");

/// A forecaster that predicts the last value it saw, with each of `bodies` put into the function that it names.
#[must_use]
pub fn forecaster(name: &str, version: &str, bodies: &[(&str, &str)]) -> Vec<u8> {
    let mut text = FORECASTER.to_owned();
    for place in BODIES {
        let body = bodies.iter().find(|(wanted, _)| *wanted == place).map_or("", |(_, body)| body);
        text = text.replace(&format!("    {place}\n"), body);
    }
    let manifest = json!({ "name": name, "version": version, "kind": "forecaster" });
    with_manifest(&component(&text, "forecaster-plugin"), &manifest)
}

/// A driver that lists no instances and never ends a `create`.
#[must_use]
pub fn driver(name: &str, version: &str) -> Vec<u8> {
    let manifest = json!({ "name": name, "version": version, "kind": "driver", "capabilities": ["state"] });
    with_manifest(&component(DRIVER, "driver-plugin"), &manifest)
}

/// A component of a world of the contract, from the text of its core module.
///
/// # Panics
/// When the text does not fit the world.
#[must_use]
pub fn component(text: &str, world: &str) -> Vec<u8> {
    component_of(&contract(), text, world)
}

/// The folder of the contract.
fn contract() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit/0.1.0")
}

/// A component of a world of the WIT package in `contract`, from the text of its core module.
///
/// # Panics
/// When the text does not fit the world.
#[must_use]
pub fn component_of(contract: &Path, text: &str, world: &str) -> Vec<u8> {
    let mut module = wat::parse_str(text).expect("a module");
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(contract).expect("a contract");
    let world = resolve.select_world(&[package], Some(world)).expect("a world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("embeds");
    ComponentEncoder::default().module(&module).expect("fits the world").validate(true).encode().expect("encodes")
}

/// Adds the custom section `forewarm:manifest`.
#[must_use]
pub fn with_manifest(component: &[u8], manifest: &Value) -> Vec<u8> {
    let name = b"forewarm:manifest";
    let text = manifest.to_string();
    let mut section = leb(name.len());
    section.extend(name);
    section.extend(text.as_bytes());
    let mut bytes = component.to_vec();
    bytes.push(0);
    bytes.extend(leb(section.len()));
    bytes.extend(section);
    bytes
}

/// A number as wasm writes it: LEB128.
#[must_use]
pub fn leb(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        bytes.push(if value == 0 { low } else { low | 0x80 });
        if value == 0 {
            return bytes;
        }
    }
}
