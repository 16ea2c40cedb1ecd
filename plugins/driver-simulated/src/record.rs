//! One instance as it is stored, and what it looks like at some time.
//!
//! A change is stored once, when it begins, with the time at which it will be done; nothing has to be written when it
//! is. What an instance is *now* follows from the record and the time.

use crate::chance::Chance;
use forewarm_sdk::Tier;
use forewarm_sdk::words::{Instance, InstanceChange, InstanceState};
use serde::{Deserialize, Serialize};

/// How many of the latest answers an instance remembers, to repeat them.
const ANSWERS_MAX: usize = 8;

/// The tiers, as they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Held {
    /// Stopped.
    #[serde(rename = "p")]
    Parked,
    /// Booted, without a persona.
    #[serde(rename = "s")]
    Shell,
    /// Ready.
    #[serde(rename = "w")]
    Warm,
}

impl From<Held> for Tier {
    fn from(held: Held) -> Self {
        match held {
            Held::Parked => Self::Parked,
            Held::Shell => Self::Shell,
            Held::Warm => Self::Warm,
        }
    }
}

/// A change that was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// Where it leads.
    #[serde(rename = "t")]
    pub to: Held,
    /// When it began, in milliseconds since 1970.
    #[serde(rename = "b")]
    pub began_ms: i64,
    /// When it is done.
    #[serde(rename = "d")]
    pub done_ms: i64,
    /// Whether it ends in failure.
    #[serde(rename = "f", default, skip_serializing_if = "std::ops::Not::not")]
    pub fails: bool,
}

/// An answer that was given, to be given again to the same token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Answer {
    #[serde(rename = "o")]
    operation: char,
    #[serde(rename = "k")]
    token: String,
    #[serde(rename = "p", default, skip_serializing_if = "String::is_empty")]
    persona: String,
    #[serde(rename = "m")]
    change: Move,
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its persona; empty for a shell that was not specialised.
    #[serde(rename = "p", default, skip_serializing_if = "String::is_empty")]
    pub persona: String,
    /// Where it is; empty where nothing was said of that.
    #[serde(rename = "z", default, skip_serializing_if = "String::is_empty")]
    pub zone: String,
    /// The latest change, done or not.
    #[serde(rename = "m")]
    pub change: Move,
    /// The token that created it.
    #[serde(rename = "c")]
    created_by: String,
    #[serde(rename = "a")]
    answers: Vec<Answer>,
}

/// What an instance is at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Now {
    /// Held in a tier.
    Stable(Held),
    /// On its way.
    Changing,
    /// Broken.
    Failed,
}

impl Record {
    /// A new instance.
    #[must_use]
    pub fn new(persona: String, token: &str, change: Move) -> Self {
        Self { persona, zone: String::new(), change, created_by: token.to_owned(), answers: vec![] }
            .remembering('c', token)
    }

    /// The same in a zone.
    #[must_use]
    pub fn in_zone(self, zone: String) -> Self {
        Self { zone, ..self }
    }

    fn remembering(mut self, operation: char, token: &str) -> Self {
        self.remember(operation, token);
        self
    }

    /// The token that created it.
    #[must_use]
    pub fn created_by(&self) -> &str {
        &self.created_by
    }

    /// Begins a change, under the operation's letter and its token.
    pub fn begin(&mut self, operation: char, token: &str, change: Move) {
        self.change = change;
        self.remember(operation, token);
    }

    fn remember(&mut self, operation: char, token: &str) {
        if self.answers.len() == ANSWERS_MAX {
            self.answers.remove(0);
        }
        let persona = self.persona.clone();
        self.answers.push(Answer { operation, token: token.to_owned(), persona, change: self.change });
    }

    /// The answer that was given to a token before, as it was then.
    #[must_use]
    pub fn answer(&self, id: &str, operation: char, token: &str) -> Option<Instance> {
        let answer = self.answers.iter().find(|answer| answer.operation == operation && answer.token == token)?;
        Some(instance(id, &answer.persona, answer.change, answer.change.began_ms))
    }

    /// What it is at a time.
    #[must_use]
    pub fn at(&self, now_ms: i64) -> Now {
        match self.change {
            change if now_ms < change.done_ms => Now::Changing,
            change if change.fails => Now::Failed,
            change => Now::Stable(change.to),
        }
    }

    /// How the host sees it at a time.
    #[must_use]
    pub fn view(&self, id: &str, now_ms: i64) -> Instance {
        instance(id, &self.persona, self.change, now_ms)
    }

    /// Where it comes to when it is started: what it was before it was parked.
    #[must_use]
    pub fn home(&self) -> Held {
        if self.persona.is_empty() { Held::Shell } else { Held::Warm }
    }
}

fn instance(id: &str, persona: &str, change: Move, now_ms: i64) -> Instance {
    let (state, since_ms) = if now_ms < change.done_ms {
        let change_to = InstanceChange { to: change.to.into(), expected_ms: change.done_ms };
        (InstanceState::Changing(change_to), change.began_ms)
    } else if change.fails {
        (InstanceState::Failed("it did not boot: a failure that the parameters asked for".to_owned()), change.done_ms)
    } else {
        (InstanceState::Stable(change.to.into()), change.done_ms)
    };
    let reference = format!("sim-{:016x}", Chance::new(0, &[id]).bits(0));
    Instance { id: id.to_owned(), reference, persona: persona.to_owned(), state, since_ms }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn booting(fails: bool) -> Record {
        Record::new("web".to_owned(), "t1", Move { to: Held::Warm, began_ms: 1_000, done_ms: 5_000, fails })
    }

    #[test]
    fn a_change_is_done_by_time_alone() {
        let record = booting(false);
        assert_eq!((record.at(4_999), record.at(5_000)), (Now::Changing, Now::Stable(Held::Warm)));
        assert_eq!(record.view("i", 1_000).since_ms, 1_000);
        let view = record.view("i", 9_000);
        assert_eq!((view.state, view.since_ms), (InstanceState::Stable(Tier::Warm), 5_000));
    }

    #[test]
    fn a_failing_boot_fails_at_its_end() {
        let record = booting(true);
        assert_eq!((record.at(4_999), record.at(5_000)), (Now::Changing, Now::Failed));
        assert!(matches!(record.view("i", 5_000).state, InstanceState::Failed(_)));
    }

    #[test]
    fn answers_are_repeated_as_they_were_and_the_oldest_forgotten() {
        let mut record = booting(false);
        let first = record.answer("i", 'c', "t1").expect("remembered");
        assert!(matches!(first.state, InstanceState::Changing(_)));
        assert_eq!(record.answer("i", 'p', "t1"), None, "a token is one operation's");
        for step in 0..8 {
            let change = Move { to: Held::Warm, began_ms: 6_000, done_ms: 6_001, fails: false };
            record.begin('r', &format!("r{step}"), change);
        }
        assert_eq!(record.answer("i", 'c', "t1"), None);
        assert!(record.answer("i", 'r', "r0").is_some());
    }

    #[test]
    fn a_full_record_is_small() {
        let mut record = booting(false);
        for step in 0..20 {
            record.begin('r', &format!("00000000-0000-0000-0000-0000000000{step:02}"), record.change);
        }
        let text = serde_json::to_string(&record).expect("a record is JSON");
        assert!(text.len() < 1_200, "{}", text.len());
        assert_eq!(serde_json::from_str::<Record>(&text).expect("it comes back"), record);
    }
}
