//! The suite of profilers.

use super::cases::{self, SeriesCase, random};
use super::forecaster::within_limits;
use super::suite::{Case, Judged, Suite, broken, is_answer};
use super::{Finding, Options, Property};
use crate::{Plugin, Testkit, TestkitError};
use forewarm_domain::id::ResourceName;
use forewarm_domain::persona::{Allocation, ExpectedPerformance, SystemSettings};
use forewarm_domain::plugin::{
    Change, PersonaDraft, PersonaView, PluginErrorKind as Kind, Usage, UsageOutcome, Workload,
};
use forewarm_domain::series::Metric;
use forewarm_runtime::Profiler;
use rand::RngExt;
use rand::rngs::SmallRng;
use std::fmt;

const fn property(name: &'static str, says: &'static str, source: &'static str) -> Property {
    Property { name, says, source, advisory: false }
}

const SURVIVES: Property = property(
    "survives-odd-usage",
    "usage that the contract allows is profiled, or refused with an error of the contract, and never traps",
    "types.series: A missing value is NaN; infinities do not occur.",
);
const SAME_ANSWER: Property = property(
    "same-answer",
    "the same workloads give the same drafts in every instance",
    "worlds: a profiler is given the same clock and randomness at every call.",
);
const ASKED: Property = property(
    "only-asked-resources",
    "every draft is of one of the workloads, and none has two",
    "profiler.profile: Drafts one persona per workload that has enough data.",
);
const INSUFFICIENT: Property = property(
    "insufficient-left-out",
    "a workload without an allocation and without a single value has no draft",
    "profiler.profile: the others are left out.",
);
const EVIDENCE: Property = property(
    "evidence-given",
    "every draft rests on evidence with finite values and a conclusion each",
    "profiler.persona-draft.evidence: What it rests on; never empty.",
);
const CONFIDENCE: Property = property(
    "confidence-range",
    "the confidence lies in 0 to 1",
    "profiler.persona-draft.confidence: How sure the profiler is, 0 to 1.",
);
const ALLOCATION: Property = property(
    "allocation-positive",
    "an instance has at least a thousandth of a core and a MiB, and its capacity is above 0",
    "types.allocation: Thousandths of a core, from 1. Memory in MiB, from 1.",
);
const ORDER: Property = property(
    "order-independent",
    "the order of the workloads changes no draft",
    "profiler.profile: Drafts one persona per workload.",
);
const REASONS: Property = property(
    "changes-state-reasons",
    "every proposed change gives a reason and another value than the present one",
    "profiler.change: Says in a sentence why.",
);
const FROM: Property = property(
    "from-is-present-value",
    "a change of a known field begins at the persona's own value",
    "profiler.change.from: Gives the present value.",
);
const LIMITS: Property = property(
    "within-own-limits",
    "twenty workloads of two weeks of minutes are profiled within the limits that the manifest asks for",
    "worlds: the manifest's wanted limits; what goes over them is stopped.",
);

const METRICS: [Metric; 6] =
    [Metric::CpuCores, Metric::MemoryBytes, Metric::DiskOps, Metric::DiskBytes, Metric::NetworkBytes, Metric::Requests];
const TWO_WEEKS: usize = 20_160;

/// Whether drafts, or a change, keep to a property.
type OfDrafts = fn(&Workloads, &[PersonaDraft]) -> Judged;
type OfChange = fn(&PersonaView, &Change) -> Judged;

/// Some workloads.
#[derive(Clone)]
struct Workloads(Vec<(&'static str, Workload)>);

impl fmt::Display for Workloads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (label, workload)) in self.0.iter().enumerate() {
            let metrics: Vec<_> = workload.usages.iter().map(|usage| usage.metric.to_string()).collect();
            let values = workload.usages.first().map_or(0, |usage| usage.history.values.len());
            let (between, name) = (if index > 0 { "; " } else { "" }, &workload.resource);
            let today = if workload.allocation.is_some() { "with" } else { "without" };
            write!(
                f,
                "{between}{name}: {label}, {values} values each of [{}], {today} an allocation",
                metrics.join(", ")
            )?;
        }
        Ok(())
    }
}

