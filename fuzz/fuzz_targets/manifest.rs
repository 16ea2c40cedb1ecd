//! Any bytes as the manifest of a good component.
#![no_main]

libfuzzer_sys::fuzz_target!(|manifest: &[u8]| {
    forewarm_fuzz::check(&forewarm_fuzz::with_manifest(manifest), serde_json::json!({}));
});
