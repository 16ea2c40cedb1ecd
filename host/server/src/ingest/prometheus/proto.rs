//! The messages of remote-write 1.0 (<https://prometheus.io/docs/specs/prw/remote_write_spec/>), as far as they are used.
//!
//! Nested messages that may never be looked at are kept as the bytes that they came in.

use bytes::Bytes;

/// `prometheus.WriteRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct WriteRequest {
    /// `prometheus.TimeSeries` each.
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub timeseries: Vec<Bytes>,
    /// `prometheus.MetricMetadata` each.
    #[prost(bytes = "bytes", repeated, tag = "3")]
    pub metadata: Vec<Bytes>,
}

/// `prometheus.TimeSeries`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TimeSeries {
    /// A [`Label`] each.
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub labels: Vec<Bytes>,
    #[prost(message, repeated, tag = "2")]
    pub samples: Vec<PromSample>,
    #[prost(bytes = "bytes", repeated, tag = "3")]
    pub exemplars: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "4")]
    pub histograms: Vec<Bytes>,
}

/// `prometheus.Label`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Label {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

/// `prometheus.Sample`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct PromSample {
    #[prost(double, tag = "1")]
    pub value: f64,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "2")]
    pub timestamp: i64,
}
