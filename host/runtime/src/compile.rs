//! Compiling components: the largest door for an attack, since a small component can keep a compiler busy for minutes
//! and gigabytes. A host therefore has it done by a child process that limits itself; see [`child`] and [`parent`].

pub(crate) mod child;
mod parent;

use crate::engine::EngineKind;
use crate::error::LoadError;
use bytes::Bytes;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use tokio::task::spawn_blocking;

/// Who compiles components.
#[derive(Debug, Clone, Default)]
pub enum Compiler {
    /// This process, without limits: for tests and tools that are handed components of their own making.
    #[default]
    InProcess,
    /// A child process under limits, for components that nobody vouches for.
    Child(ChildCompiler),
}

/// A program that calls [`compile_component`](crate::compile_component), and what it may use.
#[derive(Debug, Clone)]
pub struct ChildCompiler {
    /// The program.
    pub program: PathBuf,
    /// What makes it call the function.
    pub arguments: Vec<OsString>,
    /// What one compilation may use.
    pub limits: CompileLimits,
}

/// What the compilation of one component may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// Processor time of all its threads together; whole seconds, from 1.
    pub cpu: Duration,
    /// Address space, in bytes: the program itself and its threads' stacks are within.
    pub memory_bytes: u64,
    /// From start to end, however little it computes.
    pub elapsed: Duration,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self { cpu: Duration::from_secs(60), memory_bytes: 2 << 30, elapsed: Duration::from_secs(120) }
    }
}

/// The limit that a compilation met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompileLimit {
    /// Processor time.
    Cpu(Duration),
    /// Memory, in bytes.
    Memory(u64),
    /// Time from start to end.
    Elapsed(Duration),
    /// The size of the machine code, in bytes.
    Code(u64),
}

impl fmt::Display for CompileLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu(time) => write!(f, "{} s of processor time", time.as_secs()),
            Self::Memory(bytes) => write!(f, "{} MiB of memory", bytes >> 20),
            Self::Elapsed(time) => write!(f, "{} s", time.as_secs()),
            Self::Code(bytes) => write!(f, "{} MiB of machine code", bytes >> 20),
        }
    }
}

impl Compiler {
    /// The running program itself as the child, started with `arguments`.
    ///
    /// # Errors
    /// Where the system does not tell which program this is.
    pub fn this_program(arguments: &[&str], limits: CompileLimits) -> std::io::Result<Self> {
        // The link leads to the program that runs, even where an upgrade has put another one in its place.
        let link = PathBuf::from("/proc/self/exe");
        let program = if link.exists() { link } else { std::env::current_exe()? };
        Ok(Self::Child(ChildCompiler { program, arguments: arguments.iter().map(OsString::from).collect(), limits }))
    }

    /// The machine code of a component, for the engine of this kind. A dropped future ends a child.
    pub(crate) async fn compile(&self, engine: EngineKind, component: &Bytes) -> Result<Vec<u8>, LoadError> {
        match self {
            Self::Child(child) => parent::compile(child, engine, component).await,
            Self::InProcess => {
                let component = component.clone();
                let compiled = spawn_blocking(move || child::compile(engine, &component)).await;
                compiled.map_err(|_| LoadError::Closed)?.map_err(|error| LoadError::Compile(format!("{error:#}")))
            }
        }
    }
}
