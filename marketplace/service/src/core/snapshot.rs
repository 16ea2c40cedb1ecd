//! What was sealed: all that the result of a round depends on, so that it can be cleared again after a crash, or by
//! anyone who audits it.

use crate::model::DeliveryWindow;
use forewarm_auction::{OrderId, PartsPerMillion, RoundClearing, Seed, TwoClassBook, clear_round};
use forewarm_domain::id::PersonaName;
use serde::{Deserialize, Serialize};

/// The orders of a round, and the terms that their leases will have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Snapshot {
    pub fee: PartsPerMillion,
    pub compensation: PartsPerMillion,
    pub notice_s: u32,
    pub min_run_s: u32,
    pub books: Vec<SealedBook>,
}

/// The orders of one persona and window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SealedBook {
    pub persona: PersonaName,
    pub window: DeliveryWindow,
    pub orders: TwoClassBook,
}

impl Snapshot {
    /// The result: the same for the same snapshot and seed, wherever and whenever.
    pub(crate) fn clear(&self, seed: Seed) -> RoundClearing {
        let books: Vec<TwoClassBook> = self.books.iter().map(|book| book.orders.clone()).collect();
        clear_round(&books, seed)
    }

    /// All orders that are in it.
    pub(crate) fn orders(&self) -> impl Iterator<Item = OrderId> {
        self.books.iter().flat_map(|book| {
            [book.orders.firm(), book.orders.reclaimable()]
                .into_iter()
                .flat_map(|class| class.asks().iter().map(|ask| ask.id).chain(class.bids().iter().map(|bid| bid.id)))
        })
    }
}
