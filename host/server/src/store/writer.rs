//! The one task that writes: it takes what is queued and commits many callers' batches in one transaction.
//!
//! There are two lanes. What somebody waits for at this moment, a claim above all, is urgent; the records of planning
//! and measuring are not, and are committed in small transactions, so that an urgent batch waits for one of those at
//! most. While both lanes are full they take turns: neither starves.

use super::apply::apply;
use super::error::StoreError;
use super::write::{Grouped, Write};
use sea_orm::{DatabaseConnection, TransactionTrait};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Batches that may wait in a lane; one more makes its caller wait, or is refused.
const QUEUED_MAX: usize = 1_024;
/// Writes after which no further batch joins an urgent transaction.
const URGENT_WRITES_MAX: usize = 20_000;
/// Writes after which no further batch joins another transaction.
const ORDINARY_WRITES_MAX: usize = 64;

/// One caller's batch.
pub(crate) struct Request {
    pub writes: Vec<Write>,
    pub reply: oneshot::Sender<Result<(), StoreError>>,
}

/// Where batches are queued.
pub(crate) struct Entrances {
    pub urgent: mpsc::Sender<Request>,
    pub ordinary: mpsc::Sender<Request>,
}

/// Where the writer takes them.
pub(crate) struct Lanes {
    urgent: mpsc::Receiver<Request>,
    ordinary: mpsc::Receiver<Request>,
    /// Whether the last transaction was an urgent one: the other lane is looked at first then.
    was_urgent: bool,
}

/// Two empty lanes.
pub(crate) fn lanes() -> (Entrances, Lanes) {
    let (urgent, urgent_lane) = mpsc::channel(QUEUED_MAX);
    let (ordinary, ordinary_lane) = mpsc::channel(QUEUED_MAX);
    let lanes = Lanes { urgent: urgent_lane, ordinary: ordinary_lane, was_urgent: false };
    (Entrances { urgent, ordinary }, lanes)
}

impl Lanes {
    /// The batches of the next transaction; `None` when there will be no more.
    async fn next(&mut self) -> Option<Vec<Request>> {
        let (first, urgent) = if self.was_urgent {
            tokio::select! {
                biased;
                Some(first) = self.ordinary.recv() => (first, false),
                Some(first) = self.urgent.recv() => (first, true),
                else => return None,
            }
        } else {
            tokio::select! {
                biased;
                Some(first) = self.urgent.recv() => (first, true),
                Some(first) = self.ordinary.recv() => (first, false),
                else => return None,
            }
        };
        self.was_urgent = urgent;
        Some(if urgent {
            gather(first, &mut self.urgent, URGENT_WRITES_MAX)
        } else {
            gather(first, &mut self.ordinary, ORDINARY_WRITES_MAX)
        })
    }

    /// Takes no new batches; those that are queued stay.
    fn close(&mut self) {
        self.urgent.close();
        self.ordinary.close();
    }
}

/// Runs until `closing` is cancelled (what is queued by then is still committed) or every sender is gone.
pub(crate) async fn run(db: DatabaseConnection, mut lanes: Lanes, closing: CancellationToken) {
    let mut open = true;
    loop {
        let batches = tokio::select! {
            biased;
            batches = lanes.next() => batches,
            () = closing.cancelled(), if open => {
                lanes.close();
                open = false;
                continue;
            }
        };
        let Some(batches) = batches else { return };
        commit_jointly(&db, batches).await;
    }
}

fn gather(first: Request, lane: &mut mpsc::Receiver<Request>, writes_max: usize) -> Vec<Request> {
    let mut writes = first.writes.len();
    let mut requests = vec![first];
    while writes < writes_max
        && let Ok(next) = lane.try_recv()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn request(writes: usize) -> Request {
        let write = |key: usize| Write::Setting { key: key.to_string(), value: None };
        Request { writes: (0..writes).map(write).collect(), reply: oneshot::channel().0 }
    }

    async fn sizes(lanes: &mut Lanes) -> Vec<usize> {
        let batches = lanes.next().await.expect("batches are queued");
        batches.iter().map(|batch| batch.writes.len()).collect()
    }

    #[tokio::test]
    async fn the_lanes_take_turns_and_only_their_own_batches_join() {
        let (entrances, mut lanes) = lanes();
        for _ in 0..2 {
            entrances.ordinary.try_send(request(ORDINARY_WRITES_MAX)).expect("there is room");
        }
        for writes in [1, 2] {
            entrances.urgent.try_send(request(writes)).expect("there is room");
        }
        assert_eq!(sizes(&mut lanes).await, [1, 2], "urgent batches go first, together");
        entrances.urgent.try_send(request(3)).expect("there is room");
        assert_eq!(
            sizes(&mut lanes).await,
            [ORDINARY_WRITES_MAX],
            "then the other lane has its turn, in small portions"
        );
        assert_eq!(sizes(&mut lanes).await, [3]);
        assert_eq!(sizes(&mut lanes).await, [ORDINARY_WRITES_MAX]);
        lanes.close();
        assert!(lanes.next().await.is_none());
    }
}
