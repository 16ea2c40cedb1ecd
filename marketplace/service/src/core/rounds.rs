//! Which rounds are open, which clears what, and how they open.

use super::state::{RoundRecord, State};
use crate::{
    error::MarketError,
    model::{DeliveryWindow, MarketKind, Round, RoundId, RoundState},
};
use forewarm_auction::{RoundNumber, Seed};
use forewarm_domain::time::{SECOND_MS, TimestampMs};
use uuid::Uuid;

/// The name space of rounds.
const ROUNDS: Uuid = Uuid::from_u128(0x666f_7265_7761_726d_726f_756e_6473_0001);

impl State {
    /// Which kind of round clears the window at an instant.
    pub(crate) fn kind_of(&self, window: DeliveryWindow, at: TimestampMs) -> MarketKind {
        let soon = i64::from(self.config.near_term_horizon_s) * SECOND_MS;
        if window.from().since(at) <= soon { MarketKind::NearTerm } else { MarketKind::DayAhead }
    }

    /// The open round of a kind, and when it is sealed.
    pub(crate) fn open_round(&self, kind: MarketKind) -> Result<(RoundNumber, TimestampMs), MarketError> {
        let open = |record: &&RoundRecord| record.round.kind == kind && record.round.state == RoundState::Open;
        let found = self.rounds.values().find(open).map(|record| (record.round.number, record.round.seals_at));
        found.ok_or_else(|| MarketError::Damaged(format!("no {kind} round is open")))
    }

    /// Opens a round of the kind unless one is open.
    pub(crate) fn open_missing(&mut self, kind: MarketKind, seed: Seed, now: TimestampMs) {
        if self.open_round(kind).is_err() {
            self.open(kind, seed, now);
        }
    }

    /// Opens the next round of a kind: sealed at the next multiple of its interval.
    pub(crate) fn open(&mut self, kind: MarketKind, seed: Seed, now: TimestampMs) {
        self.last_round += 1;
        let number = RoundNumber(self.last_round);
        let step = i64::from(self.interval_s(kind)) * SECOND_MS;
        let round = Round {
            id: round_id(number),
            number,
            kind,
            opened_at: now,
            seals_at: now.floor(step) + step,
            commitment: blake3::hash(&seed.0).to_hex().to_string(),
            state: RoundState::Open,
        };
        self.rounds.put(number, RoundRecord { round, seed, events_through: 0 });
    }

    /// Seconds between the seals of a kind.
    pub(crate) fn interval_s(&self, kind: MarketKind) -> u32 {
        match kind {
            MarketKind::NearTerm => self.config.near_term_interval_s,
            MarketKind::DayAhead => self.config.day_ahead_interval_s,
        }
    }

    /// A round that is not over.
    pub(crate) fn round(&self, number: RoundNumber) -> Result<&RoundRecord, MarketError> {
        self.rounds.get(&number).ok_or_else(|| MarketError::not_found("round", number))
    }

    /// Changes how far a round has come.
    pub(crate) fn set_round(&mut self, number: RoundNumber, state: RoundState) -> Result<(), MarketError> {
        let record = self.rounds.get_mut(&number).ok_or_else(|| MarketError::not_found("round", number))?;
        record.round.state = state;
        Ok(())
    }

    /// Marks a settled round as published once all of its events have left. Tells whether it did.
    pub(crate) fn publish(&mut self, number: RoundNumber, at: TimestampMs) -> Result<bool, MarketError> {
        let record = self.round(number)?;
        let RoundState::Settled { seal, settlement } = record.round.state.clone() else { return Ok(false) };
        if record.events_through > self.sent {
            return Ok(false);
        }
        self.set_round(number, RoundState::Published { seal, settlement, at })?;
        Ok(true)
    }

    /// Rounds between open and published, oldest first.
    pub(crate) fn unfinished(&self) -> Vec<RoundRecord> {
        let under_way = |record: &&RoundRecord| record.round.state != RoundState::Open;
        let mut rounds: Vec<_> = self.rounds.values().filter(under_way).cloned().collect();
        rounds.sort_unstable_by_key(|record| record.round.number);
        rounds
    }

    /// Open rounds whose time has come, oldest first.
    pub(crate) fn due(&self, now: TimestampMs) -> Vec<RoundNumber> {
        let due = |record: &&RoundRecord| record.round.state == RoundState::Open && record.round.seals_at <= now;
        let mut numbers: Vec<_> = self.rounds.values().filter(due).map(|record| record.round.number).collect();
        numbers.sort_unstable();
        numbers
    }
}

/// The id of a round: the same number is the same round.
pub(crate) fn round_id(number: RoundNumber) -> RoundId {
    RoundId(Uuid::new_v5(&ROUNDS, &number.0.to_be_bytes()))
}
