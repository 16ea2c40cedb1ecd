//! A subscriber's bounded mailbox: publishers never wait, the oldest messages give way, and the reader is told.

use crate::bus::Delivery;
use crate::subject::Subject;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

/// How many messages wait for a subscriber by default.
pub const SUBSCRIPTION_CAPACITY: usize = 1_024;

/// The messages of one subscriber. Dropping it ends the subscription.
#[derive(Debug)]
pub struct Subscription {
    mailbox: Arc<Mailbox>,
    /// What moves messages from the network to the mailbox, where there is a network.
    _pump: Option<AbortOnDropHandle<()>>,
}

impl Subscription {
    pub(crate) fn new(mailbox: Arc<Mailbox>, pump: Option<AbortOnDropHandle<()>>) -> Self {
        Self { mailbox, _pump: pump }
    }

    /// The next message or the number of lost ones; `None` once the bus is gone and all was read. Cancel safe.
    pub async fn next(&mut self) -> Option<Delivery> {
        loop {
            match self.mailbox.take() {
                Taken::Delivery(delivery) => return Some(delivery),
                Taken::Closed => return None,
                // A push or close since then has left a permit, so that it is not missed.
                Taken::Empty => self.mailbox.changed.notified().await,
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.mailbox.close();
    }
}

/// The shared side of a subscription.
#[derive(Debug)]
pub(crate) struct Mailbox {
    state: Mutex<State>,
    changed: Notify,
    capacity: usize,
}

#[derive(Debug, Default)]
struct State {
    messages: VecDeque<(Subject, Bytes)>,
    lost: u64,
    closed: bool,
}

enum Taken {
    Delivery(Delivery),
    Empty,
    Closed,
}

impl Mailbox {
    /// A mailbox that holds `capacity` messages, at least one.
    pub(crate) fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), changed: Notify::new(), capacity: capacity.max(1) })
    }

    /// Puts a message in, at the cost of the oldest one where it is full.
    pub(crate) fn push(&self, subject: Subject, payload: Bytes) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        if state.messages.len() >= self.capacity {
            state.messages.pop_front();
            state.lost += 1;
        }
        state.messages.push_back((subject, payload));
        drop(state);
        self.changed.notify_one();
    }

    /// Takes no more; what is inside can still be read.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn take(&self) -> Taken {
        let mut state = self.lock();
        // The lost ones were older than all that is left.
        if state.lost > 0 {
            return Taken::Delivery(Delivery::Lagged(std::mem::take(&mut state.lost)));
        }
        match state.messages.pop_front() {
            Some((subject, payload)) => Taken::Delivery(Delivery::Message { subject, payload }),
            None if state.closed => Taken::Closed,
            None => Taken::Empty,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // No code that can panic runs under the lock, so a poisoned one still holds a whole state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &'static str) -> (Subject, Bytes) {
        ("a".parse().expect("valid"), Bytes::from_static(text.as_bytes()))
    }

    #[tokio::test]
    async fn the_oldest_give_way_and_are_counted() {
        let mailbox = Mailbox::new(2);
        for text in ["1", "2", "3", "4"] {
            let (subject, payload) = message(text);
            mailbox.push(subject, payload);
        }
        mailbox.close();
        let mut subscription = Subscription::new(mailbox, None);
        assert_eq!(subscription.next().await, Some(Delivery::Lagged(2)));
        for text in ["3", "4"] {
            let (subject, payload) = message(text);
            assert_eq!(subscription.next().await, Some(Delivery::Message { subject, payload }));
        }
        assert_eq!(subscription.next().await, None);
    }
}
