//! Prometheus remote-write 1.0 bodies (<https://prometheus.io/docs/specs/prw/remote_write_spec/>), as a server with
//! Kubernetes' usual labels would send them.

use crate::Result;

/// One series of a body.
pub(crate) struct Entry<'e> {
    /// Prometheus' name of the metric.
    pub(crate) metric: &'e str,
    /// The number of the workload, which names its resource `svc-NNNNN`.
    pub(crate) workload: usize,
    /// Milliseconds since 1970, and the value.
    pub(crate) samples: Vec<(i64, f64)>,
}

/// The name of a workload's resource.
pub(crate) fn resource(workload: usize) -> String {
    format!("svc-{workload:05}")
}

/// The body, packed with snappy.
///
/// # Errors
/// Snappy's.
pub(crate) fn encode(entries: &[Entry<'_>]) -> Result<Vec<u8>> {
    let mut raw = Vec::new();
    for entry in entries {
        field(&mut raw, 1, &series(entry));
    }
    Ok(snap::raw::Encoder::new().compress_vec(&raw)?)
}

fn series(entry: &Entry<'_>) -> Vec<u8> {
    let service = resource(entry.workload);
    let pod = format!("{service}-{:08x}-x{}", entry.workload.wrapping_mul(0x9E37_79B1), entry.workload % 7);
    let node = format!("10.0.{}.{}:9100", entry.workload / 250 % 250, entry.workload % 250);
    let labels = [
        ("__name__", entry.metric),
        ("cluster", "eu-central-1"),
        ("instance", &node),
        ("job", "kubernetes-pods"),
        ("namespace", "production"),
        ("pod", &pod),
        ("service", &service),
    ];
    let mut bytes = Vec::new();
    for (name, value) in labels {
        let mut label = Vec::new();
        field(&mut label, 1, name.as_bytes());
        field(&mut label, 2, value.as_bytes());
        field(&mut bytes, 1, &label);
    }
    for &(at, value) in &entry.samples {
        let mut sample = vec![0x09];
        sample.extend(value.to_le_bytes());
        sample.push(0x10);
        varint(&mut sample, at.cast_unsigned());
        field(&mut bytes, 2, &sample);
    }
    bytes
}

/// A field of bytes with its number and length before it.
fn field(target: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    varint(target, number << 3 | 2);
    varint(target, bytes.len() as u64);
    target.extend_from_slice(bytes);
}

fn varint(target: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        target.push(value as u8 | 0x80);
        value >>= 7;
    }
    target.push(value as u8);
}

/// A load with the rhythm of a day: 20 to 100, each workload with a phase and a noise of its own.
pub(crate) fn load(workload: usize, at_ms: i64) -> f64 {
    const DAY_MS: f64 = 86_400_000.0;
    let phase = (workload % 97) as f64 / 97.0;
    let wave = (std::f64::consts::TAU * (at_ms as f64 / DAY_MS + phase)).sin();
    // SplitMix64's finaliser: noise that is the same in every run.
    let mut bits = at_ms.cast_unsigned() ^ (workload as u64) << 48;
    bits = (bits ^ bits >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    let noise = ((bits ^ bits >> 31) >> 11) as f64 / (1_u64 << 53) as f64;
    60.0 + 32.0 * wave + 8.0 * (2.0 * noise - 1.0)
}
