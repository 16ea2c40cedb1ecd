//! Rounds: from open over sealed, cleared and settled to published.

use forewarm_auction::{LeaseClass, MicroCredits, Price, Regime, RoundHash, RoundNumber, Seed};
use forewarm_domain::{id::PersonaName, lending::DeliveryWindow, time::TimestampMs};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;
use uuid::Uuid;

/// One round; derived from its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Uuid)]
pub struct RoundId(pub Uuid);

impl fmt::Display for RoundId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which windows a round clears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MarketKind {
    /// Those that begin soon.
    NearTerm,
    /// Those that begin later.
    DayAhead,
}

impl MarketKind {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::NearTerm, Self::DayAhead];

    /// The kind's name, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NearTerm => "near_term",
            Self::DayAhead => "day_ahead",
        }
    }
}

impl fmt::Display for MarketKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A round, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Round {
    /// Names it.
    pub id: RoundId,
    /// Counted over both kinds.
    pub number: RoundNumber,
    /// Which windows it clears.
    pub kind: MarketKind,
    /// When it opened.
    pub opened_at: TimestampMs,
    /// When it is sealed.
    pub seals_at: TimestampMs,
    /// BLAKE3 of the seed of the lottery, told from the beginning.
    pub commitment: String,
    /// How far it has come.
    pub state: RoundState,
}

/// How far a round has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum RoundState {
    /// Takes orders.
    Open,
    /// Its orders are fixed.
    Sealed {
        /// What was sealed.
        seal: Seal,
    },
    /// Its result is known.
    Cleared {
        /// What was sealed.
        seal: Seal,
        /// Stands for orders, seed and result.
        result: RoundHash,
    },
    /// Its leases and transfers are booked.
    Settled {
        /// What was sealed.
        seal: Seal,
        /// What was booked.
        settlement: Settlement,
    },
    /// Everyone has been told.
    Published {
        /// What was sealed.
        seal: Seal,
        /// What was booked.
        settlement: Settlement,
        /// When the last event had left.
        at: TimestampMs,
    },
}

impl RoundState {
    /// The state's name, as in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Sealed { .. } => "sealed",
            Self::Cleared { .. } => "cleared",
            Self::Settled { .. } => "settled",
            Self::Published { .. } => "published",
        }
    }

    /// What was sealed, from then on.
    #[must_use]
    pub fn seal(&self) -> Option<&Seal> {
        match self {
            Self::Open => None,
            Self::Sealed { seal }
            | Self::Cleared { seal, .. }
            | Self::Settled { seal, .. }
            | Self::Published { seal, .. } => Some(seal),
        }
    }

    /// What was booked, from then on.
    #[must_use]
    pub fn settlement(&self) -> Option<&Settlement> {
        match self {
            Self::Settled { settlement, .. } | Self::Published { settlement, .. } => Some(settlement),
            Self::Open | Self::Sealed { .. } | Self::Cleared { .. } => None,
        }
    }
}

/// What was sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// When.
    pub at: TimestampMs,
    /// Books with at least one order.
    pub books: u64,
    /// Offers and bids.
    pub orders: u64,
    /// BLAKE3 of the sealed snapshot.
    pub snapshot: String,
}

/// What was booked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settlement {
    /// When.
    pub at: TimestampMs,
    /// Stands for orders, seed and result.
    pub result: RoundHash,
    /// The seed of the lottery, told after the fact: its BLAKE3 is the commitment.
    pub seed: Seed,
    /// Trades, each a lease.
    pub trades: u64,
    /// Instances traded.
    pub units: u64,
    /// What all buyers pay, in credits.
    pub turnover: MicroCredits,
    /// What of it goes to the market.
    pub fees: MicroCredits,
    /// Stands for every transfer of the settlement.
    pub transfers: String,
    /// The audit chain's link before this round.
    pub previous: String,
    /// The audit chain's link of this round.
    pub chain: String,
}

/// What one class of one book traded in a round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PricePoint {
    /// The round.
    pub round: RoundNumber,
    /// When it was sealed.
    pub at: TimestampMs,
    /// Which windows it cleared.
    pub kind: MarketKind,
    /// What was traded.
    pub persona: PersonaName,
    /// When it is delivered.
    pub window: DeliveryWindow,
    /// What the leases promise.
    pub class: LeaseClass,
    /// What every buyer pays; none without a trade.
    pub price: Option<Price>,
    /// Instances traded.
    pub volume: u64,
    /// Instances of bids that were not bought.
    pub unfilled_demand: u64,
    /// How the prices of both classes came about: apart, pooled or flagged.
    pub regime: String,
}

impl PricePoint {
    /// The name of a regime in the history.
    #[must_use]
    pub fn regime_name(regime: Regime) -> &'static str {
        match regime {
            Regime::Apart => "apart",
            Regime::Pooled => "pooled",
            Regime::Flagged => "flagged",
        }
    }
}
