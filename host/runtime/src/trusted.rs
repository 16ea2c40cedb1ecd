//! The one place that loads machine code from a file: our own, checked.

use wasmtime::Engine;
use wasmtime::component::Component;

/// Loads a compiled component whose MAC the caller has verified.
///
/// # Errors
/// When the code is of another engine or machine.
#[expect(unsafe_code, reason = "deserialising is the only way to load compiled code, and the caller verified its MAC")]
pub(crate) fn deserialize(engine: &Engine, verified: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `Component::deserialize` asks for bytes that `Component::serialize` wrote. The cache hands over only
    // bytes whose keyed MAC it has just checked in memory, with a key that only this host's user can read, and the MAC
    // is only ever computed over what `Component::serialize` returned.
    unsafe { Component::deserialize(engine, verified) }
}
