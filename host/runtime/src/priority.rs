//! The priority of guests' threads: they give way to every other thread of the host, so that a request never waits for a
//! core while guests compute, and one whose work turns out long gives way to those with short work.

use std::cell::Cell;
use tracing::warn;

/// How far guests' threads step back: a thread with 10 gets a tenth of the time of one with 0, when both want it.
const NICE: i32 = 10;
/// The furthest that a thread can step back, and does while its work is long: a seventh of the time of one with 10.
const NICE_LONG: i32 = 19;
/// Ticks of the epoch, milliseconds, after which work is long.
const LONG_TICKS: u32 = 5;

thread_local! {
    /// Ticks that the work of this thread has met in guests.
    static TICKS: Cell<u32> = const { Cell::new(0) };
    /// How far this thread steps back while its work is long; 0 where it may not step forward again.
    static FURTHER: Cell<i32> = const { Cell::new(0) };
}

/// Called once by every thread that guests run on. On Linux a nice value belongs to a thread. It can always be raised;
/// where it can't, guests compete as equals.
pub(crate) fn give_way() {
    shift(NICE);
    // Stepping forward takes a privilege or a limit that allows it; stepping back again never does.
    if rustix::process::nice(-1).is_ok()
        && let Ok(nice) = rustix::process::nice(1)
    {
        FURTHER.set(NICE_LONG - nice);
    }
}

/// Called at every tick that the guest of this thread meets.
pub(crate) fn ticked() {
    let ticks = TICKS.get().saturating_add(1);
    TICKS.set(ticks);
    if ticks == LONG_TICKS {
        shift(FURTHER.get());
    }
}

/// The work of a thread that guests run on: when it is dropped, the thread is ready for other work.
pub(crate) struct Working;

impl Drop for Working {
    fn drop(&mut self) {
        if TICKS.replace(0) >= LONG_TICKS {
            shift(-FURTHER.get());
        }
    }
}

fn shift(further: i32) {
    if let Err(error) = rustix::process::nice(further) {
        warn!(%error, "the priority of a guests' thread could not be changed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nice() -> i32 {
        rustix::process::nice(0).expect("a nice value")
    }

    /// The nice values of a guests' thread of a process with `own`: before, while and after its work is long, and whether
    /// it may step forward.
    fn work(own: i32) -> (i32, i32, i32, bool) {
        let work = move || {
            rustix::process::nice(own).expect("stepping back");
            give_way();
            let short = nice();
            (0..LONG_TICKS).for_each(|_| ticked());
            let long = nice();
            drop(Working);
            (short, long, nice(), FURTHER.get() > 0)
        };
        std::thread::spawn(work).join().expect("no panic")
    }

    #[test]
    fn long_work_steps_back_and_returns_where_it_may() {
        let own = nice();
        for further in [0, 5] {
            let (short, long, after, may_return) = work(further);
            assert_eq!((short, after), ((own + further + NICE).min(NICE_LONG), short));
            assert_eq!(long, if may_return { NICE_LONG } else { short });
        }
    }
}
