//! Bodies: a request's is collected before anything is sent, a response's is handed on under its limits.

use super::call::Call;
use super::pool::{Connection, Pool};
use super::problem::{Problem, Target};
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::task::AbortOnDropHandle;
use wasmtime_wasi_http::WasiBody;

/// The whole body of a request. Sent in one piece with its length, it can't be cut short unnoticed.
///
/// # Errors
/// [`Problem`] when it is too large, has trailers, or the guest did not finish it.
pub(super) async fn collect(mut body: WasiBody, max: usize, call: &Call) -> Result<Bytes, Problem> {
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let data = frame.map_err(|_| Problem::Abandoned)?.into_data().map_err(|_| Problem::RequestTrailers)?;
        if all.len().saturating_add(data.len()) > max {
            return Err(Problem::RequestBody(max));
        }
        all.extend_from_slice(&data);
    }
    if call.is_alive() { Ok(all.freeze()) } else { Err(Problem::Abandoned) }
}

/// What a response holds until its end.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) connection: Connection,
    pub(super) pool: Arc<Pool>,
    /// Closes the connection at the deadline, even if nobody reads.
    pub(super) _closer: AbortOnDropHandle<()>,
    pub(super) _in_flight: OwnedSemaphorePermit,
}

/// The body of a response: so many bytes, each part in time, the whole by the deadline.
pub(super) struct ResponseBody {
    incoming: Incoming,
    left: u64,
    max: u64,
    between: Duration,
    timer: Pin<Box<Sleep>>,
    deadline: Instant,
    held: Option<Held>,
    call: Arc<Call>,
    target: Target,
}

/// What a response may use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    pub(super) bytes: u64,
    pub(super) between: Duration,
    pub(super) deadline: Instant,
}

impl ResponseBody {
    pub(super) fn new(incoming: Incoming, allowance: Allowance, held: Held, call: Arc<Call>, target: Target) -> Self {
        let Allowance { bytes, between, deadline } = allowance;
        let timer = Box::pin(sleep(between));
        let mut body =
            Self { incoming, left: bytes, max: bytes, between, timer, deadline, held: Some(held), call, target };
        if body.incoming.is_end_stream() {
            body.finished();
        }
        body
    }

    /// The exchange is over: the connection can be used again.
    fn finished(&mut self) {
        if let Some(Held { connection, pool, .. }) = self.held.take() {
            pool.put(connection);
        }
    }

    /// The connection is closed: the rest of the response is not wanted.
    fn failed(&mut self, problem: Problem) -> Problem {
        self.held = None;
        self.call.report(problem, &self.target);
        problem
    }

    fn poll_part(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Problem>>> {
        loop {
            let frame = match Pin::new(&mut self.incoming).poll_frame(context) {
                Poll::Ready(frame) => frame,
                Poll::Pending => {
                    ready!(self.timer.as_mut().poll(context));
                    return Poll::Ready(Some(Err(self.late(Problem::BetweenBytes))));
                }
            };
            self.timer.as_mut().reset(Instant::now() + self.between);
            match frame {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(self.late(Problem::of_hyper(&error))))),
                Some(Ok(frame)) => {
                    // Trailers are not handed on.
                    let Ok(data) = frame.into_data() else { continue };
                    match self.left.checked_sub(data.len() as u64) {
                        Some(left) => self.left = left,
                        None => return Poll::Ready(Some(Err(Problem::ResponseBody(self.max)))),
                    }
                    return Poll::Ready(Some(Ok(data)));
                }
            }
        }
    }

    /// `problem`, unless the deadline is what caused it.
    fn late(&self, problem: Problem) -> Problem {
        if Instant::now() >= self.deadline { Problem::Total } else { problem }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = wasmtime_wasi_http::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if self.held.is_none() {
            return Poll::Ready(None);
        }
        match ready!(self.poll_part(context)) {
            Some(Ok(data)) => Poll::Ready(Some(Ok(Frame::data(data)))),
            Some(Err(problem)) => Poll::Ready(Some(Err(self.failed(problem).into()))),
            None => {
                self.finished();
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.held.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
