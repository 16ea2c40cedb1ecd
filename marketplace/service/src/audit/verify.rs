//! Checking the chain: rounds in, oldest first; the first one that does not fit comes out.

use super::chain::{Link, RoundFacts, link};
use crate::model::{MarketKind, Round};
use forewarm_auction::{MicroCredits, RoundHash, RoundNumber, Seed};
use forewarm_domain::time::TimestampMs;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One settled round in the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditEntry {
    /// The round.
    pub number: RoundNumber,
    /// Which windows it cleared.
    pub kind: MarketKind,
    /// BLAKE3 of the seed, told while the round was open.
    pub commitment: String,
    /// When it was sealed.
    pub sealed_at: TimestampMs,
    /// BLAKE3 of the sealed snapshot.
    pub snapshot: String,
    /// Stands for orders, seed and result.
    pub result: RoundHash,
    /// The seed of the lottery.
    pub seed: Seed,
    /// Trades, each a lease.
    pub trades: u64,
    /// Instances traded.
    pub units: u64,
    /// What all buyers pay, in micro-credits.
    pub turnover: MicroCredits,
    /// What of it goes to the market, in micro-credits.
    pub fees: MicroCredits,
    /// When it was settled.
    pub settled_at: TimestampMs,
    /// The chain's link before this round.
    pub previous: String,
    /// The chain's link of this round.
    pub chain: String,
}

impl AuditEntry {
    /// The entry of a round, once it is settled.
    #[must_use]
    pub fn of(round: &Round) -> Option<Self> {
        let (seal, settlement) = (round.state.seal()?, round.state.settlement()?);
        Some(Self {
            number: round.number,
            kind: round.kind,
            commitment: round.commitment.clone(),
            sealed_at: seal.at,
            snapshot: seal.snapshot.clone(),
            result: settlement.result,
            seed: settlement.seed,
            trades: settlement.trades,
            units: settlement.units,
            turnover: settlement.turnover,
            fees: settlement.fees,
            settled_at: settlement.at,
            previous: settlement.previous.clone(),
            chain: settlement.chain.clone(),
        })
    }

    fn facts(&self) -> Option<RoundFacts> {
        Some(RoundFacts {
            number: self.number,
            sealed_at: self.sealed_at,
            snapshot: Link::parse(&self.snapshot)?.0,
            result: self.result,
            seed: self.seed,
            trades: self.trades,
            units: self.units,
            turnover: self.turnover,
            fees: self.fees,
        })
    }
}

/// Where the chain does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, ToSchema)]
#[error("round {number}: {problem}")]
#[serde(deny_unknown_fields)]
pub struct Break {
    /// The first round that does not fit.
    pub number: u64,
    /// What does not fit.
    pub problem: String,
}

/// Takes entries in the order of their settlement and checks each against those before it.
#[derive(Debug, Clone, Default)]
pub struct Verifier {
    last: Option<(RoundNumber, Link)>,
    checked: u64,
}

impl Verifier {
    /// Checks the next entry.
    ///
    /// # Errors
    /// [`Break`] says what does not fit.
    pub fn check(&mut self, entry: &AuditEntry) -> Result<(), Break> {
        let broken = |problem: &str| Break { number: entry.number.0, problem: problem.to_owned() };
        let previous = Link::parse(&entry.previous).ok_or_else(|| broken("the link before it is no hash"))?;
        match self.last {
            Some((_, last)) if last != previous => {
                return Err(broken("it is chained to another link than the round before it has"));
            }
            None if entry.previous != super::GENESIS.to_string() => {
                return Err(broken("it is the first of the log, but chained to an earlier link"));
            }
            _ => {}
        }
        let facts = entry.facts().ok_or_else(|| broken("the snapshot's hash is no hash"))?;
        let chain = link(previous, &facts);
        if chain.to_string() != entry.chain {
            return Err(broken("its link does not stand for what it says: something of it was changed"));
        }
        if blake3::hash(&entry.seed.0).to_hex().as_str() != entry.commitment {
            return Err(broken("its seed is not the one that was committed to"));
        }
        self.last = Some((entry.number, chain));
        self.checked += 1;
        Ok(())
    }

    /// Entries that were good.
    #[must_use]
    pub fn checked(&self) -> u64 {
        self.checked
    }

    /// The newest link; none before the first round.
    #[must_use]
    pub fn head(&self) -> Option<Link> {
        self.last.map(|(_, link)| link)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{GENESIS, chain};
    use super::*;

    fn log(rounds: u64) -> Vec<AuditEntry> {
        let mut previous = GENESIS;
        let entry = |number| {
            let facts = chain::tests::facts(number);
            let chain = link(previous, &facts);
            let entry = AuditEntry {
                number: facts.number,
                kind: MarketKind::NearTerm,
                commitment: blake3::hash(&facts.seed.0).to_hex().to_string(),
                sealed_at: facts.sealed_at,
                snapshot: Link(facts.snapshot).to_string(),
                result: facts.result,
                seed: facts.seed,
                trades: facts.trades,
                units: facts.units,
                turnover: facts.turnover,
                fees: facts.fees,
                settled_at: facts.sealed_at,
                previous: previous.to_string(),
                chain: chain.to_string(),
            };
            previous = chain;
            entry
        };
        (1..=rounds).map(entry).collect()
    }

    fn verify(log: &[AuditEntry]) -> Result<u64, Break> {
        let mut verifier = Verifier::default();
        log.iter().try_for_each(|entry| verifier.check(entry))?;
        Ok(verifier.checked())
    }

    #[test]
    fn a_whole_log_holds_and_every_change_is_found() {
        assert_eq!(verify(&log(5)), Ok(5));
        let broken_at = |change: fn(&mut Vec<AuditEntry>)| {
            let mut log = log(5);
            change(&mut log);
            verify(&log).expect_err("broken").number
        };
        assert_eq!(broken_at(|log| log[2].turnover.0 += 1), 3);
        assert_eq!(broken_at(|log| drop(log.remove(2))), 4);
        assert_eq!(broken_at(|log| drop(log.remove(0))), 2);
        assert_eq!(broken_at(|log| log.swap(1, 2)), 3);
        assert_eq!(broken_at(|log| log[4].commitment = "0".repeat(64)), 5);
        assert_eq!(broken_at(|log| log[0].previous = "x".into()), 1);
    }
}
