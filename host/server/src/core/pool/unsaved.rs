//! What was changed and is not durable yet.

use super::Pool;
use crate::store::Write;
use forewarm_domain::id::{ClaimId, IdempotencyToken, InstanceId, LeaseId};

/// What a write is about: of two unsaved writes about the same, the newer one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    Instance(InstanceId),
    Claim(ClaimId),
    Lease(LeaseId),
    Intent(IdempotencyToken),
}

impl Subject {
    pub(super) fn of(write: &Write) -> Option<Self> {
        match write {
            Write::Instance(instance) => Some(Self::Instance(instance.id)),
            Write::InstanceGone(id) => Some(Self::Instance(*id)),
            Write::Claim(claim) => Some(Self::Claim(claim.id)),
            Write::Lent(lent) => Some(Self::Lease(lent.lease)),
            Write::Intent(intent) => Some(Self::Intent(intent.token)),
            Write::IntentDone(token) => Some(Self::Intent(*token)),
            _ => None,
        }
    }
}

impl Pool {
    pub(crate) fn has_unsaved(&self) -> bool {
        !self.unsaved.is_empty()
    }

    /// All that was changed since the last call.
    pub(crate) fn take_unsaved(&mut self) -> Vec<Write> {
        std::mem::take(&mut self.unsaved).into_values().collect()
    }

    /// The writes are durable: the intents among them may be carried out.
    pub(crate) fn saved(&mut self, writes: &[Write]) {
        for write in writes {
            if let Write::Intent(intent) = write {
                let opens = self.intents.get_mut(&intent.instance).into_iter().flatten();
                opens.filter(|open| open.intent.token == intent.token).for_each(|open| open.saved = true);
            }
        }
    }

    /// The writes were not made: they stay unsaved, unless something newer was noted meanwhile.
    pub(crate) fn not_saved(&mut self, writes: Vec<Write>) {
        for write in writes {
            if let Some(subject) = Subject::of(&write) {
                self.unsaved.entry(subject).or_insert(write);
            }
        }
    }

    pub(super) fn note(&mut self, write: Write) {
        if let Some(subject) = Subject::of(&write) {
            self.unsaved.insert(subject, write);
        }
    }
}
