//! A month of one series by the minute, under all policies: `forewarm simulate` as a user runs it.

use crate::Result;
use crate::report::Report;
use forewarm_simulator::sample;
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const DAYS: usize = 30;

pub(crate) fn measure(plugins: &Path, report: &mut Report) -> Result<()> {
    let program = std::env::var_os("FOREWARM_BIN").ok_or("FOREWARM_BIN is not set: run `cargo xtask bench plan`")?;
    let folder = tempfile::tempdir()?;
    let trace = folder.path().join("month.csv");
    let month = sample::demand_of(DAYS, 1);
    let mut text = String::from("timestamp,value\n");
    for (index, value) in month.values.iter().enumerate() {
        let _ = writeln!(text, "{},{value}", month.at(index));
    }
    std::fs::write(&trace, text)?;
    let mut command = Command::new(program);
    command.args(["simulate", "--protocol", "bench", "--trace"]).arg(&trace).arg("--data-dir").arg(folder.path());
    command.env("FOREWARM_PLUGINS", plugins).current_dir(folder.path()).stdout(Stdio::null());
    // The first run compiles the plugin.
    let begin = Instant::now();
    if !command.status()?.success() {
        return Err("`forewarm simulate` failed".into());
    }
    let took = begin.elapsed().as_secs_f64();
    let beside = format!(
        "{} minutes, half of them scored, seven policies, {:.1} us a minute",
        month.values.len(),
        took * 1e6 / month.values.len() as f64
    );
    report.figure("month_all_policies_s", took, "s", 60.0, &beside);
    Ok(())
}
