//! `forewarm completions`: what a shell needs to complete commands.

use super::Cli;
use super::output::print;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "forewarm", &mut script);
    print(&String::from_utf8_lossy(&script));
}
