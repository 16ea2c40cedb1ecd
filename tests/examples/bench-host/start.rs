//! How long a host takes to be ready, and what it takes up when it has nothing to do.

use crate::Result;
use crate::host::Program;
use crate::report::{Report, Target};
use std::thread;
use std::time::Duration;

const STARTS: usize = 5;
const IDLE: Duration = Duration::from_secs(10);

/// One start without compiled plugins, then some with; the memory of the first after a while.
///
/// # Errors
/// When a host does not start or stop.
pub(crate) fn measure(program: &Program, report: &mut Report) -> Result<()> {
    let data = program.data_dir()?;
    let host = program.start(data.path(), "")?;
    let cold_ms = host.ready_after.as_secs_f64() * 1_000.0;
    host.stop()?;
    let mut warm_ms = Vec::new();
    let mut idle_mib = 0.0;
    for round in 0..STARTS {
        let host = program.start(data.path(), "")?;
        warm_ms.push(host.ready_after.as_secs_f64() * 1_000.0);
        if round == 0 {
            thread::sleep(IDLE);
            idle_mib = host.resident_mib()?;
        }
        host.stop()?;
    }
    warm_ms.sort_by(f64::total_cmp);
    report.detail("cold_start_ms", cold_ms);
    report.detail("start_worst_ms", warm_ms[STARTS - 1]);
    let beside = format!("first start, which compiles the plugins: {cold_ms:.0} ms");
    report.figure("start_ms", warm_ms[STARTS / 2], "ms", Target::Below(1_000.0), beside);
    report.figure("idle_rss_mib", idle_mib, "MiB", Target::Below(150.0), String::new());
    Ok(())
}
