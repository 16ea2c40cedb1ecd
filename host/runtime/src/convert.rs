//! Between the host's words and the contract's. What comes from a guest is checked on the way.

use crate::bindings::driver::exports::forewarm::plugin::driver as wit_driver;
use crate::bindings::profiler::exports::forewarm::plugin::profiler as wit_profiler;
use crate::bindings::types;
use crate::failure::{Failure, clean};
use forewarm_domain::id::{InstanceId, ResourceName};
use forewarm_domain::instance::Tier;
use forewarm_domain::persona::{Allocation, ExpectedPerformance, SystemSettings};
use forewarm_domain::plugin::{
    Change, DriverDescription, DriverInstance, DriverOperation, DriverState, Evidence, PersonaDraft, PersonaView,
    UsageOutcome, Workload, WorkloadClass,
};
use forewarm_domain::series::{Metric, Series};
use forewarm_domain::time::{DAY_MS, SECOND_MS, TimestampMs};
use std::fmt::Display;

const MAX_SERIES_VALUES: usize = 1_000_000;
pub(crate) const MAX_TEXT: usize = 1_000;
const MAX_REFERENCE_BYTES: usize = 256;

/// A series as the contract wants it.
///
/// # Errors
/// [`Failure::Input`] when the step, the length or a value is not allowed.
pub(crate) fn series(series: Series) -> Result<types::Series, Failure> {
    let step = u32::try_from(series.step_ms).ok().filter(|_| (SECOND_MS..=DAY_MS).contains(&series.step_ms));
    let Some(step_ms) = step else {
        return Err(Failure::Input(format!("a step lasts 1 s to 1 day, not {} ms", series.step_ms)));
    };
    if series.values.len() > MAX_SERIES_VALUES {
        return Err(Failure::Input(format!("a series has at most {MAX_SERIES_VALUES} values")));
    }
    check_values(&series.values)?;
    Ok(types::Series { start_ms: series.start.0, step_ms, values: series.values })
}

/// # Errors
/// [`Failure::Input`] for an infinite value.
pub(crate) fn check_values(values: &[f64]) -> Result<(), Failure> {
    // Whether there is one is asked of all alike, for the sake of SIMD; which one it is, hardly ever.
    if !values.iter().fold(false, |infinite, value| infinite | value.is_infinite()) {
        return Ok(());
    }
    let index = values.iter().position(|value| value.is_infinite()).unwrap_or_default();
    Err(Failure::Input(format!("value {index} of the series is infinite")))
}

/// # Errors
/// [`Failure::Invalid`], naming `what`, when the number is outside.
pub(crate) fn within(what: &str, value: f64, low: f64, high: f64) -> Result<f64, Failure> {
    if (low..=high).contains(&value) {
        return Ok(value);
    }
    Err(Failure::Invalid(format!("{what} is {value}, not {low} to {high}")))
}

fn invalid(what: &str, error: impl Display) -> Failure {
    Failure::Invalid(format!("{what}: {error}"))
}

fn metric(metric: Metric) -> types::Metric {
    match metric {
        Metric::CpuCores => types::Metric::CpuCores,
        Metric::MemoryBytes => types::Metric::MemoryBytes,
        Metric::DiskOps => types::Metric::DiskOps,
        Metric::DiskBytes => types::Metric::DiskBytes,
        Metric::NetworkBytes => types::Metric::NetworkBytes,
        Metric::Requests => types::Metric::Requests,
    }
}

/// # Errors
/// [`Failure::Input`] for tiers that no driver holds instances in.
pub(crate) fn tier(tier: Tier) -> Result<types::Tier, Failure> {
    match tier {
        Tier::Parked => Ok(types::Tier::Parked),
        Tier::Shell => Ok(types::Tier::Shell),
        Tier::Warm => Ok(types::Tier::Warm),
        Tier::Cold | Tier::Active => Err(Failure::Input("a driver holds parked, shell and warm instances".into())),
    }
}

pub(crate) fn tier_from(tier: types::Tier) -> Tier {
    match tier {
        types::Tier::Parked => Tier::Parked,
        types::Tier::Shell => Tier::Shell,
        types::Tier::Warm => Tier::Warm,
    }
}

fn allocation(of: Allocation) -> types::Allocation {
    let Allocation { cpu_millis, memory_mib, storage_gib, network_mbps } = of;
    types::Allocation { cpu_millis, memory_mib, storage_gib, network_mbps }
}

fn allocation_from(of: types::Allocation) -> Allocation {
    let types::Allocation { cpu_millis, memory_mib, storage_gib, network_mbps } = of;
    Allocation { cpu_millis, memory_mib, storage_gib, network_mbps }
}

fn system(of: SystemSettings) -> types::System {
    let setting = |(name, value)| types::Setting { name, value };
    let settings = of.settings.into_iter().map(setting).collect();
    types::System { image: of.image, settings, software: of.software }
}

