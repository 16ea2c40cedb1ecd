//! Checking the chain: rounds in, in whatever order; the first one that does not fit comes out. Rounds are settled in
//! another order than that of their numbers, so that the links are followed.

use super::chain::{Link, RoundFacts, link};
use crate::model::{MarketKind, Round};
use forewarm_auction::{MicroCredits, RoundHash, RoundNumber, Seed};
use forewarm_domain::time::TimestampMs;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
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
    /// Stands for every transfer of the settlement.
    pub transfers: String,
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
            transfers: settlement.transfers.clone(),
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
            transfers: Link::parse(&self.transfers)?.0,
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

/// What a check of a whole log came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Verified {
    /// Rounds that are good, from the first one on.
    pub rounds: u64,
    /// The newest good link: keep it, to see later that nothing before it was changed. None before the first round.
    pub head: Option<String>,
    /// Where the chain does not hold; none when all of it does.
    pub broken: Option<Break>,
}

/// Follows the links of a whole log from its beginning.
#[must_use]
pub fn verify(entries: &[AuditEntry]) -> Verified {
    let mut by_previous: HashMap<&str, &AuditEntry> = HashMap::with_capacity(entries.len());
    let (mut rounds, mut last, mut broken) = (0, super::GENESIS, None);
    for entry in entries {
        if by_previous.insert(&entry.previous, entry).is_some() {
            broken = Some(Break::of(entry, "another round is chained to the same link"));
        }
    }
    let mut good: HashSet<RoundNumber> = HashSet::with_capacity(entries.len());
    while broken.is_none()
        && let Some(entry) = by_previous.get(last.to_string().as_str())
    {
        match check(entry, last) {
            Ok(link) => (rounds, last) = (rounds + 1, link),
            Err(found) => broken = Some(found),
        }
        if !good.insert(entry.number) {
            broken = Some(Break::of(entry, "the chain leads back to it"));
        }
    }
    let left = entries.iter().filter(|entry| !good.contains(&entry.number)).min_by_key(|entry| entry.settled_at);
    let broken = broken.or_else(|| left.map(|entry| Break::of(entry, "it is not chained to a round of the log")));
    Verified { rounds, head: (rounds > 0).then(|| last.to_string()), broken }
}

/// The link of an entry that follows on `previous`, if all of it fits.
fn check(entry: &AuditEntry, previous: Link) -> Result<Link, Break> {
    let facts = entry.facts().ok_or_else(|| Break::of(entry, "one of its hashes is no hash"))?;
    let link = link(previous, &facts);
    if link.to_string() != entry.chain {
        return Err(Break::of(entry, "its link does not stand for what it says: something of it was changed"));
    }
    if blake3::hash(&entry.seed.0).to_hex().as_str() != entry.commitment {
        return Err(Break::of(entry, "its seed is not the one that was committed to"));
    }
    Ok(link)
}

impl Break {
    fn of(entry: &AuditEntry, problem: &str) -> Self {
        Self { number: entry.number.0, problem: problem.to_owned() }
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
                transfers: Link(facts.transfers).to_string(),
                settled_at: facts.sealed_at,
                previous: previous.to_string(),
                chain: chain.to_string(),
            };
            previous = chain;
            entry
        };
        (1..=rounds).map(entry).collect()
    }

    #[test]
    fn a_whole_log_holds_in_any_order_and_every_change_is_found() {
        let mut whole = log(5);
        let head = whole[4].chain.clone();
        whole.reverse();
        assert_eq!(verify(&whole), Verified { rounds: 5, head: Some(head), broken: None });
        assert_eq!(verify(&[]), Verified { rounds: 0, head: None, broken: None });
        let broken_at = |change: fn(&mut Vec<AuditEntry>)| {
            let mut log = log(5);
            change(&mut log);
            verify(&log).broken.expect("broken").number
        };
        assert_eq!(broken_at(|log| log[2].turnover.0 += 1), 3);
        assert_eq!(broken_at(|log| log[2].transfers = "0".repeat(64)), 3);
        assert_eq!(broken_at(|log| drop(log.remove(2))), 4);
        assert_eq!(broken_at(|log| drop(log.remove(0))), 2);
        assert_eq!(broken_at(|log| log[4].commitment = "0".repeat(64)), 5);
        assert_eq!(broken_at(|log| log[0].previous = "x".into()), 1);
        assert_eq!(broken_at(|log| log[3].previous = log[2].previous.clone()), 4);
    }
}