impl Case for Workloads {
    fn simpler(&self) -> Vec<Self> {
        let without = |index: usize| {
            let mut fewer = self.0.clone();
            fewer.remove(index);
            Self(fewer)
        };
        let mut all: Vec<_> = if self.0.len() > 1 { (0..self.0.len()).map(without).collect() } else { vec![] };
        if let [(label, workload)] = self.0.as_slice() {
            for index in 0..workload.usages.len() {
                let mut fewer = workload.clone();
                fewer.usages.remove(index);
                all.push(Self(vec![(label, fewer)]));
            }
            let mut shorter = workload.clone();
            for usage in &mut shorter.usages {
                usage.history.values.truncate(usage.history.values.len() / 2);
            }
            if shorter != *workload {
                all.push(Self(vec![(label, shorter)]));
            }
        }
        all
    }
}

impl Workloads {
    fn all(&self) -> Vec<Workload> {
        self.0.iter().map(|(_, workload)| workload.clone()).collect()
    }
}

/// A persona, and what happened to its instances.
#[derive(Clone)]
struct Refinement {
    persona: PersonaView,
    outcomes: Vec<UsageOutcome>,
    of: SeriesCase,
}

impl fmt::Display for Refinement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Allocation { cpu_millis, memory_mib, .. } = self.persona.allocation;
        let metrics: Vec<_> = self.outcomes.iter().map(|outcome| outcome.metric.to_string()).collect();
        write!(
            f,
            "a persona of {cpu_millis} millicores and {memory_mib} MiB, outcomes [{}], {}",
            metrics.join(", "),
            self.of
        )
    }
}

impl Case for Refinement {
    fn simpler(&self) -> Vec<Self> {
        let without = |index: usize| {
            let mut outcomes = self.outcomes.clone();
            outcomes.remove(index);
            Self { outcomes, ..self.clone() }
        };
        (0..self.outcomes.len()).map(without).collect()
    }
}

pub(super) async fn run(
    kit: &Testkit,
    plugin: &Plugin,
    profiler: &Profiler,
    options: &Options,
) -> Result<Vec<Finding>, TestkitError> {
    let Plugin::Profiler(second) = kit.plugin().await? else {
        return Err(TestkitError::Kind { wanted: plugin.kind(), found: plugin.kind() });
    };
    let mut suite = Suite::default();
    drafts(&mut suite, profiler, &second, options).await;
    changes(&mut suite, profiler, options).await;
    Ok(suite.findings())
}

async fn drafts(suite: &mut Suite, of: &Profiler, second: &Profiler, options: &Options) {
    suite
        .property(SURVIVES, workloads(options, SURVIVES), async |case| match of.profile_unchecked(case.all()).await {
            Err(error) if !is_answer(&error) && error.kind != Kind::InvalidAnswer => broken(error.to_string()),
            _ => Ok(()),
        })
        .await;
    suite
        .property(SAME_ANSWER, workloads(options, SAME_ANSWER), async |case| {
            let first = of.profile_unchecked(case.all()).await?;
            same(&first, &of.profile_unchecked(case.all()).await?)?;
            same(&first, &second.profile_unchecked(case.all()).await?)
        })
        .await;
    let each: [(Property, OfDrafts); 5] = [
        (ASKED, asked),
        (INSUFFICIENT, insufficient),
        (EVIDENCE, evidence),
        (CONFIDENCE, confidence),
        (ALLOCATION, allocation),
    ];
    for (property, judge) in each {
        suite
            .property(property, workloads(options, property), async |case| {
                judge(case, &of.profile_unchecked(case.all()).await?)
            })
            .await;
    }
    suite
        .property(ORDER, workloads(options, ORDER), async |case| {
            let by_name = |mut drafts: Vec<PersonaDraft>| {
                drafts.sort_by(|a, b| a.resource.cmp(&b.resource));
                drafts
            };
            let forth = of.profile_unchecked(case.all()).await?;
            let back = of.profile_unchecked(case.all().into_iter().rev().collect()).await?;
            same(&by_name(forth), &by_name(back))
        })
        .await;
    let mut random = random(options.seed, LIMITS.name);
    let many =
        (0..20).map(|index| ("a load with a season", workload(index, &mut random, TWO_WEEKS, &METRICS))).collect();
    suite
        .property(LIMITS, vec![Workloads(many)], async |case| within_limits(of.profile_unchecked(case.all()).await))
        .await;
}

async fn changes(suite: &mut Suite, of: &Profiler, options: &Options) {
    let checks: [(Property, OfChange); 2] = [(REASONS, reasons), (FROM, from)];
    for (property, judge) in checks {
        suite
            .property(property, refinements(options, property), async |case| {
                let changes = match of.refine_unchecked(case.persona.clone(), case.outcomes.clone()).await {
                    Err(error) if error.kind == Kind::Unsupported => return Ok(()),
                    changes => changes?,
                };
                changes.iter().try_for_each(|change| judge(&case.persona, change))
            })
            .await;
    }
}

