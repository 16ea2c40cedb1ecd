//! How rounds are chained: BLAKE3 over the link before and what the round came to, in a fixed encoding.

use forewarm_auction::{MicroCredits, RoundHash, RoundNumber, Seed};
use forewarm_domain::time::TimestampMs;
use std::fmt;

/// Keeps these hashes apart from all others.
const CONTEXT: &str = "forewarm 2026 market audit chain, version 1";

/// A link of the chain, written as 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link(pub [u8; 32]);

/// What the first round is chained to.
pub const GENESIS: Link = Link([0; 32]);

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl Link {
    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        blake3::Hash::from_hex(text).ok().map(|hash| Self(*hash.as_bytes()))
    }
}

/// What a settled round came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoundFacts {
    /// Its number.
    pub number: RoundNumber,
    /// When it was sealed.
    pub sealed_at: TimestampMs,
    /// BLAKE3 of the sealed snapshot.
    pub snapshot: [u8; 32],
    /// Stands for orders, seed and result.
    pub result: RoundHash,
    /// The seed of the lottery.
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
    pub transfers: [u8; 32],
}

/// The link of a round that follows on `previous`.
#[must_use]
pub fn link(previous: Link, facts: &RoundFacts) -> Link {
    let mut hash = blake3::Hasher::new_derive_key(CONTEXT);
    hash.update(&previous.0);
    hash.update(&facts.number.0.to_le_bytes());
    hash.update(&facts.sealed_at.0.to_le_bytes());
    hash.update(&facts.snapshot);
    hash.update(&facts.result.0);
    hash.update(&facts.seed.0);
    hash.update(&facts.trades.to_le_bytes());
    hash.update(&facts.units.to_le_bytes());
    hash.update(&facts.turnover.0.to_le_bytes());
    hash.update(&facts.fees.0.to_le_bytes());
    hash.update(&facts.transfers);
    Link(*hash.finalize().as_bytes())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::audit) fn facts(number: u64) -> RoundFacts {
        RoundFacts {
            number: RoundNumber(number),
            sealed_at: TimestampMs(1_700_000_000_000),
            snapshot: [1; 32],
            result: RoundHash([2; 32]),
            seed: Seed([3; 32]),
            trades: 4,
            units: 5,
            turnover: MicroCredits(6),
            fees: MicroCredits(7),
            transfers: [8; 32],
        }
    }

    #[test]
    fn a_link_stands_for_everything_before_it() {
        let first = link(GENESIS, &facts(1));
        assert_eq!(first, link(GENESIS, &facts(1)));
        assert_eq!(Link::parse(&first.to_string()), Some(first));
        let changes: [fn(&mut RoundFacts); 10] = [
            |facts| facts.number.0 += 1,
            |facts| facts.sealed_at.0 += 1,
            |facts| facts.snapshot[0] ^= 1,
            |facts| facts.result.0[0] ^= 1,
            |facts| facts.seed.0[0] ^= 1,
            |facts| facts.trades += 1,
            |facts| facts.units += 1,
            |facts| facts.turnover.0 += 1,
            |facts| facts.fees.0 += 1,
            |facts| facts.transfers[0] ^= 1,
        ];
        for change in changes {
            let mut other = facts(1);
            change(&mut other);
            assert_ne!(link(GENESIS, &other), first, "{other:?}");
        }
        assert_ne!(link(first, &facts(1)), first);
    }
}
