//! The one task that writes: it takes what is queued and commits many callers' batches in one transaction.

use super::apply::apply;
use super::error::StoreError;
use super::write::{Grouped, Write};
use sea_orm::{DatabaseConnection, TransactionTrait};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Batches that may wait to be committed; one more makes its caller wait.
pub(crate) const QUEUED_MAX: usize = 1_024;
/// Writes after which no further batch joins a transaction.
const JOINT_WRITES_MAX: usize = 20_000;

/// One caller's batch.
pub(crate) struct Request {
    pub writes: Vec<Write>,
    pub reply: oneshot::Sender<Result<(), StoreError>>,
}

/// Runs until `closing` is cancelled (what is queued by then is still committed) or every sender is gone.
pub(crate) async fn run(db: DatabaseConnection, mut queue: mpsc::Receiver<Request>, closing: CancellationToken) {
    loop {
        let first = tokio::select! {
            biased;
            first = queue.recv() => first,
            () = closing.cancelled(), if !queue.is_closed() => {
                queue.close();
                continue;
            }
        };
        let Some(first) = first else { return };
        commit_jointly(&db, gather(first, &mut queue)).await;
    }
}

fn gather(first: Request, queue: &mut mpsc::Receiver<Request>) -> Vec<Request> {
    let mut writes = first.writes.len();
    let mut requests = vec![first];
    while writes < JOINT_WRITES_MAX
        && let Ok(next) = queue.try_recv()
    {
        writes += next.writes.len();
        requests.push(next);
    }
    requests
}

/// One transaction for all; when it is refused for what it says, one for each, so that a bad batch fails alone.
async fn commit_jointly(db: &DatabaseConnection, requests: Vec<Request>) {
    let outcome = commit(db, requests.iter().flat_map(|request| &request.writes)).await;
    let retry_alone = matches!(&outcome, Err(error) if !error.is_passing()) && requests.len() > 1;
    for Request { writes, reply } in requests {
        let own = if retry_alone { commit(db, writes.iter()).await } else { outcome.clone() };
        // A caller that no longer waits has no use for the answer.
        drop(reply.send(own));
    }
}

async fn commit(db: &DatabaseConnection, writes: impl Iterator<Item = &Write>) -> Result<(), StoreError> {
    let grouped = Grouped::of(writes);
    let tx = db.begin().await?;
    match apply(&tx, &grouped).await {
        Ok(()) => Ok(tx.commit().await?),
        Err(error) => {
            // The first failure tells more than a failing rollback, and a lost connection rolls back by itself.
            drop(tx.rollback().await);
            Err(error)
        }
    }
}
