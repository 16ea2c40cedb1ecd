//! What bids and offers have in common.

use forewarm_auction::{ReasonCode, RoundNumber};
use forewarm_domain::time::TimestampMs;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use utoipa::ToSchema;

/// How long an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum TimeInForce {
    /// For the next round of its book alone.
    NextRound,
    /// For the round of this number alone; refused once that is sealed.
    Round {
        /// The round.
        number: RoundNumber,
    },
    /// Until an instant, or its window begins.
    Until {
        /// When it ends.
        at: TimestampMs,
    },
    /// Until its window begins.
    UntilWindow,
}

/// Why an order ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndCause {
    /// All of it traded.
    Filled,
    /// Its tenant took it back.
    Cancelled,
    /// Its time in force ran out.
    Expired,
    /// Its window began.
    WindowBegan,
    /// Another order of its exclusive group traded.
    GroupFilled,
    /// The forecast no longer has this surplus.
    Withdrawn,
}

/// Whether an order still stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum OrderState {
    /// It takes part in the rounds of its book.
    Open,
    /// It holds no money and trades no more.
    Ended {
        /// When.
        at: TimestampMs,
        /// Why.
        cause: EndCause,
    },
}

impl OrderState {
    /// Whether it still stands.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Open)
    }
}

/// Why an order got what it got in the last round, or why it took no part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderReason {
    /// All of it traded.
    Filled,
    /// Stood at the price, where the other side ran out: a part traded.
    PartlyFilled,
    /// A bid whose limit is below the price.
    BelowPrice,
    /// An offer whose reserve is above the price.
    AbovePrice,
    /// Stood at the price, but others went first.
    LostTie,
    /// A bid for which less than its min-fill was left.
    ParadoxicallyRejected,
    /// A bid that could only have bought from its own organisation.
    SelfTrade,
    /// Nothing traded in this book.
    NoMatch,
    /// An offer whose owner can't set aside what calling it back may cost.
    BudgetHold,
    /// Another bid of its exclusive group had its turn.
    GroupTurn,
}

impl From<ReasonCode> for OrderReason {
    fn from(reason: ReasonCode) -> Self {
        match reason {
            ReasonCode::Filled => Self::Filled,
            ReasonCode::PartlyFilled => Self::PartlyFilled,
            ReasonCode::BelowPrice => Self::BelowPrice,
            ReasonCode::AbovePrice => Self::AbovePrice,
            ReasonCode::LostTie => Self::LostTie,
            ReasonCode::ParadoxicallyRejected => Self::ParadoxicallyRejected,
            ReasonCode::SelfTrade => Self::SelfTrade,
            ReasonCode::NoMatch => Self::NoMatch,
        }
    }
}

/// A text of a tenant's that is too long, empty or not printable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is no {kind}: use 1 to 128 printable ASCII characters without spaces")]
pub struct InvalidLabel {
    kind: &'static str,
    value: String,
}

macro_rules! label {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schema(value_type = String, pattern = "^[!-~]{1,128}$")]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidLabel;
            fn from_str(text: &str) -> Result<Self, InvalidLabel> {
                if (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidLabel { kind: $kind, value: text.chars().take(40).collect() })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidLabel;
            fn try_from(text: String) -> Result<Self, InvalidLabel> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(label: $name) -> Self {
                label.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

label!(
    /// Marks one intended order or payment of a tenant: repeating it with the same key has no second effect.
    IdempotencyKey, "idempotency key"
);
label!(
    /// Bids of one tenant under the same name of which at most one trades.
    ExclusiveGroup, "exclusive group"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_short_and_printable() {
        assert!("a-1".parse::<IdempotencyKey>().is_ok());
        for bad in ["", "a b", "ä", "\n", &"x".repeat(129)] {
            assert!(bad.parse::<ExclusiveGroup>().is_err(), "{bad}");
        }
    }
}
