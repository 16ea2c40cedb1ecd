//! The priority of guests' threads: they give way to every other thread of the host, so that a request never waits for a
//! core while guests compute, and one whose work turns out long gives way to those with short work.

use std::cell::Cell;
use tracing::warn;

/// How far guests' threads step back: a thread with 10 gets a tenth of the time of one with 0, when both want it.
const NICE: i32 = 10;
/// How much further a thread steps back while its work is long: a seventh of the time of one whose is not.
const NICE_LONG: i32 = 9;
/// Ticks of the epoch, milliseconds, after which work is long.
const LONG_TICKS: u32 = 5;

thread_local! {
    /// Ticks that the work of this thread has met in guests.
    static TICKS: Cell<u32> = const { Cell::new(0) };
    /// Whether this thread may step forward again: only with the privilege or the limit for it.
    static MAY_RETURN: Cell<bool> = const { Cell::new(false) };
}

/// Called once by every thread that guests run on. On Linux a nice value belongs to a thread. It can always be raised;
/// where it can't, guests compete as equals.
pub(crate) fn give_way() {
    if let Err(error) = rustix::process::nice(NICE) {
        warn!(%error, "the priority of a guests' thread could not be lowered");
        return;
    }
    let may_return = rustix::process::nice(1).is_ok() && rustix::process::nice(-1).is_ok();
    MAY_RETURN.set(may_return);
}

/// Called at every tick that the guest of this thread meets.
pub(crate) fn ticked() {
    let ticks = TICKS.get().saturating_add(1);
    TICKS.set(ticks);
    if ticks == LONG_TICKS && MAY_RETURN.get() {
        shift(NICE_LONG);
    }
}

/// The work of a thread that guests run on: when it is dropped, the thread is ready for other work.
pub(crate) struct Working;

impl Drop for Working {
    fn drop(&mut self) {
        if TICKS.replace(0) >= LONG_TICKS && MAY_RETURN.get() {
            shift(-NICE_LONG);
        }
    }
}

fn shift(nice: i32) {
    if let Err(error) = rustix::process::nice(nice) {
        warn!(%error, "the priority of a guests' thread could not be changed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nice() -> i32 {
        rustix::process::nice(0).expect("a nice value")
    }

    #[test]
    fn long_work_steps_back_and_returns_where_it_may() {
        let work = || {
            give_way();
            let short = nice();
            (0..LONG_TICKS).for_each(|_| ticked());
            let long = nice();
            drop(Working);
            (short, long, nice(), MAY_RETURN.get())
        };
        let own = nice();
        let (short, long, after, may_return) = std::thread::spawn(work).join().expect("no panic");
        let further = if may_return { NICE_LONG } else { 0 };
        assert_eq!((short, after), ((own + NICE).min(19), short));
        assert_eq!(long, (short + further).min(19));
    }
}
