//! A profiler that takes the largest value, and breaks the property of the contract that its parameter names.

use forewarm_sdk::prelude::*;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Parameters {
    fault: String,
}

fn fault() -> Result<String, Error> {
    host::config::<Parameters>().map(|parameters| parameters.fault)
}

/// The plugin.
pub struct Wrong;

fn draft(fault: &str, workload: &Workload) -> Option<PersonaDraft> {
    let values = || workload.usages.iter().flat_map(|usage| usage.history.present());
    if fault == "survives-odd-usage" {
        assert!(values().all(|value| value >= 0.0), "usage is not negative");
    }
    if values().next().is_none() && fault != "insufficient-left-out" {
        return None;
    }
    let empty = fault == "evidence-given";
    let evidence = Evidence {
        what: "values".to_owned(),
        value: values().count() as f64,
        unit: "values".to_owned(),
        conclusion: "enough".to_owned(),
    };
    Some(PersonaDraft {
        resource: if fault == "only-asked-resources" { "another".to_owned() } else { workload.resource.clone() },
        class: WorkloadClass::Balanced,
        allocation: Allocation {
            cpu_millis: if fault == "allocation-positive" { 0 } else { 100 },
            memory_mib: 100,
            storage_gib: 0,
            network_mbps: 0,
        },
        system: System { image: String::new(), settings: Vec::new(), software: Vec::new() },
        expected: ExpectedPerformance { latency_p95_ms: None, throughput_per_s: None, utilisation: None },
        capacity_per_instance: None,
        confidence: if fault == "confidence-range" { 80.0 } else { 0.8 },
        evidence: if empty { Vec::new() } else { vec![evidence] },
    })
}

#[profiler(summary = "Breaks the contract as asked", parameters = "parameters.schema.json", memory_mib = 128)]
impl Profiler for Wrong {
    fn profile(workloads: Vec<Workload>) -> Result<Vec<PersonaDraft>, Error> {
        let fault = fault()?;
        let mut drafts: Vec<_> = workloads.iter().filter_map(|workload| draft(&fault, workload)).collect();
        if fault == "order-independent"
            && let Some(first) = drafts.first_mut()
        {
            first.confidence = 0.9;
        }
        Ok(drafts)
    }

    fn refine(persona: Persona, _outcomes: Vec<Outcome>) -> Result<Vec<Change>, Error> {
        let fault = fault()?;
        let from = f64::from(persona.allocation.cpu_millis);
        let reason = if fault == "changes-state-reasons" { "" } else { "one more never hurts" };
        Ok(vec![Change {
            field: "allocation.cpu-millis".to_owned(),
            from: if fault == "from-is-present-value" { from - 1.0 } else { from },
            to: from + 1.0,
            reason: reason.to_owned(),
        }])
    }
}
