//! Prometheus remote-write 1.0 bodies, encoded by hand: a second opinion on what the host decodes.

/// One time series: labels, and samples as (milliseconds since 1970, value).
pub type TimeSeries<'a> = (&'a [(&'a str, &'a str)], &'a [(i64, f64)]);

/// Wire types of protobuf.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;

/// A `prometheus.WriteRequest`, packed with snappy.
///
/// # Panics
/// Never for bodies of less than 4 GiB.
#[must_use]
pub fn body(series: &[TimeSeries<'_>]) -> Vec<u8> {
    let mut request = Vec::new();
    for (labels, samples) in series {
        let mut message = Vec::new();
        for (name, value) in *labels {
            let mut label = Vec::new();
            field(&mut label, 1, name.as_bytes());
            field(&mut label, 2, value.as_bytes());
            field(&mut message, 1, &label);
        }
        for (at, value) in *samples {
            let mut sample = Vec::new();
            varint(&mut sample, 1 << 3 | FIXED64);
            sample.extend(value.to_le_bytes());
            varint(&mut sample, 2 << 3 | VARINT);
            varint(&mut sample, at.cast_unsigned());
            field(&mut message, 2, &sample);
        }
        field(&mut request, 1, &message);
    }
    snap::raw::Encoder::new().compress_vec(&request).expect("less than 4 GiB")
}

/// The headers of such a body.
pub const HEADERS: &[(&str, &str)] = &[
    ("content-type", "application/x-protobuf"),
    ("content-encoding", "snappy"),
    ("x-prometheus-remote-write-version", "0.1.0"),
];

fn field(into: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    varint(into, number << 3 | BYTES);
    varint(into, bytes.len() as u64);
    into.extend(bytes);
}

fn varint(into: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        into.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    into.push(value.to_le_bytes()[0]);
}
