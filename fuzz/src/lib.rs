//! What the targets share: a component around a manifest, and the check that a host makes before it compiles.

use forewarm_runtime::{Capability, Grant, check_component};
use serde_json::Value;

/// An empty component that exports an empty instance as a profiler: what a manifest is looked for in.
/// `(component (instance $i) (export "forewarm:plugin/profiler@0.1.0" (instance $i)))`
const PROFILER: &[u8] = b"\0asm\x0d\0\x01\0\x05\x03\x01\x01\x00\x0b\x24\x01\x00\x1eforewarm:plugin/profiler@0.1.0\x05\x00\x00";

/// The profiler with `manifest` as its manifest.
#[must_use]
pub fn with_manifest(manifest: &[u8]) -> Vec<u8> {
    let name = b"forewarm:manifest";
    let content = [leb(name.len()).as_slice(), name, manifest].concat();
    [PROFILER, &[0], &leb(content.len()), &content].concat()
}

fn leb(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// Checks a component as a host does; only that it ends is of interest.
pub fn check(component: &[u8], parameters: Value) {
    let grant = Grant { parameters, capabilities: Capability::ALL.into(), ..Grant::default() };
    if let Err(error) = check_component(component, 32 << 20, grant) {
        assert!(error.to_string().len() < 100_000, "an error has to be readable");
    }
}