fn system_from(of: types::System) -> SystemSettings {
    let settings = of.settings.into_iter().map(|setting| (setting.name, setting.value)).collect();
    SystemSettings { image: of.image, settings, software: of.software }
}

fn expected(of: ExpectedPerformance) -> types::ExpectedPerformance {
    let ExpectedPerformance { latency_p95_ms, throughput_per_s, utilisation } = of;
    types::ExpectedPerformance { latency_p95_ms, throughput_per_s, utilisation }
}

fn expected_from(of: types::ExpectedPerformance) -> ExpectedPerformance {
    let types::ExpectedPerformance { latency_p95_ms, throughput_per_s, utilisation } = of;
    ExpectedPerformance { latency_p95_ms, throughput_per_s, utilisation }
}

fn check_expected(of: ExpectedPerformance) -> Result<(), Failure> {
    let above_zero = |what, value| within(what, value, f64::MIN_POSITIVE, f64::MAX);
    of.latency_p95_ms.map(|value| above_zero("the expected latency", value)).transpose()?;
    of.throughput_per_s.map(|value| above_zero("the expected throughput", value)).transpose()?;
    of.utilisation.map(|value| within("the expected utilisation", value, 0.0, 1.0)).transpose()?;
    Ok(())
}

pub(crate) fn persona(of: PersonaView) -> types::Persona {
    types::Persona {
        name: of.name.into(),
        version: of.version,
        allocation: allocation(of.allocation),
        system: system(of.system),
        dedicated: of.dedicated,
        ingress_cidrs: of.ingress_cidrs,
        expected: expected(of.expected),
        capacity_per_instance: of.capacity_per_instance,
    }
}

/// # Errors
/// [`Failure::Input`] when a series does not fit the contract.
pub(crate) fn workload(of: Workload) -> Result<wit_profiler::Workload, Failure> {
    let usage = |usage: forewarm_domain::plugin::Usage| {
        Ok(wit_profiler::Usage { metric: metric(usage.metric), history: series(usage.history)? })
    };
    Ok(wit_profiler::Workload {
        resource: of.resource.into(),
        allocation: of.allocation.map(allocation),
        usages: of.usages.into_iter().map(usage).collect::<Result<_, Failure>>()?,
    })
}

/// # Errors
/// [`Failure::Input`] when a series does not fit the contract.
pub(crate) fn outcome(of: UsageOutcome) -> Result<wit_profiler::Outcome, Failure> {
    let history = series(of.history)?;
    Ok(wit_profiler::Outcome { metric: metric(of.metric), history, out_of_memory: of.out_of_memory })
}

/// # Errors
/// [`Failure::Invalid`] names the part of the draft that breaks the contract.
pub(crate) fn draft_from(of: wit_profiler::PersonaDraft, asked: &[ResourceName]) -> Result<PersonaDraft, Failure> {
    let draft = draft_as_it_is(of)?;
    check_draft(&draft, asked)?;
    Ok(draft)
}

/// A draft with nothing checked but what its type demands.
///
/// # Errors
/// [`Failure::Invalid`] when it names no resource.
pub(crate) fn draft_as_it_is(of: wit_profiler::PersonaDraft) -> Result<PersonaDraft, Failure> {
    Ok(PersonaDraft {
        resource: of.resource.parse().map_err(|error| invalid("a draft", error))?,
        class: class_from(of.class),
        allocation: allocation_from(of.allocation),
        system: system_from(of.system),
        expected: expected_from(of.expected),
        capacity_per_instance: of.capacity_per_instance,
        confidence: of.confidence,
        evidence: of.evidence.iter().map(evidence_from).collect(),
    })
}

fn check_draft(draft: &PersonaDraft, asked: &[ResourceName]) -> Result<(), Failure> {
    let resource = &draft.resource;
    if !asked.contains(resource) {
        return Err(Failure::Invalid(format!("a draft is of {resource}, which was not asked about")));
    }
    if draft.evidence.is_empty() {
        return Err(Failure::Invalid(format!("the draft of {resource} gives no evidence")));
    }
    if draft.allocation.cpu_millis == 0 || draft.allocation.memory_mib == 0 {
        return Err(Failure::Invalid("an allocation has no processor or no memory".into()));
    }
    check_expected(draft.expected)?;
    let above_zero = |what, value| within(what, value, f64::MIN_POSITIVE, f64::MAX);
    draft.capacity_per_instance.map(|value| above_zero("the capacity per instance", value)).transpose()?;
    within("the confidence", draft.confidence, 0.0, 1.0)?;
    let finite = |of: &Evidence| within("a piece of evidence", of.value, f64::MIN, f64::MAX).map(drop);
    draft.evidence.iter().try_for_each(finite)
}

fn class_from(class: wit_profiler::WorkloadClass) -> WorkloadClass {
    match class {
        wit_profiler::WorkloadClass::CpuBound => WorkloadClass::CpuBound,
        wit_profiler::WorkloadClass::MemoryBound => WorkloadClass::MemoryBound,
        wit_profiler::WorkloadClass::IopsHeavy => WorkloadClass::IopsHeavy,
        wit_profiler::WorkloadClass::NetworkHeavy => WorkloadClass::NetworkHeavy,
        wit_profiler::WorkloadClass::Balanced => WorkloadClass::Balanced,
    }
}

