//! Any JSON as the schema of a good component, and any other as its parameters: a line for each.
#![no_main]

use serde_json::{Value, json};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let mut lines = input.splitn(2, |byte| *byte == b'\n').map(serde_json::from_slice::<Value>);
    if let (Some(Ok(schema)), Some(Ok(parameters))) = (lines.next(), lines.next()) {
        let manifest = json!({ "name": "x", "version": "1", "kind": "profiler", "parameters": schema });
        forewarm_fuzz::check(&forewarm_fuzz::with_manifest(manifest.to_string().as_bytes()), parameters);
    }
});
