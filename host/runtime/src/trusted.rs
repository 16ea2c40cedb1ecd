//! The one place that loads machine code: what our own compiler has just made, or made earlier and kept under a MAC.

use wasmtime::Engine;
use wasmtime::component::Component;

/// Loads machine code that comes straight from the [compiler](crate::Compiler), or whose MAC the caller has verified.
///
/// # Errors
/// When the code is of another engine or machine.
#[expect(
    unsafe_code,
    reason = "deserialising is the only way to load compiled code, and callers know where it is from"
)]
pub(crate) fn deserialize(engine: &Engine, known: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `Component::deserialize` asks for bytes that wasmtime's compiler wrote. There are two callers: one hands
    // over what the compiler answered in this moment, by memory or by the pipe of a child process that this host has
    // started from a program of its operator's choice; the other, the cache, bytes whose keyed MAC it has just checked in memory,
    // with a key that only this host's user can read, computed over nothing but the former.
    unsafe { Component::deserialize(engine, known) }
}