fn evidence_from(of: &wit_profiler::Evidence) -> Evidence {
    Evidence {
        value: of.value,
        what: clean(&of.what, MAX_TEXT),
        unit: clean(&of.unit, MAX_TEXT),
        conclusion: clean(&of.conclusion, MAX_TEXT),
    }
}

/// # Errors
/// [`Failure::Invalid`] when a value is no finite number.
pub(crate) fn change_from(of: &wit_profiler::Change) -> Result<Change, Failure> {
    within("a present value", of.from, f64::MIN, f64::MAX)?;
    within("a proposed value", of.to, f64::MIN, f64::MAX)?;
    Ok(change_as_it_is(of))
}

/// A change with nothing checked.
pub(crate) fn change_as_it_is(of: &wit_profiler::Change) -> Change {
    Change { from: of.from, to: of.to, field: clean(&of.field, MAX_TEXT), reason: clean(&of.reason, MAX_TEXT) }
}

pub(crate) fn driver_description_from(of: wit_driver::Description) -> DriverDescription {
    DriverDescription {
        summary: clean(&of.summary, MAX_TEXT),
        tiers: of.tiers.into_iter().map(tier_from).collect(),
        operations: of.operations.into_iter().map(operation_from).collect(),
        max_instances: of.max_instances,
    }
}

fn operation_from(of: wit_driver::Operation) -> DriverOperation {
    match of {
        wit_driver::Operation::Create => DriverOperation::Create,
        wit_driver::Operation::Park => DriverOperation::Park,
        wit_driver::Operation::Start => DriverOperation::Start,
        wit_driver::Operation::Specialise => DriverOperation::Specialise,
        wit_driver::Operation::Reset => DriverOperation::Reset,
        wit_driver::Operation::Destroy => DriverOperation::Destroy,
    }
}

/// # Errors
/// [`Failure::Invalid`] when an identifier, a name or an instant breaks the contract.
pub(crate) fn instance_from(of: wit_driver::Instance) -> Result<DriverInstance, Failure> {
    let id: InstanceId = of.id.parse().map_err(|error| invalid("an instance's id", error))?;
    if of.reference.len() > MAX_REFERENCE_BYTES {
        return Err(Failure::Invalid(format!("the reference of {id} has over {MAX_REFERENCE_BYTES} bytes")));
    }
    let persona = match of.persona.as_str() {
        "" => None,
        name => Some(name.parse().map_err(|error| invalid("an instance's persona", error))?),
    };
    let state = match of.state {
        wit_driver::InstanceState::Stable(tier) => DriverState::Stable(tier_from(tier)),
        wit_driver::InstanceState::Changing(change) => {
            DriverState::Changing { to: tier_from(change.to), expected_at: instant_from(change.expected_ms)? }
        }
        wit_driver::InstanceState::Leaving => DriverState::Leaving,
        wit_driver::InstanceState::Failed(how) => DriverState::Failed(clean(&how, MAX_TEXT)),
    };
    Ok(DriverInstance { id, reference: of.reference, persona, state, since: instant_from(of.since_ms)? })
}

fn instant_from(ms: i64) -> Result<TimestampMs, Failure> {
    let at = TimestampMs(ms);
    if (TimestampMs::MIN..=TimestampMs::MAX).contains(&at) {
        return Ok(at);
    }
    Err(Failure::Invalid(format!("{ms} ms is not an instant between 1970 and 9999")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_that_break_the_contract_are_not_sent() {
        let of = |step_ms, values: &[f64]| series(Series { start: TimestampMs(0), step_ms, values: values.to_vec() });
        assert!(of(60_000, &[1.0, f64::NAN]).is_ok());
        for (step, values) in [(999, &[1.0][..]), (0, &[1.0]), (DAY_MS + 1, &[1.0]), (60_000, &[f64::INFINITY])] {
            assert!(matches!(of(step, values), Err(Failure::Input(_))), "{step} {values:?}");
        }
    }

    #[test]
    fn instances_are_checked() {
        let instance = |id: &str, persona: &str, since_ms| {
            instance_from(wit_driver::Instance {
                id: id.into(),
                reference: "r".into(),
                persona: persona.into(),
                state: wit_driver::InstanceState::Leaving,
                since_ms,
            })
        };
        let id = "0192f0c1-7d2e-7000-8000-000000000001";
        assert!(instance(id, "", 5).is_ok_and(|instance| instance.persona.is_none()));
        assert!(instance(id, "web", 5).is_ok_and(|instance| instance.persona.is_some()));
        for (id, persona, since) in [("x", "web", 5), (id, "not a name", 5), (id, "web", -1)] {
            assert!(matches!(instance(id, persona, since), Err(Failure::Invalid(_))), "{id} {persona} {since}");
        }
    }
}