fn reasons(_: &PersonaView, change: &Change) -> Judged {
    if change.reason.trim().is_empty() {
        return broken(format!("the change of `{}` gives no reason", change.field));
    }
    if change.to.is_finite() && change.to != change.from {
        return Ok(());
    }
    broken(format!("the change of `{}` goes from {} to {}", change.field, change.from, change.to))
}

fn from(persona: &PersonaView, change: &Change) -> Judged {
    let Allocation { cpu_millis, memory_mib, storage_gib, network_mbps } = persona.allocation;
    let present = match change.field.as_str() {
        "allocation.cpu-millis" => f64::from(cpu_millis),
        "allocation.memory-mib" => f64::from(memory_mib),
        "allocation.storage-gib" => f64::from(storage_gib),
        "allocation.network-mbps" => f64::from(network_mbps),
        "capacity-per-instance" => persona.capacity_per_instance,
        _ => return Ok(()),
    };
    if cases::close(present, change.from, 1e-9) {
        return Ok(());
    }
    broken(format!("the change of `{}` begins at {}, the persona has {present}", change.field, change.from))
}

fn asked(case: &Workloads, drafts: &[PersonaDraft]) -> Judged {
    for (index, draft) in drafts.iter().enumerate() {
        if !case.0.iter().any(|(_, workload)| workload.resource == draft.resource) {
            return broken(format!("a draft is of {}, which was not asked about", draft.resource));
        }
        if drafts[..index].iter().any(|earlier| earlier.resource == draft.resource) {
            return broken(format!("{} has two drafts", draft.resource));
        }
    }
    Ok(())
}

fn insufficient(case: &Workloads, drafts: &[PersonaDraft]) -> Judged {
    for (_, workload) in &case.0 {
        let empty = workload.usages.iter().all(|usage| usage.history.values.iter().all(|value| value.is_nan()));
        if empty && workload.allocation.is_none() && drafts.iter().any(|draft| draft.resource == workload.resource) {
            return broken(format!("{} has no value and no allocation, and still a draft", workload.resource));
        }
    }
    Ok(())
}

fn evidence(_: &Workloads, drafts: &[PersonaDraft]) -> Judged {
    for draft in drafts {
        let resource = &draft.resource;
        if draft.evidence.is_empty() {
            return broken(format!("the draft of {resource} gives no evidence"));
        }
        let weak = |of: &&forewarm_domain::plugin::Evidence| !of.value.is_finite() || of.conclusion.trim().is_empty();
        if let Some(weak) = draft.evidence.iter().find(weak) {
            return broken(format!("the draft of {resource} rests on {weak:?}"));
        }
    }
    Ok(())
}

fn confidence(_: &Workloads, drafts: &[PersonaDraft]) -> Judged {
    match drafts.iter().find(|draft| !(0.0..=1.0).contains(&draft.confidence)) {
        Some(draft) => broken(format!("the draft of {} has a confidence of {}", draft.resource, draft.confidence)),
        None => Ok(()),
    }
}

fn allocation(_: &Workloads, drafts: &[PersonaDraft]) -> Judged {
    for draft in drafts {
        let resource = &draft.resource;
        if draft.allocation.cpu_millis == 0 || draft.allocation.memory_mib == 0 {
            return broken(format!("the draft of {resource} allocates {:?}", draft.allocation));
        }
        let above_zero = |value: f64| value.is_finite() && value > 0.0;
        if let Some(capacity) = draft.capacity_per_instance.filter(|capacity| !above_zero(*capacity)) {
            return broken(format!("the draft of {resource} gives a capacity of {capacity}"));
        }
    }
    Ok(())
}

fn same(one: &[PersonaDraft], other: &[PersonaDraft]) -> Judged {
    if one.len() != other.len() {
        return broken(format!("{} drafts, and then {}", one.len(), other.len()));
    }
    match one.iter().zip(other).find(|(a, b)| format!("{a:?}") != format!("{b:?}")) {
        Some((a, b)) => broken(format!("the draft of {} is {a:?}, and then {b:?}", a.resource)),
        None => Ok(()),
    }
}

