//! What can go wrong on the bus.

use crate::subject::Subject;
use std::time::Duration;

/// Why a message or a request did not get through.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// Nobody serves the subject; said at once, without waiting for the timeout.
    #[error("nobody serves `{subject}`: check that a host with this plugin is running")]
    NoResponders {
        /// Where the request went.
        subject: Subject,
    },
    /// No answer in time. Whether the request was carried out is unknown.
    #[error("no answer from `{subject}` within {} ms", after.as_millis())]
    Timeout {
        /// Where the request went.
        subject: Subject,
        /// How long was waited.
        after: Duration,
    },
    /// The connection to the server is down; it is being re-established by itself. Whether a request that was already
    /// on its way was carried out is unknown.
    #[error("the connection to the bus is down; it is retried until it is back")]
    Disconnected,
    /// The payload exceeds what the bus carries. Nothing was sent.
    #[error("{size} bytes to `{subject}` exceed the bus's limit of {limit} bytes: send less, or raise its max_payload")]
    TooLarge {
        /// Where it should have gone.
        subject: Subject,
        /// The payload's size in bytes.
        size: usize,
        /// The most that passes, in bytes.
        limit: usize,
    },
    /// The server that got the request has its hands and its queue full. The request was not carried out.
    #[error("`{subject}` is busy: try again later, or run more hosts")]
    Busy {
        /// Where the request went.
        subject: Subject,
    },
    /// The server failed while it worked on the request.
    #[error("`{subject}` failed: {message}")]
    Failed {
        /// Where the request went.
        subject: Subject,
        /// What happened, for people.
        message: String,
    },
}
