//! Kernel settings that suit a class of workload. They are a start, to be judged by measurement, not a tuning.

use forewarm_sdk::words::WorkloadClass;
use forewarm_sdk::{Setting, System};

/// The system of an instance of a class: settings only, image and software are the operator's.
#[must_use]
pub fn system(class: WorkloadClass) -> System {
    let settings: &[(&str, &str)] = match class {
        WorkloadClass::CpuBound => {
            &[("kernel.sched_autogroup_enabled", "0"), ("cpufreq.governor", "performance"), ("vm.swappiness", "10")]
        }
        WorkloadClass::MemoryBound => {
            &[("vm.swappiness", "1"), ("vm.vfs_cache_pressure", "50"), ("transparent_hugepage.enabled", "madvise")]
        }
        WorkloadClass::IopsHeavy => &[
            ("block.scheduler", "none"),
            ("vm.dirty_background_ratio", "5"),
            ("vm.dirty_ratio", "10"),
            ("fs.aio-max-nr", "1048576"),
            ("vm.swappiness", "10"),
        ],
        WorkloadClass::NetworkHeavy => &[
            ("net.core.somaxconn", "4096"),
            ("net.core.netdev_max_backlog", "16384"),
            ("net.core.rmem_max", "16777216"),
            ("net.core.wmem_max", "16777216"),
            ("net.ipv4.tcp_rmem", "4096 131072 16777216"),
            ("net.ipv4.tcp_wmem", "4096 131072 16777216"),
        ],
        WorkloadClass::Balanced => &[("vm.swappiness", "30"), ("net.core.somaxconn", "1024")],
    };
    let setting = |(name, value): &(&str, &str)| Setting { name: (*name).to_owned(), value: (*value).to_owned() };
    System { image: String::new(), settings: settings.iter().map(setting).collect(), software: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_its_own() {
        let has = |class, name: &str| system(class).settings.iter().any(|setting| setting.name == name);
        assert!(has(WorkloadClass::IopsHeavy, "block.scheduler") && !has(WorkloadClass::CpuBound, "block.scheduler"));
        assert!(has(WorkloadClass::NetworkHeavy, "net.core.rmem_max"));
        assert!(has(WorkloadClass::MemoryBound, "vm.swappiness"));
    }
}
