//! The child process that compiles one component, for programs that can't start themselves a second time.

use std::process::ExitCode;

fn main() -> ExitCode {
    forewarm_runtime::compile_component()
}
