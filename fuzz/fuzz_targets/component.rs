//! Any bytes as a component.
#![no_main]

libfuzzer_sys::fuzz_target!(|component: &[u8]| forewarm_fuzz::check(component, serde_json::json!({})));
