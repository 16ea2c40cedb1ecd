//! `forewarm market ...`: the capacity market.

mod simulate;

use super::Global;
use super::error::CliError;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum MarketCommand {
    /// Hold the market in virtual time: synthetic tenants bid for what your own demand leaves idle
    Simulate(simulate::SimulateArgs),
}

pub(super) async fn run(global: &Global, command: MarketCommand) -> Result<(), CliError> {
    match command {
        MarketCommand::Simulate(args) => simulate::run(global, args).await,
    }
}
