//! The command line: `forewarm up` runs a host, `forewarm doctor` looks whether one could run, and all the rest talk to a
//! host over its HTTP API.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 the host cannot be reached, 4 the host refused.

mod anomalies;
mod backtest;
mod calendar;
mod claim;
mod client;
mod completions;
mod config;
mod connection;
mod doctor;
mod duration;
mod error;
mod export;
mod files;
mod forecast;
mod ingest;
mod instance;
mod lending;
mod market;
mod output;
mod persona;
mod plan;
mod plugin;
mod profile;
mod running;
mod simulate;
mod token;
mod train;
mod up;

use crate::app::Surroundings;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

pub use error::CliError;
pub use up::UpArgs;

/// Predicts demand and keeps warm capacity ready.
#[derive(Debug, Parser)]
#[command(name = "forewarm", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What all commands take.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// The configuration file
    #[arg(long, global = true, env = "FOREWARM_CONFIG", hide_env_values = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the host keeps its data and the first administrator's token
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The host to talk to; the configured address on this machine unless given
    #[arg(long, global = true, env = "FOREWARM_URL", hide_env_values = true, value_name = "URL")]
    url: Option<String>,
    /// The token to talk with; the first administrator's in the data directory unless given
    #[arg(long, global = true, env = "FOREWARM_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// How to print: for people, or for programs
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// One JSON document
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a host
    Up(UpArgs),
    /// Check whether a host can run here
    Doctor,
    /// Look at personas and apply them
    #[command(subcommand)]
    Persona(persona::PersonaCommand),
    /// Claim an instance, look at claims, give one back
    Claim(claim::ClaimArgs),
    /// Look at what was planned, and why
    #[command(subcommand)]
    Plan(plan::PlanCommand),
    /// Plan events that will change the load: what they need is ready when they begin
    #[command(subcommand)]
    Event(calendar::EventCommand),
    /// Hold plans: a freeze of some personas or of all, or the maintenance of a driver
    #[command(subcommand)]
    Freeze(calendar::FreezeCommand),
    /// Show what is forecast of a persona's load, by whom, and what repeats in it
    Forecast(forecast::ForecastArgs),
    /// Send measurements from a CSV file to the host
    Ingest(ingest::IngestArgs),
    /// Write what the host measured to a CSV file, for `train`, `backtest` and `anomalies`
    Export(export::ExportArgs),
    /// Score the forecasters and their combination on your own history
    Backtest(backtest::BacktestArgs),
    /// Replay your own demand: what forewarm and other policies would have kept ready, and what that would have cost
    Simulate(simulate::SimulateArgs),
    /// Show what is lent: announced, leased, called back, quarantined
    Lending(lending::LendingArgs),
    /// Decide on quarantined instances
    #[command(subcommand)]
    Instance(instance::InstanceCommand),
    /// Work with the capacity market
    #[command(subcommand)]
    Market(market::MarketCommand),
    /// Find what does not belong in series of a file, without a host
    Anomalies(anomalies::AnomaliesArgs),
    /// Draft personas from what was measured of workloads
    Profile(profile::ProfileArgs),
    /// Look at the host's plugins, and work on one of your own
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    /// Train the network of forecaster-lstm on your own history
    Train(train::TrainArgs),
    /// Make, list and revoke access tokens
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Look at the configuration
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Print completions for a shell
    Completions(completions::CompletionsArgs),
    /// Print the OpenAPI document of the HTTP API
    Openapi,
    /// Compile one plugin component from standard input to standard output, for a host
    #[command(hide = true)]
    CompileComponent,
}

/// The whole program: parses, runs one command, gives its exit code. `around` is what a host that it runs is handed.
#[must_use]
pub fn main(around: Surroundings) -> ExitCode {
    let cli = Cli::parse();
    // That one has a limited address space: it starts no threads before it compiles.
    if matches!(cli.command, Command::CompileComponent) {
        return forewarm_runtime::compile_component();
    }
    // Two providers may be compiled in; the choice has to be made before the first connection.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("forewarm: a TLS provider was installed already");
    }
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run(cli, around)),
        Err(error) => {
            eprintln!("forewarm: the runtime cannot be started: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one command and prints what went wrong, if anything did.
async fn run(cli: Cli, around: Surroundings) -> ExitCode {
    let format = cli.global.output;
    match dispatch(cli, around).await {
        Ok(code) => code,
        Err(error) => {
            let code = error.exit_code();
            error.print(format);
            code
        }
    }
}

async fn dispatch(cli: Cli, around: Surroundings) -> Result<ExitCode, CliError> {
    let global = cli.global;
    match cli.command {
        Command::Up(args) => return up::run(&global, args, around).await,
        Command::Doctor => return doctor::run(&global).await,
        Command::Persona(command) => persona::run(&global, command).await?,
        Command::Claim(args) => claim::run(&global, args).await?,
        Command::Plan(command) => plan::run(&global, command).await?,
        Command::Event(command) => calendar::event(&global, command).await?,
        Command::Freeze(command) => calendar::freeze(&global, command).await?,
        Command::Forecast(args) => forecast::run(&global, args).await?,
        Command::Ingest(args) => ingest::run(&global, args).await?,
        Command::Export(args) => export::run(&global, args).await?,
        Command::Backtest(args) => backtest::run(&global, args).await?,
        Command::Simulate(args) => simulate::run(&global, args).await?,
        Command::Lending(args) => lending::run(&global, args).await?,
        Command::Instance(command) => instance::run(&global, command).await?,
        Command::Market(command) => market::run(&global, command).await?,
        Command::Anomalies(args) => anomalies::run(&global, args).await?,
        Command::Profile(args) => profile::run(&global, args).await?,
        Command::Plugin(command) => return plugin::run(&global, command).await,
        Command::Train(args) => train::run(&global, args).await?,
        Command::Token(command) => token::run(&global, command).await?,
        Command::Config(command) => config::run(&global, &command)?,
        Command::Completions(args) => completions::run(&args),
        Command::Openapi => output::print(&crate::http::openapi_document()),
        Command::CompileComponent => return Ok(forewarm_runtime::compile_component()),
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use std::fmt::Write;

    /// The help of a command and of everything below it, in the order of declaration.
    fn write_help(page: &mut String, name: &str, command: &mut clap::Command) {
        let help = command.clone().bin_name(name).term_width(100).render_long_help().to_string();
        let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
        let _ = write!(page, "\n## `{name}`\n\n```text\n{}\n```\n", lines.join("\n").trim_end());
        for sub in command.get_subcommands_mut().filter(|sub| sub.get_name() != "help" && !sub.is_hide_set()) {
            let full = format!("{name} {}", sub.get_name());
            write_help(page, &full, sub);
        }
    }

    #[test]
    fn the_reference_is_up_to_date() {
        let mut page = String::from(
            "# Command line\n\nExit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 the host cannot be reached, \
             4 the host refused.\n",
        );
        let mut command = Cli::command();
        command.build();
        write_help(&mut page, "forewarm", &mut command);
        crate::snapshot::check("docs/cli.md", &page);
    }

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_claim_is_made_or_managed() {
        for line in
            ["claim web --wait", "claim list", "claim list web", "claim release 0190a3d4-0000-7000-8000-000000000000"]
        {
            let arguments = std::iter::once("forewarm").chain(line.split(' '));
            assert!(Cli::try_parse_from(arguments).is_ok(), "{line}");
        }
        assert!(Cli::try_parse_from(["forewarm", "claim"]).is_err());
    }
}
