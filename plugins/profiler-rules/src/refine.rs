//! From what happened to a persona's instances to changes of the persona.

use crate::capacity::Line;
use crate::parameters::Parameters;
use crate::profile::whole;
use crate::usage::{is_enough, recent_p90, recent_peak_p90};
use forewarm_sdk::words::{Change, Outcome};
use forewarm_sdk::{Metric, Persona, Series};

/// What a lack of memory adds: this share, or this many MiB, whichever is more.
const SHORTAGE_SHARE: f64 = 0.2;
const SHORTAGE_MIB: f64 = 100.0;
const MIB: f64 = 1_048_576.0;

/// Proposes changes: memory, processor, capacity, in this order. Deviations within the tolerance bring none, a lack of
/// memory always one.
#[must_use]
pub fn refine(parameters: &Parameters, persona: &Persona, outcomes: &[Outcome]) -> Vec<Change> {
    let changes = [
        memory(parameters, persona, outcomes),
        cpu(parameters, persona, outcomes),
        capacity(parameters, persona, outcomes),
    ];
    changes.into_iter().flatten().collect()
}

fn memory(parameters: &Parameters, persona: &Persona, outcomes: &[Outcome]) -> Option<Change> {
    let field = "allocation.memory-mib";
    let from = f64::from(persona.allocation.memory_mib);
    // Every metric's outcome may report the same events, hence the largest count and not the sum.
    let shortages = outcomes.iter().map(|outcome| outcome.out_of_memory).max().unwrap_or(0);
    let peak = find(outcomes, Metric::MemoryBytes).map(recent_peak_p90);
    let wanted = peak.map(|peak| f64::from(whole(peak * (1.0 + parameters.margin) / MIB)));
    if shortages > 0 {
        let raised = f64::from(whole((from * (1.0 + SHORTAGE_SHARE)).max(from + SHORTAGE_MIB)));
        let to = raised.max(wanted.unwrap_or(0.0));
        let reason = format!("instances ran out of memory {shortages} times: raised by 20% or 100 MiB at least");
        return Some(Change { field: field.to_owned(), from, to, reason });
    }
    let reason = format!("daily peaks of memory are {:.0} MiB at P90", peak? / MIB);
    beyond(parameters, field, from, wanted?, reason)
}

fn cpu(parameters: &Parameters, persona: &Persona, outcomes: &[Outcome]) -> Option<Change> {
    let p90 = recent_p90(find(outcomes, Metric::CpuCores)?);
    let to = f64::from(whole(p90 * (1.0 + parameters.margin) * 1_000.0));
    let reason = format!("instances use {p90:.2} cores at P90");
    beyond(parameters, "allocation.cpu-millis", f64::from(persona.allocation.cpu_millis), to, reason)
}

fn capacity(parameters: &Parameters, persona: &Persona, outcomes: &[Outcome]) -> Option<Change> {
    let line = Line::fit(find(outcomes, Metric::Requests)?, find(outcomes, Metric::CpuCores)?)?;
    let cores = f64::from(persona.allocation.cpu_millis) / 1_000.0;
    let to = line.load_at(cores * parameters.objective_utilisation)?;
    let reason = format!(
        "at {:.0}% of its processor an instance serves this much ({:.4} cores per unit of load, R squared {:.2})",
        parameters.objective_utilisation * 100.0,
        line.per_request,
        line.r_squared
    );
    beyond(parameters, "capacity-per-instance", persona.capacity_per_instance, to, reason)
}

fn find(outcomes: &[Outcome], metric: Metric) -> Option<&Series> {
    outcomes.iter().find(|outcome| outcome.metric == metric).map(|outcome| &outcome.history).filter(|h| is_enough(h))
}

