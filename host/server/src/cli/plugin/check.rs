//! `forewarm plugin check`: everything that keeps a component from being loaded, at once, and whether it keeps to the
//! contract.

use super::file::{PluginFile, sandbox};
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::show;
use clap::Args;
use forewarm_domain::plugin::PluginKind;
use forewarm_runtime::{Examination, Import, Limits, MemoryState, Need, RuntimeConfig};
use forewarm_testkit::conformance::{self, Finding, Options, Outcome, Report};
use serde::Serialize;
use std::fmt::Write;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Debug, Args)]
pub(in crate::cli) struct CheckArgs {
    #[command(flatten)]
    plugin: PluginFile,
    /// Run the conformance suite of its kind
    #[arg(long)]
    conformance: bool,
    /// Decides the suite's random inputs
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Random inputs per property of the suite
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    cases: u16,
    /// Let the suite create and destroy instances in a cloud that the driver reaches over HTTP; they may cost money
    #[arg(long)]
    allow_create: bool,
}

/// All that was found.
#[derive(Debug, Serialize)]
struct Checked {
    file: String,
    bytes: usize,
    plugin: Option<Named>,
    limits: Option<Limits>,
    exports: Vec<String>,
    imports: Vec<Import>,
    faults: Vec<String>,
    hints: Vec<String>,
    /// Whether a first instance came up.
    probed: bool,
    conformance: Option<Report>,
}

#[derive(Debug, Serialize)]
struct Named {
    name: String,
    version: String,
    kind: PluginKind,
    summary: String,
}

pub(super) async fn run(global: &Global, args: CheckArgs) -> Result<ExitCode, CliError> {
    let component = args.plugin.bytes()?;
    let mut checked = examine(&args, &component)?;
    if checked.faults.is_empty() {
        probe(&args, &mut checked).await?;
    }
    if args.conformance && checked.probed {
        checked.conformance = Some(suite(&args, &checked, component).await?);
    }
    let failed = !checked.faults.is_empty() || checked.conformance.as_ref().is_some_and(|of| !of.failed().is_empty());
    show(global.output, &checked, page);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn examine(args: &CheckArgs, component: &[u8]) -> Result<Checked, CliError> {
    let grant = args.plugin.grant()?;
    let seen = Examination::of(component, &grant);
    let limits = seen.manifest.as_ref().map(|manifest| Limits::default().granted(manifest.limits));
    let named = seen.manifest.map(|manifest| Named {
        name: manifest.name.to_string(),
        version: manifest.version,
        kind: manifest.kind,
        summary: manifest.summary,
    });
    Ok(Checked {
        file: args.plugin.file.display().to_string(),
        bytes: component.len(),
        plugin: named,
        limits,
        exports: seen.exports,
        imports: seen.imports,
        faults: seen.faults.iter().map(ToString::to_string).collect(),
        hints: seen.hints,
        probed: false,
        conformance: None,
    })
}

/// Compiles it and makes a first instance under the wanted limits.
async fn probe(args: &CheckArgs, checked: &mut Checked) -> Result<(), CliError> {
    let runtime = sandbox(RuntimeConfig::default(), Arc::new(MemoryState::new()))?;
    match runtime.load(args.plugin.bytes()?, args.plugin.grant()?).await {
        Ok(_) => checked.probed = true,
        Err(error) => checked.faults.push(error.to_string()),
    }
    Ok(())
}

async fn suite(args: &CheckArgs, checked: &Checked, component: Vec<u8>) -> Result<Report, CliError> {
    let http = checked.imports.iter().any(|import| import.name.starts_with("wasi:http/"));
    if http && !args.allow_create {
        let what = "the suite creates and destroys instances, and this driver reaches a cloud over HTTP";
        return Err(CliError::Usage(format!("{what}: say --allow-create where that may cost money")));
    }
    let (parameters, assets) = (args.plugin.parameters()?, args.plugin.assets()?);
    let options = Options { parameters, assets, seed: args.seed, cases: args.cases.into() };
    conformance::check(component, &options).await.map_err(|error| CliError::Failed(error.to_string()))
}

fn page(checked: &Checked) -> String {
    let mut page = format!("{}: {} KiB\n", checked.file, checked.bytes.div_ceil(1 << 10));
    if let Some(Named { name, version, kind, summary }) = &checked.plugin {
        let _ = writeln!(page, "{name} {version}, a {kind}: {summary}");
    }
    if let Some(limits) = checked.limits {
        let (memory, call) = (limits.memory_bytes >> 20, limits.call.as_millis());
        let (log, calls) = (limits.log_bytes >> 10, limits.host_calls);
        let _ = writeln!(page, "limits: {memory} MiB, {call} ms a call, {log} KiB of log, {calls} host calls");
    }
    for export in &checked.exports {
        let _ = writeln!(page, "exports {export}");
    }
    for import in checked.imports.iter().filter(|import| import.needs != Need::Nothing) {
        let _ = writeln!(page, "imports {}, {}", import.name, needs(import.needs));
    }
    let plain = checked.imports.iter().filter(|import| import.needs == Need::Nothing).count();
    let _ = writeln!(page, "imports {plain} interfaces that every plugin has");
    for hint in &checked.hints {
        let _ = writeln!(page, "hint: {hint}");
    }
    for fault in &checked.faults {
        let _ = writeln!(page, "fault: {fault}");
    }
    if let Some(report) = &checked.conformance {
        conformance_page(&mut page, report);
    }
    page.push_str(&verdict(checked));
    page
}

fn needs(need: Need) -> String {
    match need {
        Need::Nothing => "which every plugin has".into(),
        Need::Capability(capability) => format!("which needs the capability `{capability}`"),
        Need::Refused => "which no host grants".into(),
    }
}

fn conformance_page(page: &mut String, report: &Report) {
    let _ = writeln!(page, "conformance of a {}, seed {}:", report.kind, report.seed);
    for Finding { property, outcome } in &report.findings {
        let mark = match (outcome, property.advisory) {
            (Outcome::Passed { .. }, _) => "passed",
            (_, true) => "advice",
            (_, false) => "FAILED",
        };
        let _ = writeln!(page, "  {mark}  {:24}  {}", property.name, property.says);
        match outcome {
            Outcome::Passed { .. } => {}
            Outcome::Failed { counterexample, observed } => {
                let _ = writeln!(page, "          with {counterexample}\n          {observed}");
                let _ = writeln!(page, "          {}", property.source);
            }
            Outcome::Unjudged { reason } => {
                let _ = writeln!(page, "          could not be judged: {reason}");
            }
        }
    }
}

fn verdict(checked: &Checked) -> String {
    let failed = checked.conformance.as_ref().map_or(0, |report| report.failed().len());
    match (checked.faults.len(), failed) {
        (0, 0) => "this host loads it, and nothing was found wrong".into(),
        (0, failed) => format!("this host loads it; it breaks {failed} of the contract's properties"),
        (faults, _) => format!("this host does not load it: {faults} to change"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_tells_all_faults() {
        let file = PluginFile { file: "x.wasm".into(), parameters: "{}".into(), assets: Vec::new() };
        let args = CheckArgs { plugin: file, conformance: false, seed: 0, cases: 1, allow_create: false };
        let checked = examine(&args, b"no wasm").expect("examined");
        let page = page(&checked);
        assert!(page.contains("does not begin with the WebAssembly magic number"), "{page}");
        assert!(page.ends_with("this host does not load it: 1 to change"), "{page}");
    }
}
