//! The clearing of both lease classes of one book: apart where their prices keep the distance of the premium, else in one
//! pool where that distance is the rule.

use crate::{
    class::LeaseClass,
    clearing::{Fill, OrderResult, Told, demand, fills_across},
    digest::{ClearingHash, Encoder, Seed, outcome_bytes},
    matching::{Awards, first_unsold, first_waiting, highest_price, lowest_price},
    money::Price,
    pooled,
    priority::{Part, Ranking, Scale},
    self_trade::award_across,
    two_class::TwoClassBook,
};
use serde::Serialize;

/// How the prices of the two classes came about. The numbers are part of the hashed encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Regime {
    /// Each class among itself; the firm price is at least the premium over the reclaimable one.
    Apart = 1,
    /// All units in one pool, since some that can be firm are worth more as reclaimable. The firm price is the reclaimable
    /// one and the premium.
    Pooled = 2,
    /// Each class among itself, though the firm price is less than the premium over what reclaimable leases are worth: the
    /// pool would have sold more firm leases than there are units for, or units to their own organisation.
    Flagged = 3,
}

/// What one class traded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassOutcome {
    /// What every buyer of the class pays and every seller gets; none without a trade.
    pub price: Option<Price>,
    /// Who gets how many from whom, the best bid first. No pair appears twice. Reclaimable ones may name a firm ask.
    pub fills: Vec<Fill>,
    /// Instances traded.
    pub volume: u64,
    /// Instances of the class's bids that were not bought, at whatever limit.
    pub unfilled_demand: u64,
}

/// The outcome of both classes of a book. It is made by [`clear_market`] alone and never read back: clearing again gives
/// the same one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TwoClassClearing {
    /// How the prices came about.
    pub regime: Regime,
    /// Firm leases.
    pub firm: ClassOutcome,
    /// Reclaimable leases.
    pub reclaimable: ClassOutcome,
    /// One per order: the firm book's asks by id, its bids by id, then the reclaimable book's. An ask of the firm book
    /// counts what it sold as either class.
    pub results: Vec<OrderResult>,
    /// Equal exactly when book, seed and outcome are.
    pub hash: ClearingHash,
}

impl TwoClassClearing {
    /// What a class traded.
    #[must_use]
    pub fn outcome(&self, class: LeaseClass) -> &ClassOutcome {
        match class {
            LeaseClass::Firm => &self.firm,
            LeaseClass::Reclaimable => &self.reclaimable,
        }
    }
}

/// An outcome before it is hashed.
pub(crate) struct Outcome {
    pub(crate) regime: Regime,
    pub(crate) firm: ClassOutcome,
    pub(crate) reclaimable: ClassOutcome,
    pub(crate) results: Vec<OrderResult>,
}

/// Clears both classes of a book. Apart, firm bids meet firm asks at reserve and premium, and reclaimable bids meet
/// reclaimable asks. That stands when the highest price at which the firm side would trade the same is at least the
/// premium over the reclaimable price, up to which the firm price is then lifted. Otherwise all asks meet all bids in one
/// pool, with firm limits less the premium; that stands when it sells enough units that can be firm to those who pay for
/// it. If neither stands, the classes stay apart and the outcome is flagged.
///
/// Where a reclaimable bid waits at just what the owner of unsold firm units asks for, both would stand: the pool goes
/// first, since it trades them.
#[must_use]
pub fn clear_market(book: &TwoClassBook, seed: Seed) -> TwoClassClearing {
    let apart = Apart::new(book, seed);
    let outcome = match apart.firm_price() {
        Ok(price) if !apart.leaves_a_tie() => apart.outcome(Regime::Apart, price),
        supported => pooled::clear(book, seed).unwrap_or_else(|| match supported {
            Ok(price) => apart.outcome(Regime::Apart, price),
            Err(Unsupported) => apart.outcome(Regime::Flagged, apart.firm.awards.price),
        }),
    };
    let hash = market_hash(book, seed, &outcome);
    let Outcome { regime, firm, reclaimable, results } = outcome;
    TwoClassClearing { regime, firm, reclaimable, results, hash }
}

/// One class cleared among itself.
struct Class {
    ranking: Ranking,
    awards: Awards,
}

