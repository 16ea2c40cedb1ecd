//! What the host does: it starts the child with an empty environment, hands it the component, takes the code, and ends
//! it when the time is over or the caller gives up.

use super::child::Header;
use super::{ChildCompiler, CompileLimit};
use crate::engine::EngineKind;
use crate::error::LoadError;
use crate::failure::clean;
use rustix::process::Signal;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// The most machine code of one component; wasmtime makes a few times the component's own size.
const MAX_CODE_BYTES: u64 = 512 << 20;
/// What is kept of a child's standard error.
const MAX_SAID_BYTES: u64 = 4 << 10;
/// Threads of the child. Each takes address space for its stack and its part of the heap.
const MAX_THREADS: usize = 4;

/// What the child answered, and how it ended.
struct Ended {
    code: Vec<u8>,
    said: String,
    status: ExitStatus,
}

pub(super) async fn compile(
    compiler: &ChildCompiler,
    engine: EngineKind,
    component: &[u8],
) -> Result<Vec<u8>, LoadError> {
    let failed = |error: io::Error| LoadError::Compiler(format!("{}: {error}", compiler.program.display()));
    let limits = compiler.limits;
    let header = Header {
        engine,
        cpu_s: limits.cpu.as_secs().max(1),
        memory_bytes: limits.memory_bytes,
        component_bytes: component.len() as u64,
    };
    let mut header = serde_json::to_vec(&header).map_err(|error| failed(error.into()))?;
    header.push(b'\n');
    let mut child = start(compiler).map_err(failed)?;
    let ended = tokio::time::timeout(limits.elapsed, talk(&mut child, &header, component)).await;
    match ended {
        Ok(ended) => judge(compiler, ended.map_err(failed)?),
        // The child ends when it is dropped.
        Err(_) => Err(LoadError::CompileLimit(CompileLimit::Elapsed(limits.elapsed))),
    }
}

fn start(compiler: &ChildCompiler) -> io::Result<Child> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    Command::new(&compiler.program)
        .args(&compiler.arguments)
        .env_clear()
        .env("RAYON_NUM_THREADS", threads.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
}

async fn talk(child: &mut Child, header: &[u8], component: &[u8]) -> io::Result<Ended> {
    let gone = || io::Error::other("the child has no pipe");
    let mut input = child.stdin.take().ok_or_else(gone)?;
    let (output, errors) = (child.stdout.take().ok_or_else(gone)?, child.stderr.take().ok_or_else(gone)?);
    let write = async move {
        // A child that has ended does not read on; its status says why.
        let _written = input.write_all(header).await.and(input.write_all(component).await);
    };
    let ((), code, said) = tokio::join!(write, read(output, MAX_CODE_BYTES + 1), read(errors, MAX_SAID_BYTES));
    let (code, said) = (code?, said?);
    if code.len() as u64 > MAX_CODE_BYTES {
        child.start_kill()?;
    }
    let said = clean(String::from_utf8_lossy(&said).trim(), MAX_SAID_BYTES as usize);
    Ok(Ended { code, said, status: child.wait().await? })
}

/// The first `max` bytes. Then the pipe is closed: a child that writes on ends.
async fn read(from: impl AsyncRead + Unpin, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(max).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

fn judge(compiler: &ChildCompiler, ended: Ended) -> Result<Vec<u8>, LoadError> {
    let limits = compiler.limits;
    let Ended { code, said, status } = ended;
    if code.len() as u64 > MAX_CODE_BYTES {
        return Err(LoadError::CompileLimit(CompileLimit::Code(MAX_CODE_BYTES)));
    }
    if status.success() {
        return Ok(code);
    }
    let signal = status.signal();
    if signal == Some(Signal::XCPU.as_raw()) {
        return Err(LoadError::CompileLimit(CompileLimit::Cpu(limits.cpu)));
    }
    if ran_out_of_memory(&said) {
        return Err(LoadError::CompileLimit(CompileLimit::Memory(limits.memory_bytes)));
    }
    match (signal, status.code()) {
        (None, Some(1)) => Err(LoadError::Compile(said)),
        _ => Err(LoadError::Compiler(format!("{}: {status}: {said}", compiler.program.display()))),
    }
}

/// Rust's allocator says so and aborts; the system's own calls answer with an error, and a thread without a stack does.
fn ran_out_of_memory(said: &str) -> bool {
    ["memory allocation of", "Cannot allocate memory", "Resource temporarily unavailable"]
        .iter()
        .any(|sign| said.contains(sign))
}
