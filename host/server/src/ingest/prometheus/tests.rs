//! Requests as Prometheus sends them, and as it never would.

use super::proto::{Label, PromSample, TimeSeries, WriteRequest};
use super::*;

fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> TimeSeries {
    let label = |(name, value): &(&str, &str)| Label { name: (*name).into(), value: (*value).into() };
    TimeSeries {
        labels: labels.iter().map(|pair| label(pair).encode_to_vec().into()).collect(),
        samples: samples.iter().map(|(timestamp, value)| PromSample { timestamp: *timestamp, value: *value }).collect(),
        ..TimeSeries::default()
    }
}

fn body(series: &[TimeSeries]) -> Vec<u8> {
    let timeseries = series.iter().map(|series| series.encode_to_vec().into()).collect();
    compress(&WriteRequest { timeseries, metadata: vec![Bytes::from_static(b"\x08\x01")] }.encode_to_vec())
}

fn compress(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).expect("compresses")
}

fn decoder() -> RemoteWriteDecoder {
    RemoteWriteDecoder::new(MappingConfig::default(), RemoteWriteLimits::default()).expect("valid")
}

fn decode(series: &[TimeSeries]) -> RemoteWrite {
    decoder().decode(&body(series)).expect("decodes")
}

const STALE: f64 = f64::from_bits(STALE_NAN);

#[test]
fn mapped_series_become_samples() {
    let decoded = decode(&[
        series(&[("__name__", "forewarm_requests"), ("job", "other"), ("service", "web")], &[(1, 2.0), (3, 4.5)]),
        series(&[("__name__", "container_memory_working_set_bytes"), ("job", "db")], &[(5, 6.0)]),
        series(&[("__name__", "up"), ("job", "db")], &[(5, 1.0)]),
    ]);
    let shown: Vec<_> = decoded.samples.iter().map(|s| (s.key.to_string(), s.at.0, s.value)).collect();
    let expected = [("web/requests", 1, 2.0), ("web/requests", 3, 4.5), ("db/memory_bytes", 5, 6.0)];
    assert_eq!(shown, expected.map(|(key, at, value)| (key.to_owned(), at, value)));
    assert_eq!(decoded.ignored, Ignored { unmapped_series: 1, metadata: 1, ..Ignored::default() });
    assert_eq!(decoded.problems_total, 0);
}

#[test]
fn what_is_no_sample_is_counted() {
    let mut one = series(&[("__name__", "forewarm_requests"), ("job", "web")], &[(1, STALE), (2, f64::NAN)]);
    one.exemplars = vec![Bytes::from_static(b"x"); 2];
    one.histograms = vec![Bytes::from_static(b"x")];
    let decoded = decode(&[one]);
    let ignored = decoded.ignored;
    assert_eq!((ignored.stale_markers, ignored.exemplars, ignored.histograms), (1, 2, 1));
    // A NaN that is no stale marker is left for the book to refuse by name.
    assert_eq!(decoded.samples.len(), 1);
}

#[test]
fn refused_series_say_what_to_do() {
    let table: [(&[(&str, &str)], &str); 3] = [
        (&[("__name__", "forewarm_requests_total"), ("job", "web")], "rate(forewarm_requests_total[2m])"),
        (&[("__name__", "forewarm_requests"), ("pod", "web")], "none of the labels forewarm_resource, service, job"),
        (&[("__name__", "forewarm_requests"), ("job", "no good")], "`no good` is not a valid resource name"),
    ];
    for (labels, expected) in table {
        let decoded = decode(&[series(labels, &[(1, 1.0)])]);
        let told = decoded.problems.first().expect("a problem").to_string();
        assert!(told.contains(expected), "{told}");
        assert!(decoded.samples.is_empty());
    }
    let counter = decode(&[series(&[("__name__", "http_requests_total"), ("job", "web")], &[(1, 1.0)])]);
    assert_eq!((counter.problems_total, counter.ignored.unmapped_series), (0, 1));
}

#[test]
fn one_series_has_one_label_set_until_that_falls_silent() {
    let decoder = decoder();
    let of = |pod: &str, at: i64| {
        body(&[series(&[("__name__", "forewarm_requests"), ("job", "web"), ("pod", pod)], &[(at, 1.0)])])
    };
    assert_eq!(decoder.decode(&of("a", 1_000)).expect("decodes").samples.len(), 1);
    let second = decoder.decode(&of("b", 2_000)).expect("decodes");
    assert!(second.samples.is_empty());
    let told = second.problems[0].to_string();
    assert!(told.contains(r#"pod="b""#) && told.contains(r#"pod="a""#) && told.contains("recording rule"), "{told}");
    // Pod a is silent for longer than it takes to be replaced.
    assert_eq!(decoder.decode(&of("b", 400_000)).expect("decodes").samples.len(), 1);
    assert_eq!(decoder.decode(&of("a", 401_000)).expect("decodes").problems_total, 1);
}

#[test]
fn unknown_fields_are_skipped() {
    let mut raw = series(&[("__name__", "forewarm_requests"), ("job", "web")], &[(1, 1.0)]).encode_to_vec();
    raw.extend([0x98, 0x06, 0x05]);
    let request = WriteRequest { timeseries: vec![raw.into()], metadata: vec![] };
    let decoded = decoder().decode(&compress(&request.encode_to_vec())).expect("decodes");
    assert_eq!(decoded.samples.len(), 1);
}

#[test]
fn bad_bodies_are_refused_without_allocating() {
    let decoder = decoder();
    let bomb = [0xff, 0xff, 0xff, 0xff, 0x0f, 0x00];
    assert!(matches!(decoder.decode(&bomb), Err(RemoteWriteError::TooLarge { got, .. }) if got > 4_000_000_000));
    assert!(matches!(decoder.decode(&[]), Err(RemoteWriteError::Snappy(_))));
    assert!(matches!(decoder.decode(b"{\"samples\":[]}"), Err(RemoteWriteError::Snappy(_))));
    assert!(matches!(decoder.decode(&compress(&[0xff; 20])), Err(RemoteWriteError::Protobuf(_))));
    let broken = WriteRequest { timeseries: vec![Bytes::from_static(&[0x0a, 0x7f])], metadata: vec![] };
    assert!(matches!(decoder.decode(&compress(&broken.encode_to_vec())), Err(RemoteWriteError::Protobuf(_))));
    let many = vec![(1, 1.0); RemoteWriteLimits::default().max_samples + 1];
    let many = body(&[series(&[("__name__", "up")], &many)]);
    assert!(matches!(decoder.decode(&many), Err(RemoteWriteError::TooManySamples { .. })));
}
