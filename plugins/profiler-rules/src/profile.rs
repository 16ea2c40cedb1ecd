//! From a workload's usage to the draft of a persona.

use crate::capacity::Line;
use crate::class::classify;
use crate::parameters::Parameters;
use crate::settings;
use crate::usage::{find, mean, recent_p90, recent_peak_p90, span_ms};
use forewarm_sdk::words::{Evidence, PersonaDraft, Workload};
use forewarm_sdk::{Allocation, ExpectedPerformance, Metric};

const DAY_MS: f64 = 86_400_000.0;
const MIB: f64 = 1_048_576.0;

/// Drafts a persona. `None` when processor or memory are neither measured well enough nor known from the allocation.
#[must_use]
pub fn profile(parameters: &Parameters, workload: Workload) -> Option<PersonaDraft> {
    let (class, clearness, mut evidence) = classify(&workload);
    let allocation = allocation(parameters, &workload, &mut evidence)?;
    let cores = f64::from(allocation.cpu_millis) / 1_000.0;
    let line = line(&workload);
    let capacity = line.and_then(|line| line.load_at(cores * parameters.objective_utilisation));
    if let (Some(line), Some(capacity)) = (line, capacity) {
        evidence.push(Evidence {
            what: "cpu_cores over requests".to_owned(),
            value: line.per_request,
            unit: "cores per request/s".to_owned(),
            conclusion: format!(
                "one instance serves {capacity:.1} at {:.0}% of its processor (R squared {:.2})",
                parameters.objective_utilisation * 100.0,
                line.r_squared
            ),
        });
    }
    let used = find(&workload.usages, Metric::CpuCores).map(|history| (mean(history) / cores).clamp(0.0, 1.0));
    let expected = ExpectedPerformance { latency_p95_ms: None, throughput_per_s: capacity, utilisation: used };
    let confidence = confidence(&workload, clearness, line);
    let system = settings::system(class);
    let capacity_per_instance = capacity;
    let resource = workload.resource;
    Some(PersonaDraft { resource, class, allocation, system, expected, capacity_per_instance, confidence, evidence })
}

fn line(workload: &Workload) -> Option<Line> {
    let requests = find(&workload.usages, Metric::Requests)?;
    Line::fit(requests, find(&workload.usages, Metric::CpuCores)?)
}

/// What one instance should be made of: measured use plus the margin, else what it is made of today.
fn allocation(parameters: &Parameters, workload: &Workload, evidence: &mut Vec<Evidence>) -> Option<Allocation> {
    let today = workload.allocation;
    let grown = |use_of: f64| use_of * (1.0 + parameters.margin);
    let cpu = find(&workload.usages, Metric::CpuCores).map(|history| {
        let p90 = recent_p90(history);
        evidence.push(measured("cpu_cores p90, recent values first", p90, "cores", parameters));
        whole(grown(p90) * 1_000.0)
    });
    let memory = find(&workload.usages, Metric::MemoryBytes).map(|history| {
        let p90 = recent_peak_p90(history);
        evidence.push(measured("memory_bytes daily peaks p90", p90, "bytes", parameters));
        whole(grown(p90) / MIB)
    });
    let network = find(&workload.usages, Metric::NetworkBytes).map(|history| whole(grown(recent_p90(history)) * 8e-6));
    Some(Allocation {
        cpu_millis: cpu.or(today.map(|today| today.cpu_millis))?,
        memory_mib: memory.or(today.map(|today| today.memory_mib))?,
        storage_gib: today.map_or(0, |today| today.storage_gib),
        network_mbps: network.or(today.map(|today| today.network_mbps)).unwrap_or(0),
    })
}

fn measured(what: &str, value: f64, unit: &str, parameters: &Parameters) -> Evidence {
    let conclusion = format!("allocate this and {:.0}% more", parameters.margin * 100.0);
    Evidence { what: what.to_owned(), value, unit: unit.to_owned(), conclusion }
}

/// Rounds up to a whole number from 1.
pub(crate) fn whole(value: f64) -> u32 {
    value.ceil().clamp(1.0, f64::from(u32::MAX)) as u32
}

