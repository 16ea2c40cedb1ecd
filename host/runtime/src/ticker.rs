//! The thread that advances the engines' epochs every millisecond while calls are under way. It is what ends a guest
//! that does not return; it sleeps when nothing runs, and ends with the runtime.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use wasmtime::Engine;

const TICK: Duration = Duration::from_millis(1);
/// Ticks without any call after which the thread goes to sleep: a burst of short calls does not wake it each time.
const IDLE_TICKS: u32 = 100;

/// Owns the thread.
#[derive(Debug)]
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    under_way: AtomicUsize,
    stop: AtomicBool,
}

impl Ticker {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the machine refuses another thread.
    pub(crate) fn start(engines: Vec<Engine>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        let run = move || tick(&seen, &engines);
        let thread = thread::Builder::new().name("forewarm-epoch".into()).spawn(run)?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Keeps the thread ticking for as long as the answer is held.
    pub(crate) fn ticking(&self) -> Ticking {
        if self.shared.under_way.fetch_add(1, Ordering::SeqCst) == 0
            && let Some(thread) = &self.thread
        {
            thread.thread().unpark();
        }
        Ticking(Arc::clone(&self.shared))
    }
}

fn tick(shared: &Shared, engines: &[Engine]) {
    let mut idle = 0;
    while !shared.stop.load(Ordering::SeqCst) {
        let busy = shared.under_way.load(Ordering::SeqCst) > 0;
        idle = if busy { 0 } else { idle + 1 };
        if idle > IDLE_TICKS {
            thread::park();
            continue;
        }
        thread::sleep(TICK);
        engines.iter().for_each(Engine::increment_epoch);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It ends within a tick; that it panicked would be no reason to panic here as well.
            let _ended = thread.join();
        }
    }
}

/// One call under way.
#[derive(Debug)]
pub(crate) struct Ticking(Arc<Shared>);

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}
