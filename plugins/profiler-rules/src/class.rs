//! What a workload is short of first.
//!
//! Each resource gets a score: its use against the use at which it begins to limit. The highest score of at least one
//! names the class; below one everywhere, the workload is balanced. Where the allocation is known, use counts relative
//! to it; elsewhere, and for disks, whose allocation has no figure for operations, it counts relative to the processor
//! time that goes with it.

use crate::usage::{find, quantile};
use forewarm_sdk::words::{Evidence, Workload, WorkloadClass};
use forewarm_sdk::{Allocation, Metric};

/// The share of the allocated processor from which it limits.
const CPU_LIMIT: f64 = 0.7;
/// The share of the allocated memory from which it limits.
const MEMORY_LIMIT: f64 = 0.8;
/// The share of the allocated bandwidth from which it limits.
const NETWORK_LIMIT: f64 = 0.6;
/// Without an allocation: GiB per core above which memory is bought for, and below which the processor is.
const GIB_PER_CORE_HIGH: f64 = 8.0;
const GIB_PER_CORE_LOW: f64 = 2.0;
/// Disk operations per second and core in use from which the disk limits, with at least this many a second.
const DISK_OPS_PER_CORE: f64 = 1_000.0;
const DISK_OPS_MIN: f64 = 200.0;
/// Network bytes per second and core in use from which the network limits, with at least this many a second.
const NETWORK_PER_CORE: f64 = 30e6;
const NETWORK_MIN: f64 = 5e6;
/// Less processor time than this is counted as this, so that an idle workload is not called heavy.
const CORES_MIN: f64 = 0.05;
const GIB: f64 = 1_073_741_824.0;

/// One resource's score and what it rests on.
struct Score {
    class: WorkloadClass,
    score: f64,
    evidence: Evidence,
}

/// Names the class of a workload, how clear it is (0 to 1), and the evidence, strongest first.
#[must_use]
pub fn classify(workload: &Workload) -> (WorkloadClass, f64, Vec<Evidence>) {
    let p95 = |metric| find(&workload.usages, metric).map(|history| quantile(history, 0.95));
    let cores = p95(Metric::CpuCores);
    let allocation = workload.allocation.as_ref();
    let mut scores: Vec<Score> = [
        cores.and_then(|cores| cpu(cores, p95(Metric::MemoryBytes), allocation)),
        p95(Metric::MemoryBytes).and_then(|bytes| memory(bytes, cores, allocation)),
        p95(Metric::DiskOps).map(|ops| disk(ops, cores)),
        p95(Metric::NetworkBytes).map(|bytes| network(bytes, cores, allocation)),
    ]
    .into_iter()
    .flatten()
    .collect();
    scores.sort_by(|a, b| b.score.total_cmp(&a.score));
    let first = scores.first().map_or(0.0, |score| score.score);
    let second = scores.get(1).map_or(0.0, |score| score.score);
    let (class, rival) = match scores.first() {
        Some(score) if first >= 1.0 => (score.class, second.max(1.0)),
        _ => (WorkloadClass::Balanced, 1.0),
    };
    let clearness = if rival > 0.0 { ((first / rival).ln().abs() / 2.0_f64.ln()).min(1.0) } else { 1.0 };
    (class, clearness, scores.into_iter().map(|score| score.evidence).collect())
}

fn cpu(cores: f64, memory: Option<f64>, allocation: Option<&Allocation>) -> Option<Score> {
    let class = WorkloadClass::CpuBound;
    if let Some(allocation) = allocation {
        let share = cores * 1_000.0 / f64::from(allocation.cpu_millis.max(1));
        return Some(score(class, share / CPU_LIMIT, ("cpu p95 of allocation", share, "share", CPU_LIMIT)));
    }
    let ratio = memory? / GIB / cores.max(CORES_MIN);
    // The processor limits when little memory goes with it, so this ratio counts from below; an idle one never does.
    let score_of = if cores < CORES_MIN { 0.0 } else { GIB_PER_CORE_LOW / ratio.max(1e-3) };
    Some(score(class, score_of, ("memory p95 per core", ratio, "GiB/core", GIB_PER_CORE_LOW)))
}

fn memory(bytes: f64, cores: Option<f64>, allocation: Option<&Allocation>) -> Option<Score> {
    let class = WorkloadClass::MemoryBound;
    if let Some(allocation) = allocation {
        let share = bytes / (f64::from(allocation.memory_mib.max(1)) * 1_048_576.0);
        return Some(score(class, share / MEMORY_LIMIT, ("memory p95 of allocation", share, "share", MEMORY_LIMIT)));
    }
    let ratio = bytes / GIB / cores?.max(CORES_MIN);
    Some(score(class, ratio / GIB_PER_CORE_HIGH, ("memory p95 per core", ratio, "GiB/core", GIB_PER_CORE_HIGH)))
}