/// How sure a draft is: by the days seen (up to a week), the share of values that are there, how clear the class is and
/// how well load explains processor use.
fn confidence(workload: &Workload, clearness: f64, line: Option<Line>) -> f64 {
    let longest = workload.usages.iter().map(|usage| span_ms(&usage.history)).max().unwrap_or(0);
    let days = (longest as f64 / DAY_MS / 7.0).min(1.0);
    let (present, all) = workload.usages.iter().fold((0, 0), |(present, all), usage| {
        (present + usage.history.count_present(), all + usage.history.values.len())
    });
    let complete = present as f64 / all.max(1) as f64;
    let explained = line.map_or(0.0, |line| line.r_squared);
    0.4 * days + 0.3 * complete + 0.2 * clearness + 0.1 * explained
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_sdk::Series;
    use forewarm_sdk::words::{Usage, WorkloadClass};

    fn usage(metric: Metric, values: Vec<f64>) -> Usage {
        Usage { metric, history: Series { start_ms: 0, step_ms: 60_000, values } }
    }

    fn draft(usages: Vec<Usage>, allocation: Option<Allocation>) -> Option<PersonaDraft> {
        profile(&Parameters::default(), Workload { resource: "web-1".to_owned(), allocation, usages })
    }

    fn load(count: i32) -> Vec<f64> {
        (0..count).map(|step| 50.0 + 50.0 * (f64::from(step) / 100.0).sin()).collect()
    }

    #[test]
    fn a_draft_has_allocation_capacity_and_evidence() {
        let requests = load(3_000);
        let cpu: Vec<f64> = requests.iter().map(|load| 0.1 + 0.02 * load).collect();
        let usages = vec![
            usage(Metric::CpuCores, cpu),
            usage(Metric::MemoryBytes, vec![1_000.0 * MIB; 3_000]),
            usage(Metric::Requests, requests),
        ];
        let draft = draft(usages, None).expect("enough data");
        // P90 of the processor is about 2.05 cores, one bucket of 5% and 15% of margin on top.
        assert!((2_300..=2_520).contains(&draft.allocation.cpu_millis), "{:?}", draft.allocation);
        assert!((1_150..=1_210).contains(&draft.allocation.memory_mib), "{:?}", draft.allocation);
        let cores = f64::from(draft.allocation.cpu_millis) / 1_000.0;
        let expected = (0.7 * cores - 0.1) / 0.02;
        assert!((draft.capacity_per_instance.expect("load was measured") - expected).abs() < 0.1);
        assert_eq!(draft.class, WorkloadClass::CpuBound);
        assert!(draft.evidence.len() >= 4 && draft.evidence.iter().all(|evidence| evidence.value.is_finite()));
        assert!(draft.confidence > 0.4 && draft.confidence < 0.9, "{}", draft.confidence);
    }

    #[test]
    fn too_little_data_gives_no_draft() {
        assert!(draft(Vec::new(), None).is_none());
        assert!(draft(vec![usage(Metric::CpuCores, vec![1.0; 500])], None).is_none(), "memory is not known");
        let gaps = vec![f64::NAN; 5_000];
        assert!(draft(vec![usage(Metric::CpuCores, gaps.clone()), usage(Metric::MemoryBytes, gaps)], None).is_none());
    }

    #[test]
    fn what_was_not_measured_is_taken_from_today() {
        let today = Allocation { cpu_millis: 2_000, memory_mib: 4_096, storage_gib: 20, network_mbps: 100 };
        let draft = draft(vec![usage(Metric::CpuCores, vec![1.0; 500])], Some(today)).expect("memory is known");
        assert_eq!((draft.allocation.memory_mib, draft.allocation.storage_gib), (4_096, 20));
        assert!((1_150..=1_210).contains(&draft.allocation.cpu_millis));
        assert_eq!(draft.capacity_per_instance, None);
    }

    #[test]
    fn gaps_and_constants_do_no_harm() {
        let mut cpu = vec![1.0; 2_000];
        cpu[300..900].fill(f64::NAN);
        let usages = vec![
            usage(Metric::CpuCores, cpu),
            usage(Metric::MemoryBytes, vec![4e9; 2_000]),
            usage(Metric::Requests, vec![0.0; 2_000]),
        ];
        let draft = draft(usages, None).expect("enough data");
        assert_eq!((draft.class, draft.capacity_per_instance), (WorkloadClass::Balanced, None));
        assert!(draft.confidence.is_finite());
    }

    #[test]
    fn an_idle_workload_gets_the_least() {
        let idle = vec![usage(Metric::CpuCores, vec![0.0; 200]), usage(Metric::MemoryBytes, vec![0.0; 200])];
        let draft = draft(idle, None).expect("enough data");
        assert_eq!((draft.allocation.cpu_millis, draft.allocation.memory_mib), (1, 1));
        assert_eq!(draft.expected.utilisation, Some(0.0));
    }
}
