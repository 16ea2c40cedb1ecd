//! Instants as the API writes them.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Milliseconds since 1970 by this machine's clock, which is the hosts' clock, too.
#[must_use]
pub fn now_ms() -> i64 {
    i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).expect("a date of this age")
}

/// RFC 3339.
///
/// # Panics
/// Where the instant lies beyond the calendar.
#[must_use]
pub fn text(ms: i64) -> String {
    let instant = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).expect("within the calendar");
    instant.format(&Rfc3339).expect("within the calendar")
}

/// From RFC 3339.
///
/// # Panics
/// Where the text is none.
#[must_use]
pub fn parse(text: &str) -> i64 {
    let instant = OffsetDateTime::parse(text, &Rfc3339).expect("RFC 3339");
    i64::try_from(instant.unix_timestamp_nanos() / 1_000_000).expect("within the calendar")
}
