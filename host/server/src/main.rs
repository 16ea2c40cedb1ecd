//! The binary `forewarm`: parse, run one command, end with its exit code.

use clap::Parser;
use forewarm_server::cli::{Cli, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if cli.compiles_component() {
        return forewarm_runtime::compile_component();
    }
    // Two providers may be compiled in; the choice has to be made before the first connection.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("forewarm: a TLS provider was installed already");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("forewarm: the runtime cannot be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(run(cli))
}
