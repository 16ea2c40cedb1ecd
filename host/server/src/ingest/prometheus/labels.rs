//! Which label set is which series, remembered by its bytes, and which label set a series belongs to.

use super::mapping::{MappingConfig, is_counter};
use super::proto::Label;
use bytes::Bytes;
use forewarm_domain::id::ResourceName;
use forewarm_domain::series::SeriesKey;
use forewarm_domain::time::{MINUTE_MS, TimestampMs};
use prost::Message;
use std::collections::HashMap;
use std::fmt::Write as _;

/// Label sets that are remembered; when there are more, all are forgotten and learned again.
const KNOWN_MAX: usize = 200_000;
/// After this long without a sample, a label set gives its series up to another: an instance was replaced.
const HANDOVER_MS: i64 = 5 * MINUTE_MS;
/// How much of a label set is shown in a problem, in characters.
const SHOWN_MAX: usize = 400;

/// One series of a request that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{labels}: {reason}")]
pub struct LabelProblem {
    /// The series, as Prometheus writes it.
    pub labels: String,
    /// Why it was refused.
    pub reason: LabelReason,
}

/// Why a series was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelReason {
    /// A counter under a name of ours: its value only ever rises.
    #[error("it is a counter; record its rate instead (expr: rate({metric}[2m])) and send that under `{suggested}`")]
    Counter {
        /// Its name.
        metric: String,
        /// The name without the counter's suffix.
        suggested: String,
    },
    /// No label names the resource.
    #[error("it has none of the labels {0} that name the resource")]
    NoResource(String),
    /// The label names no valid resource.
    #[error("{0}")]
    InvalidResource(String),
    /// Another label set is the same series.
    #[error(
        "{series} is also claimed by {other}; aggregate them into one by a recording rule, such as sum by ({label})"
    )]
    Ambiguous {
        /// The series of ours.
        series: String,
        /// The label set that has it.
        other: String,
        /// The label that names the resource.
        label: String,
    },
}

/// What a label set stands for.
pub(super) enum Target {
    Series(SeriesKey),
    Unmapped,
    Refused(LabelProblem),
}

/// What is remembered of a label set. The number is that of its claim.
enum Known {
    Claims { key: SeriesKey, label: String, claim: usize },
    Unmapped,
    Refused(LabelProblem),
}

/// Which label set a series of ours belongs to, and its newest sample.
struct Claim {
    labels: Box<[u8]>,
    newest: TimestampMs,
}

pub(super) struct Labels {
    mapping: MappingConfig,
    known: HashMap<Box<[u8]>, Known>,
    claims: Vec<Claim>,
    claim_of: HashMap<SeriesKey, usize>,
    /// Reused for the key of each lookup.
    scratch: Vec<u8>,
}

impl Labels {
    pub(super) fn new(mapping: MappingConfig) -> Self {
        Self { mapping, known: HashMap::new(), claims: Vec::new(), claim_of: HashMap::new(), scratch: Vec::new() }
    }

    /// What a label set stands for, whose newest sample is `newest`.
    pub(super) fn resolve(&mut self, labels: &[Bytes], newest: TimestampMs) -> Result<Target, prost::DecodeError> {
        self.scratch.clear();
        for label in labels {
            // With the length before each, different sets never have the same bytes.
            self.scratch.extend(label.len().to_le_bytes());
            self.scratch.extend_from_slice(label);
        }
        if !self.known.contains_key(self.scratch.as_slice()) {
            if self.known.len() >= KNOWN_MAX {
                self.known.clear();
            }
            let learned = self.learn(labels)?;
            self.known.insert(self.scratch.as_slice().into(), learned);
        }
        Ok(match self.known.get(self.scratch.as_slice()) {
            None | Some(Known::Unmapped) => Target::Unmapped,
            Some(Known::Refused(problem)) => Target::Refused(problem.clone()),
            Some(Known::Claims { key, label, claim }) => match self.claims.get_mut(*claim) {
                Some(claim) => claim.judge(&self.scratch, newest, key, label),
                None => Target::Unmapped,
            },
        })
    }

    fn learn(&mut self, raw: &[Bytes]) -> Result<Known, prost::DecodeError> {
        let labels: Vec<Label> = raw.iter().map(|label| Label::decode(label.clone())).collect::<Result<_, _>>()?;
        let value_of = |name: &str| labels.iter().find(|label| label.name == name).map(|label| label.value.as_str());
        let name = value_of("__name__").unwrap_or_default();
        let refuse = |reason| Ok(Known::Refused(LabelProblem { labels: show(&labels), reason }));
        let base = name.strip_suffix("_total").filter(|base| base.starts_with("forewarm_"));
        if let Some(base) = base {
            return refuse(LabelReason::Counter { metric: name.into(), suggested: base.into() });
        }
        let Some(metric) = self.mapping.metric(name).filter(|_| !is_counter(name)) else { return Ok(Known::Unmapped) };
        let candidates = &self.mapping.resource_labels;
        let found =
            candidates.iter().find_map(|label| Some((label, value_of(label).filter(|value| !value.is_empty())?)));
        let Some((label, resource)) = found else { return refuse(LabelReason::NoResource(candidates.join(", "))) };
        let resource = match resource.parse::<ResourceName>() {
            Ok(resource) => resource,
            Err(error) => return refuse(LabelReason::InvalidResource(error.to_string())),
        };
        let (key, label) = (SeriesKey { resource, metric }, label.clone());
        let claim = self.claim(&key);
        Ok(Known::Claims { key, label, claim })
    }

    /// The claim on a series; a new one is of the label set at hand.
    fn claim(&mut self, key: &SeriesKey) -> usize {
        if let Some(claim) = self.claim_of.get(key) {
            return *claim;
        }
        self.claims.push(Claim { labels: self.scratch.as_slice().into(), newest: TimestampMs::MIN });
        self.claim_of.insert(key.clone(), self.claims.len() - 1);
        self.claims.len() - 1
    }
}

impl Claim {
    fn judge(&mut self, labels: &[u8], newest: TimestampMs, key: &SeriesKey, label: &str) -> Target {
        if *self.labels != *labels {
            if newest.since(self.newest) <= HANDOVER_MS {
                let other = show(&parse(&self.labels));
                let reason = LabelReason::Ambiguous { series: key.to_string(), other, label: label.to_owned() };
                return Target::Refused(LabelProblem { labels: show(&parse(labels)), reason });
            }
            self.labels = labels.into();
        }
        self.newest = self.newest.max(newest);
        Target::Series(key.clone())
    }
}

/// The labels behind the bytes that a label set is remembered by.
fn parse(mut bytes: &[u8]) -> Vec<Label> {
    let mut labels = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let Some((label, rest)) = rest.split_at_checked(usize::from_le_bytes(*length)) else { break };
        labels.extend(Label::decode(label).ok());
        bytes = rest;
    }
    labels
}

/// A label set as Prometheus writes it: `name{label="value"}`.
fn show(labels: &[Label]) -> String {
    let name = labels.iter().find(|label| label.name == "__name__").map_or("", |label| label.value.as_str());
    let mut shown = format!("{name}{{");
    for (index, label) in labels.iter().filter(|label| label.name != "__name__").enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        // Writing to a string can't fail.
        let _ = write!(shown, "{comma}{}={:?}", label.name, label.value);
    }
    shown.push('}');
    if shown.chars().count() > SHOWN_MAX {
        shown = shown.chars().take(SHOWN_MAX).chain("...".chars()).collect();
    }
    shown
}