impl Class {
    fn new(part: Part<'_>, seed: Seed) -> Self {
        let ranking = Ranking::new(&[part], part.book.organisations().len(), seed);
        let awards = award_across(&ranking);
        Self { ranking, awards }
    }
}

/// Both classes, each cleared among itself.
struct Apart<'a> {
    book: &'a TwoClassBook,
    firm: Class,
    reclaimable: Class,
}

/// The firm price can't be as far over the reclaimable one as it has to be.
struct Unsupported;

impl<'a> Apart<'a> {
    fn new(book: &'a TwoClassBook, seed: Seed) -> Self {
        let dearer = Scale { asks: book.premium().get().into(), ..Scale::PLAIN };
        let firm = Class::new(Part::alone(book.firm(), dearer), seed);
        let reclaimable = Class::new(Part::alone(book.reclaimable(), Scale::PLAIN), seed);
        Self { book, firm, reclaimable }
    }

    /// The firm price, lifted to the premium over the reclaimable one. Nobody trades other units for it.
    fn firm_price(&self) -> Result<Option<u32>, Unsupported> {
        let premium = self.book.premium().get();
        let waits_at = lowest_price(&self.reclaimable.ranking, &self.reclaimable.awards);
        let least = waits_at.map_or(0, |price| price + premium);
        if highest_price(&self.firm.ranking, &self.firm.awards) < least {
            return Err(Unsupported);
        }
        // Bids that wait below all asks make no price for others to keep a distance from.
        let least = self.reclaimable.awards.price.map_or(0, |price| price + premium);
        Ok(self.firm.awards.price.map(|price| price.max(least)))
    }

    /// Whether a reclaimable bid that went short would pay what an owner of firm units that are left asks for.
    fn leaves_a_tie(&self) -> bool {
        let waits_at = first_waiting(&self.reclaimable.ranking, &self.reclaimable.awards).map(|bid| bid.price);
        let left_at = first_unsold(&self.firm.ranking, &self.firm.awards).map(|ask| ask.price);
        let premium = self.book.premium().get();
        waits_at.zip(left_at).is_some_and(|(waits_at, left_at)| waits_at + premium >= left_at)
    }

    fn outcome(&self, regime: Regime, firm_price: Option<u32>) -> Outcome {
        let Self { book, firm, reclaimable } = self;
        let mut results = Vec::with_capacity(book.orders());
        let told = Told::new(&firm.ranking, &firm.awards);
        told.asks(book.firm(), 0, firm_price, book.premium().get(), &mut results);
        told.bids(book.firm(), 0, firm_price, &mut results);
        let told = Told::new(&reclaimable.ranking, &reclaimable.awards);
        told.asks(book.reclaimable(), 0, reclaimable.awards.price, 0, &mut results);
        told.bids(book.reclaimable(), 0, reclaimable.awards.price, &mut results);
        let traded = |class: &Class, of: &crate::Book, price: Option<u32>| ClassOutcome {
            price: price.map(Price::within),
            fills: fills_across(&class.ranking, &class.awards, |bid| of.bids()[bid].id, |ask| of.asks()[ask].id),
            volume: class.awards.units,
            unfilled_demand: demand(of) - class.awards.units,
        };
        Outcome {
            regime,
            firm: traded(firm, book.firm(), firm_price),
            reclaimable: traded(reclaimable, book.reclaimable(), reclaimable.awards.price),
            results,
        }
    }
}

fn market_hash(book: &TwoClassBook, seed: Seed, outcome: &Outcome) -> ClearingHash {
    let fills = outcome.firm.fills.len() + outcome.reclaimable.fills.len();
    let mut encoder = Encoder::new("forewarm auction market 1", outcome_bytes(fills, outcome.results.len()));
    encoder.bytes(&book.firm().hash().0);
    encoder.bytes(&book.reclaimable().hash().0);
    encoder.bytes(&book.premium().get().to_le_bytes());
    encoder.bytes(&seed.0);
    encoder.bytes(&[outcome.regime as u8]);
    for class in [&outcome.firm, &outcome.reclaimable] {
        encoder.price(class.price);
        encoder.fills(&class.fills);
    }
    encoder.results(&outcome.results);
    ClearingHash(encoder.finish())
}
