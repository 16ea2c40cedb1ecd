//! `forewarm plugin`: what a host carries, and what an author or operator does with one file. One file per verb.

mod activate;
mod bench;
mod check;
pub(super) mod file;
mod files;
mod inspect;
mod install;
mod installed;
mod keygen;
mod list;
mod pull;
mod push;
mod registry;
mod release;
mod remove;
mod rescan;
mod run;
mod series;
mod sign;

use super::Global;
use super::error::CliError;
use clap::Subcommand;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum PluginCommand {
    /// Make a version of a plugin the one that answers, once it has passed its probe
    Activate(activate::ActivateArgs),
    /// Measure one plugin: load, calls, memory
    Bench(bench::BenchArgs),
    /// Check one plugin: contract, manifest, imports, limits, and on demand its answers
    Check(check::CheckArgs),
    /// Show the limits and counters of one plugin, or what a component says about itself
    Inspect(inspect::InspectArgs),
    /// Install a plugin on this machine; the host takes it in when it starts or rescans
    Install(install::InstallArgs),
    /// List what is installed on this machine, whether a host runs or not
    Installed,
    /// Make a pair of keys for signing plugins
    Keygen(keygen::KeygenArgs),
    /// List plugins in all their versions, those that could not be loaded included
    List,
    /// Fetch a plugin from an OCI registry into a file
    Pull(pull::PullArgs),
    /// Put a plugin into an OCI registry
    Push(push::PushArgs),
    /// Let the calls of a quarantined plugin through again
    Release(release::ReleaseArgs),
    /// Remove what was installed on this machine
    Remove(remove::RemoveArgs),
    /// Take in what is new in the host's plugin folder
    Rescan,
    /// Run one plugin without a host
    Run(run::RunArgs),
    /// Sign a plugin
    Sign(sign::SignArgs),
}

pub(super) async fn run(global: &Global, command: PluginCommand) -> Result<ExitCode, CliError> {
    match command {
        PluginCommand::Activate(args) => activate::run(global, &args).await?,
        PluginCommand::Bench(args) => bench::run(global, args).await?,
        PluginCommand::Check(args) => return check::run(global, args).await,
        PluginCommand::Inspect(args) => inspect::run(global, &args).await?,
        PluginCommand::Install(args) => install::run(global, args).await?,
        PluginCommand::Installed => installed::run(global)?,
        PluginCommand::Keygen(args) => keygen::run(global, &args)?,
        PluginCommand::List => list::run(global).await?,
        PluginCommand::Pull(args) => pull::run(global, args).await?,
        PluginCommand::Push(args) => push::run(global, args).await?,
        PluginCommand::Release(args) => release::run(global, &args).await?,
        PluginCommand::Remove(args) => remove::run(global, &args)?,
        PluginCommand::Rescan => rescan::run(global).await?,
        PluginCommand::Run(args) => run::run(global, args).await?,
        PluginCommand::Sign(args) => sign::run(global, &args)?,
    }
    Ok(ExitCode::SUCCESS)
}
