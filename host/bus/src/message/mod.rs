//! What travels on the bus: calls to plugins (MessagePack with named fields) and events (JSON, for anyone to read).
//!
//! Calls go to `forewarm.v1.<kind>.<plugin>`, events to `forewarm.v1.event.<topic>`; [`market`] has those between
//! hosts and the market. A value takes 9 bytes, so a
//! history of 20,160 of them takes about 180 KiB of the 1 MiB that a NATS server carries by default. A profile call
//! with many workloads can exceed it: send fewer at a time, or raise the server's `max_payload` (at most 8 MiB).

mod call;
mod detector;
mod driver;
mod event;
mod forecaster;
pub mod market;
mod profiler;
mod serve;

pub use call::{Call, call, subject_of};
pub use detector::{DetectorCall, JudgeCall, Judged, ServeDetector};
pub use driver::ServeDriver;
pub use driver::{DriverAnswer, DriverCall, DriverRequest};
pub use event::{Event, EventTopic, InvalidEvent, all_events, decode_event, publish_event};
pub use forecaster::{
    BacktestCall, Backtested, DescribeForecaster, FitCall, ForecastAnswer, ForecastCall, ForecasterCall,
    SeasonalityCall, ServeForecaster,
};
pub use profiler::{ProfileCall, ProfilerCall, RefineCall, ServeProfiler};
pub use serve::{Calls, serve_calls};
