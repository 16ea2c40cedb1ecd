//! The one thread that changes the market. It takes what is asked for, applies it in memory one after the other, writes all
//! of it in one transaction, and only then answers. When the transaction fails, what is in memory is read again.

use super::state::State;
use crate::{config::MarketConfig, error::MarketError, model::Transfer, probe::Probe, store::Store};
use std::{sync::Arc, time::Duration};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Changes that may wait; one more makes its caller wait.
const QUEUED_MAX: usize = 8_192;
/// Changes of one transaction.
const JOINED_MAX: usize = 1_024;
/// The pause before memory is read again after a failure.
const RELOAD_PAUSE: Duration = Duration::from_millis(500);

/// Tells a caller how the transaction went.
type Reply = Box<dyn FnOnce(Result<(), MarketError>) + Send>;

/// Applies a change, and gives what tells its caller.
type Run = Box<dyn FnOnce(&mut State, Option<Transfer>) -> Reply + Send>;

/// A change, or a look.
struct Job {
    /// A transfer that may be booked already, to be looked up first.
    lookup: Option<Uuid>,
    /// Has a transaction to itself, so that its failure is nobody else's.
    alone: bool,
    run: Run,
}

/// Where changes are handed in.
#[derive(Clone)]
pub(crate) struct Actor {
    jobs: mpsc::Sender<Job>,
}

impl Actor {
    /// The actor, and what has to be spawned for it to work.
    pub(crate) fn start(
        config: Arc<MarketConfig>,
        store: Store,
        probe: Arc<dyn Probe>,
        state: State,
        closing: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (jobs, queue) = mpsc::channel(QUEUED_MAX);
        (Self { jobs }, run(Writer { config, store, probe, closing }, state, queue))
    }

    /// Applies a change and gives its outcome once that is durable. A change that is refused leaves nothing behind.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut State) -> Result<T, MarketError> + Send + 'static,
    ) -> Result<T, MarketError> {
        self.submit(None, false, |state, _| change(state)).await
    }

    /// The same in a transaction of its own: what the market does by itself fails no order that came at that moment.
    pub(crate) async fn change_alone<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut State) -> Result<T, MarketError> + Send + 'static,
    ) -> Result<T, MarketError> {
        self.submit(None, true, |state, _| change(state)).await
    }

    /// The same, with the transfer of this id if it is booked already.
    pub(crate) async fn change_knowing<T: Send + 'static>(
        &self,
        lookup: Uuid,
        change: impl FnOnce(&mut State, Option<Transfer>) -> Result<T, MarketError> + Send + 'static,
    ) -> Result<T, MarketError> {
        self.submit(Some(lookup), false, change).await
    }

    async fn submit<T: Send + 'static>(
        &self,
        lookup: Option<Uuid>,
        alone: bool,
        change: impl FnOnce(&mut State, Option<Transfer>) -> Result<T, MarketError> + Send + 'static,
    ) -> Result<T, MarketError> {
        let (reply, answer) = oneshot::channel();
        let run = move |state: &mut State, booked: Option<Transfer>| -> Reply {
            let outcome = change(state, booked);
            match &outcome {
                Ok(_) => state.savepoint(),
                Err(_) => state.rollback(),
            }
            // A caller that no longer waits has no use for the answer.
            Box::new(move |written| drop(reply.send(written.and(outcome))))
        };
        self.jobs.send(Job { lookup, alone, run: Box::new(run) }).await.map_err(|_| MarketError::Closed)?;
        answer.await.map_err(|_| MarketError::Closed)?
    }
}

/// What the thread works with.
struct Writer {
    config: Arc<MarketConfig>,
    store: Store,
    probe: Arc<dyn Probe>,
    closing: CancellationToken,
}

/// Works until it is closed, and then through what is queued by then.
async fn run(writer: Writer, mut state: State, mut queue: mpsc::Receiver<Job>) {
    let (mut open, mut kept) = (true, None);
    loop {
        let first = tokio::select! {
            biased;
            Some(kept) = std::future::ready(kept.take()) => Some(kept),
            first = queue.recv() => first,
            () = writer.closing.cancelled(), if open => {
                queue.close();
                open = false;
                continue;
            }
        };
        let Some(first) = first else { return };
        let mut alone = first.alone;
        let mut jobs = vec![first];
        while !alone
            && jobs.len() < JOINED_MAX
            && let Ok(next) = queue.try_recv()
        {
            alone = next.alone;
            if alone { kept = Some(next) } else { jobs.push(next) }
        }
        if writer.work(&mut state, jobs).await.is_err() {
            match writer.reload().await {
                Some(anew) => state = anew,
                None => return,
            }
        }
    }
}

impl Writer {
    /// Applies the changes, writes them in one transaction, and answers.
    ///
    /// # Errors
    /// Why nothing was written: what is in memory is not what is stored then.
    async fn work(&self, state: &mut State, jobs: Vec<Job>) -> Result<(), MarketError> {
        let mut replies = Vec::with_capacity(jobs.len());
        let mut written = Ok(());
        for Job { lookup, run, .. } in jobs {
            let booked = match lookup {
                None => Ok(None),
                Some(id) => self.store.transfer(id).await,
            };
            let booked = booked.unwrap_or_else(|error| {
                written = Err(error);
                None
            });
            replies.push(run(state, booked));
        }
        if written.is_ok() {
            written = self.write(state).await;
        }
        if let Err(error) = &written {
            tracing::error!(%error, "the market's changes were not written");
        }
        replies.into_iter().for_each(|reply| reply(written.clone()));
        written
    }

    async fn write(&self, state: &mut State) -> Result<(), MarketError> {
        let before_commit = state.before_commit.take().map(|point| move || self.probe.reached(point));
        self.store.write(state.drain(), before_commit).await
    }

    /// Reads the state anew, for as long as that takes: nothing can be promised without it. None when the market is closed
    /// before.
    async fn reload(&self) -> Option<State> {
        loop {
            match self.store.load(&self.config).await {
                Ok(loaded) => return Some(State::new(Arc::clone(&self.config), loaded)),
                Err(error) => tracing::error!(%error, "the market's records can't be read; trying again"),
            }
            tokio::select! {
                () = self.closing.cancelled() => return None,
                () = tokio::time::sleep(RELOAD_PAUSE) => {}
            }
        }
    }
}