/// A change, where it is more than the tolerance.
fn beyond(parameters: &Parameters, field: &str, from: f64, to: f64, reason: String) -> Option<Change> {
    let deviates = (to - from).abs() >= parameters.tolerance * from.abs() && to.is_finite() && (to - from).abs() > 0.0;
    deviates.then(|| Change { field: field.to_owned(), from, to, reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_sdk::{Allocation, ExpectedPerformance, System};

    fn persona() -> Persona {
        Persona {
            name: "web".to_owned(),
            version: 3,
            allocation: Allocation { cpu_millis: 1_000, memory_mib: 1_000, storage_gib: 0, network_mbps: 0 },
            system: System { image: String::new(), settings: Vec::new(), software: Vec::new() },
            dedicated: false,
            ingress_cidrs: Vec::new(),
            expected: ExpectedPerformance { latency_p95_ms: None, throughput_per_s: None, utilisation: None },
            capacity_per_instance: 60.0,
        }
    }

    fn outcome(metric: Metric, values: Vec<f64>, out_of_memory: u32) -> Outcome {
        Outcome { metric, history: Series { start_ms: 0, step_ms: 60_000, values }, out_of_memory }
    }

    /// The changes as fields and new values, rounded.
    fn changes(outcomes: &[Outcome]) -> Vec<(String, f64)> {
        let changes = refine(&Parameters::default(), &persona(), outcomes);
        assert!(changes.iter().all(|change| !change.reason.is_empty()));
        changes.into_iter().map(|change| (change.field, change.to.round())).collect()
    }

    #[test]
    fn small_deviations_bring_no_change() {
        assert_eq!(changes(&[outcome(Metric::CpuCores, vec![0.86; 200], 0)]), []);
        assert_eq!(changes(&[outcome(Metric::MemoryBytes, vec![850.0 * MIB; 200], 0)]), []);
        assert_eq!(changes(&[]), []);
    }

    #[test]
    fn use_is_followed_in_both_directions() {
        let got = changes(&[
            outcome(Metric::CpuCores, vec![2.0; 200], 0),
            outcome(Metric::MemoryBytes, vec![400.0 * MIB; 200], 0),
        ]);
        assert_eq!((got[0].0.as_str(), got[1].0.as_str()), ("allocation.memory-mib", "allocation.cpu-millis"));
        assert!((460.0..=484.0).contains(&got[0].1) && (2_300.0..=2_420.0).contains(&got[1].1), "{got:?}");
    }

    #[test]
    fn a_lack_of_memory_raises_it_whatever_was_measured() {
        let expected = vec![("allocation.memory-mib".to_owned(), 1_200.0)];
        assert_eq!(changes(&[outcome(Metric::MemoryBytes, vec![f64::NAN; 10], 2)]), expected);
        assert_eq!(changes(&[outcome(Metric::MemoryBytes, vec![500.0 * MIB; 200], 1)]), expected);
        let high = changes(&[outcome(Metric::MemoryBytes, vec![2_000.0 * MIB; 200], 1)]);
        assert!(high[0].1 >= 2_300.0, "use beyond that raises it further: {high:?}");
    }

    #[test]
    fn a_small_instance_gains_100_mib() {
        let mut persona = persona();
        persona.allocation.memory_mib = 128;
        let got = refine(&Parameters::default(), &persona, &[outcome(Metric::CpuCores, Vec::new(), 1)]);
        assert_eq!(got[0].to, 228.0);
    }

    #[test]
    fn capacity_follows_the_measured_line() {
        let load: Vec<f64> = (0..300).map(|step| f64::from(step % 60)).collect();
        let cpu = load.iter().map(|load| 0.1 + 0.015 * load).collect();
        let got = changes(&[outcome(Metric::Requests, load, 0), outcome(Metric::CpuCores, cpu, 0)]);
        assert!(got.contains(&("capacity-per-instance".to_owned(), 40.0)), "{got:?}");
    }

    #[test]
    fn too_little_data_brings_no_change() {
        assert_eq!(changes(&[outcome(Metric::CpuCores, vec![9.0; 30], 0)]), []);
    }
}