/// Sets of up to four ordinary workloads, and odd ones alone.
fn workloads(options: &Options, property: Property) -> Vec<Workloads> {
    let mut random = random(options.seed, property.name);
    let mut sets: Vec<_> = (0..options.cases)
        .map(|_| {
            let count = random.random_range(1..=4);
            let one = |index| ("a load with a season", workload(index, &mut random, 1_500, &METRICS));
            let mut set: Vec<_> = (0..count).map(one).collect();
            set.push(("nothing known", bare(count, vec![])));
            Workloads(set)
        })
        .collect();
    for case in cases::odd(&mut random, 200, 0) {
        let usages = METRICS.iter().map(|metric| Usage { metric: *metric, history: case.series() }).collect();
        sets.push(Workloads(vec![(case.label, bare(0, usages))]));
    }
    sets.push(Workloads(vec![]));
    sets
}

fn bare(index: usize, usages: Vec<Usage>) -> Workload {
    Workload { resource: name(index), allocation: None, usages }
}

fn name(index: usize) -> ResourceName {
    let text = format!("workload-{index}");
    text.parse().unwrap_or_else(|_| unreachable!("letters, a hyphen and digits are a resource's name"))
}

fn workload(index: usize, random: &mut SmallRng, length: usize, metrics: &[Metric]) -> Workload {
    let load = cases::load(random, length);
    let usages = metrics
        .iter()
        .map(|metric| {
            let scale = match metric {
                Metric::CpuCores => 0.01,
                Metric::MemoryBytes => 4e6,
                Metric::DiskBytes | Metric::NetworkBytes => 1e4,
                Metric::DiskOps | Metric::Requests => 1.0,
            };
            Usage { metric: *metric, history: cases::series(load.iter().map(|load| load * scale).collect()) }
        })
        .collect();
    let today = Allocation { cpu_millis: 4_000, memory_mib: 8_192, storage_gib: 20, network_mbps: 1_000 };
    Workload { resource: name(index), allocation: random.random_bool(0.5).then_some(today), usages }
}

fn refinements(options: &Options, property: Property) -> Vec<Refinement> {
    let mut random = random(options.seed, property.name);
    let mut series = cases::ordinary(&mut random, options.cases.max(4), (100, 600), 0);
    series.extend(cases::odd(&mut random, 100, 0));
    series
        .into_iter()
        .map(|of| {
            let outcome = |(metric, scale, out_of_memory): (Metric, f64, u32)| {
                let values = of.values.iter().map(|value| value * scale).collect::<Vec<f64>>();
                let values = values.into_iter().map(|value| value.clamp(f64::MIN, f64::MAX)).collect();
                UsageOutcome { metric, history: cases::series(values), out_of_memory }
            };
            let shortages = random.random_range(0..3);
            let outcomes =
                [(Metric::CpuCores, 0.01, 0), (Metric::MemoryBytes, 4e6, shortages), (Metric::Requests, 1.0, 0)];
            Refinement { persona: persona(&mut random), outcomes: outcomes.map(outcome).into(), of }
        })
        .collect()
}

fn persona(random: &mut SmallRng) -> PersonaView {
    let allocation = Allocation {
        cpu_millis: random.random_range(100..8_000),
        memory_mib: random.random_range(128..16_384),
        storage_gib: 10,
        network_mbps: 100,
    };
    PersonaView { allocation, capacity_per_instance: random.random_range(1.0..500.0), ..plain_persona() }
}

/// A persona of which nothing matters.
pub(super) fn plain_persona() -> PersonaView {
    PersonaView {
        name: "conformance".parse().unwrap_or_else(|_| unreachable!("a word is a persona's name")),
        version: 1,
        allocation: Allocation { cpu_millis: 500, memory_mib: 512, storage_gib: 0, network_mbps: 0 },
        system: SystemSettings::default(),
        dedicated: false,
        ingress_cidrs: vec![],
        expected: ExpectedPerformance::default(),
        capacity_per_instance: 10.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_begins_at_the_present_value() {
        let change = |field: &str, from| Change { field: field.into(), from, to: 1.0, reason: "because".into() };
        let persona = plain_persona();
        assert!(from(&persona, &change("allocation.cpu-millis", 500.0)).is_ok());
        assert!(from(&persona, &change("allocation.cpu-millis", 501.0)).is_err());
        assert!(from(&persona, &change("of-its-own", 7.0)).is_ok());
        assert!(reasons(&persona, &Change { reason: " ".into(), ..change("x", 2.0) }).is_err());
    }
}
