//! A thread of its own for asynchronous work that must not wait behind requests, or that requests must not wait behind.

use std::io;
use tokio::runtime::{Builder, Handle, Runtime};

/// One thread that runs tasks. Tasks that are left when it is dropped are dropped with it.
#[derive(Debug)]
pub(crate) struct OwnThread(Option<Runtime>, Handle);

impl OwnThread {
    /// Starts the thread. On Linux a nice value belongs to a thread: one from 1 to 19 steps back behind those that serve
    /// requests, 0 is their equal.
    ///
    /// # Errors
    /// When the machine refuses another thread.
    pub(crate) fn start(name: &'static str, nice: i32) -> io::Result<Self> {
        let give_way = move || {
            if let Err(error) = rustix::process::nice(nice) {
                tracing::warn!(name, %error, "the thread's priority could not be lowered");
            }
        };
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).thread_name(name).on_thread_start(give_way).enable_all().build()?;
        let handle = runtime.handle().clone();
        Ok(Self(Some(runtime), handle))
    }

    /// Where to spawn.
    pub(crate) fn handle(&self) -> &Handle {
        &self.1
    }
}

impl Drop for OwnThread {
    /// In the background: its owner may be dropped where blocking is not allowed.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Processor time that this thread has used.
#[must_use]
pub(crate) fn cpu_time() -> std::time::Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    std::time::Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}
