//! The binary `forewarm`, by the machine's own clock.

use forewarm_server::app::Surroundings;
use forewarm_server::cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main(Surroundings::default())
}
