//! `forewarm` as tests of crashes and of clocks run it: the same program, handed a calendar that a file sets, and a probe
//! that ends or holds the process at a point that a file names. It is not shipped.
//!
//! The folder is named by `FOREWARM_TRIED`. In it: `calendar`, milliseconds by which the calendar is wrong; `point`, the
//! name of a point at which the process is to end as in a power cut, or `hold NAME` to stay there while the file says
//! so; `points`, written at the start, the name of every point.
#![expect(clippy::expect_used, reason = "a test must fail, not go on")]

use forewarm_domain::lending::Moment;
use forewarm_domain::time::{Clock, TimestampMs};
use forewarm_server::app::Surroundings;
use forewarm_server::cli;
use forewarm_server::clock::SystemClock;
use forewarm_server::probe::{Point, Probe};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs, thread};

/// How often it is looked whether to go on.
const LOOK_EVERY: Duration = Duration::from_millis(10);

fn main() -> ExitCode {
    let folder = PathBuf::from(env::var_os("FOREWARM_TRIED").expect("FOREWARM_TRIED names a folder"));
    let names: Vec<String> = Point::ALL.iter().map(ToString::to_string).collect();
    fs::write(folder.join("points"), names.join("\n")).expect("a folder of the test");
    let clock = Arc::new(SetClock(folder.join("calendar")));
    cli::main(Surroundings { clock, probe: Arc::new(Trial(folder.join("point"))) })
}

/// The machine's clocks, with a calendar that is wrong by what the file says.
struct SetClock(PathBuf);

impl SetClock {
    fn wrong_by_ms(&self) -> i64 {
        fs::read_to_string(&self.0).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }
}

impl Clock for SetClock {
    fn now(&self) -> TimestampMs {
        SystemClock.now() + self.wrong_by_ms()
    }

    fn moment(&self) -> Moment {
        Moment { at: self.now(), ..SystemClock.moment() }
    }
}

/// Ends or holds the process where the file says so.
struct Trial(PathBuf);

impl Trial {
    fn asked(&self) -> String {
        fs::read_to_string(&self.0).unwrap_or_default()
    }
}

impl Probe for Trial {
    fn reached(&self, point: Point) {
        if self.asked() == point.to_string() {
            fs::remove_file(&self.0).expect("a file of the test");
            let own = rustix::process::getpid();
            rustix::process::kill_process(own, rustix::process::Signal::KILL).expect("killed");
            // The signal may take a moment.
            thread::park();
        }
        let held = format!("hold {point}");
        while self.asked() == held {
            fs::write(self.0.with_extension("held"), "").expect("a folder of the test");
            thread::sleep(LOOK_EVERY);
        }
    }
}