fn disk(ops: f64, cores: Option<f64>) -> Score {
    let limit = (DISK_OPS_PER_CORE * cores.unwrap_or(1.0).max(CORES_MIN)).max(DISK_OPS_MIN);
    score(WorkloadClass::IopsHeavy, ops / limit, ("disk operations p95", ops, "1/s", limit))
}

fn network(bytes: f64, cores: Option<f64>, allocation: Option<&Allocation>) -> Score {
    let class = WorkloadClass::NetworkHeavy;
    let allocated = allocation.map_or(0, |allocation| allocation.network_mbps);
    if allocated > 0 {
        let share = bytes * 8.0 / (f64::from(allocated) * 1e6);
        return score(class, share / NETWORK_LIMIT, ("network p95 of allocation", share, "share", NETWORK_LIMIT));
    }
    let limit = (NETWORK_PER_CORE * cores.unwrap_or(1.0).max(CORES_MIN)).max(NETWORK_MIN);
    score(class, bytes / limit, ("network p95", bytes, "bytes/s", limit))
}

fn score(class: WorkloadClass, score: f64, (what, value, unit, limit): (&str, f64, &str, f64)) -> Score {
    let verb = if score >= 1.0 { "limits" } else { "does not limit" };
    let conclusion = format!("{} {verb}: {value:.3} {unit} against {limit:.3}", noun(class));
    Score { class, score, evidence: Evidence { what: what.to_owned(), value, unit: unit.to_owned(), conclusion } }
}

fn noun(class: WorkloadClass) -> &'static str {
    match class {
        WorkloadClass::CpuBound => "the processor",
        WorkloadClass::MemoryBound => "memory",
        WorkloadClass::IopsHeavy => "the disk",
        WorkloadClass::NetworkHeavy => "the network",
        WorkloadClass::Balanced => "nothing",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_sdk::Series;
    use forewarm_sdk::words::Usage;

    /// The class of a workload with constant use: cores, GiB, disk operations and network megabytes per second.
    fn class(use_of: [f64; 4], allocation: Option<Allocation>) -> WorkloadClass {
        let metrics = [Metric::CpuCores, Metric::MemoryBytes, Metric::DiskOps, Metric::NetworkBytes];
        let factors = [1.0, GIB, 1.0, 1e6];
        let usages = metrics
            .into_iter()
            .zip(use_of.into_iter().zip(factors))
            .map(|(metric, (value, factor))| {
                let history = Series { start_ms: 0, step_ms: 60_000, values: vec![value * factor; 120] };
                Usage { metric, history }
            })
            .collect();
        classify(&Workload { resource: "r".to_owned(), allocation, usages }).0
    }

    fn allocated() -> Option<Allocation> {
        Some(Allocation { cpu_millis: 4_000, memory_mib: 16_384, storage_gib: 0, network_mbps: 1_000 })
    }

    #[test]
    fn use_relative_to_the_allocation_decides() {
        for (use_of, expected) in [
            ([3.8, 4.0, 10.0, 1.0], WorkloadClass::CpuBound),
            ([1.0, 15.5, 10.0, 1.0], WorkloadClass::MemoryBound),
            ([1.0, 4.0, 5_000.0, 1.0], WorkloadClass::IopsHeavy),
            ([1.0, 4.0, 10.0, 110.0], WorkloadClass::NetworkHeavy),
            ([1.0, 4.0, 10.0, 1.0], WorkloadClass::Balanced),
        ] {
            assert_eq!(class(use_of, allocated()), expected, "{use_of:?}");
        }
    }

    #[test]
    fn without_an_allocation_the_mix_decides() {
        for (use_of, expected) in [
            ([4.0, 2.0, 10.0, 1.0], WorkloadClass::CpuBound),
            ([0.5, 20.0, 10.0, 1.0], WorkloadClass::MemoryBound),
            ([1.0, 4.0, 5_000.0, 1.0], WorkloadClass::IopsHeavy),
            ([1.0, 4.0, 10.0, 110.0], WorkloadClass::NetworkHeavy),
            ([1.0, 4.0, 10.0, 1.0], WorkloadClass::Balanced),
            ([0.0, 0.01, 0.0, 0.0], WorkloadClass::Balanced),
        ] {
            assert_eq!(class(use_of, None), expected, "{use_of:?}");
        }
    }
}
