//! What the child process does: it reads what it may use and a component, limits itself, and writes machine code.
//!
//! It limits processor time, address space and the size of files (to none), so that whatever the component makes the
//! compiler do ends with this process. Nothing of the component is run here.

use crate::engine::{self, EngineKind};
use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::ExitCode;

/// The longest header, in bytes.
const MAX_HEADER_BYTES: u64 = 1_000;
/// From the warning at the limit of processor time to the end of a process that did not heed it, in seconds.
const CPU_GRACE_S: u64 = 5;

/// The first line of the child's input, as JSON; the component follows.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) engine: EngineKind,
    pub(super) cpu_s: u64,
    pub(super) memory_bytes: u64,
    pub(super) component_bytes: u64,
}

/// The whole work of the child of [`Compiler::Child`](crate::Compiler::Child): from standard input to standard output,
/// with the reason on standard error where there is no code. It limits the process that calls it.
#[must_use]
pub fn compile_component() -> ExitCode {
    match run(io::stdin().lock(), io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(input: impl Read, mut output: impl Write) -> wasmtime::Result<()> {
    let mut input = BufReader::new(input);
    let mut line = String::new();
    input.by_ref().take(MAX_HEADER_BYTES).read_line(&mut line)?;
    let header: Header = serde_json::from_str(&line)?;
    let mut component = Vec::new();
    input.take(header.component_bytes).read_to_end(&mut component)?;
    limit(&header)?;
    let code = compile(header.engine, &component)?;
    output.write_all(&code)?;
    Ok(output.flush()?)
}

fn limit(header: &Header) -> io::Result<()> {
    let at_most = |current, maximum| Rlimit { current: Some(current), maximum: Some(maximum) };
    setrlimit(Resource::Cpu, at_most(header.cpu_s, header.cpu_s + CPU_GRACE_S))?;
    setrlimit(Resource::As, at_most(header.memory_bytes, header.memory_bytes))?;
    setrlimit(Resource::Fsize, at_most(0, 0))?;
    setrlimit(Resource::Core, at_most(0, 0))?;
    Ok(())
}

/// Compiles with the settings of an engine, without reserving what its instances would need.
pub(super) fn compile(kind: EngineKind, component: &[u8]) -> wasmtime::Result<Vec<u8>> {
    engine::compiling(kind)?.precompile_component(component)
}
