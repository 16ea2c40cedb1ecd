//! The one task that writes: it takes what is queued and commits many callers' batches in one transaction.
//!
//! There are two lanes. What somebody waits for at this moment, a claim above all, is urgent: all of it joins the next
//! transaction. The records of planning and measuring are not: a small part of them rides along with each transaction,
//! so that an urgent batch never waits for many of them, and neither lane starves.

use super::error::StoreError;
use super::statements::script;
use super::write::{Grouped, Write};
use sea_orm::DatabaseConnection;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Batches that may wait in a lane; one more makes its caller wait, or is refused.
const QUEUED_MAX: usize = 1_024;
/// Writes after which no further urgent batch joins a transaction.
const URGENT_WRITES_MAX: usize = 20_000;
/// Writes after which no further ordinary batch joins a transaction.
const ORDINARY_WRITES_MAX: usize = 32;

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
}

/// Two empty lanes.
pub(crate) fn lanes() -> (Entrances, Lanes) {
    let (urgent, urgent_lane) = mpsc::channel(QUEUED_MAX);
    let (ordinary, ordinary_lane) = mpsc::channel(QUEUED_MAX);
    (Entrances { urgent, ordinary }, Lanes { urgent: urgent_lane, ordinary: ordinary_lane })
}

impl Lanes {
    /// The batches of the next transaction; `None` when there will be no more.
    async fn next(&mut self) -> Option<Vec<Request>> {
        let mut batches = Vec::new();
        tokio::select! {
            biased;
            Some(first) = self.urgent.recv() => batches.push(first),
            Some(first) = self.ordinary.recv() => batches.push(first),
            else => return None,
        }
        gather(&mut batches, &mut self.urgent, URGENT_WRITES_MAX);
        gather(&mut batches, &mut self.ordinary, ORDINARY_WRITES_MAX);
        Some(batches)
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

/// Adds what is queued in a lane, until it has given `writes_max` writes.
fn gather(batches: &mut Vec<Request>, lane: &mut mpsc::Receiver<Request>, writes_max: usize) {
    let mut writes = 0;
    while writes < writes_max
        && let Ok(next) = lane.try_recv()
    {
        writes += next.writes.len();
        batches.push(next);
    }
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
    Ok(script(db, &Grouped::of(writes))?.commit(db).await?)
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
    async fn all_that_is_urgent_goes_first_and_a_part_of_the_rest_rides_along() {
        let (entrances, mut lanes) = lanes();
        for _ in 0..2 {
            entrances.ordinary.try_send(request(ORDINARY_WRITES_MAX)).expect("there is room");
        }
        for writes in [1, 2] {
            entrances.urgent.try_send(request(writes)).expect("there is room");
        }
        assert_eq!(sizes(&mut lanes).await, [1, 2, ORDINARY_WRITES_MAX]);
        assert_eq!(sizes(&mut lanes).await, [ORDINARY_WRITES_MAX], "the rest does not wait for an urgent batch");
        lanes.close();
        assert!(lanes.next().await.is_none());
    }
}
