//! A budget: what a persona's instances may cost in a day, a week or a month of the calendar, in UTC.

use crate::time::{DAY_MS, TimestampMs};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a persona's instances may cost in each period.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// In units of the driver's currency, as its prices are.
    #[schema(exclusive_minimum = 0.0, maximum = 1e12)]
    pub amount: f64,
    /// For how long it has to last.
    pub period: Period,
}

/// A period of the calendar in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// From midnight.
    Day,
    /// From Monday.
    Week,
    /// From the first of the month.
    Month,
}

impl Period {
    /// Every period, the shortest first.
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// The period's name, as in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The beginning and the end of the period around `at`.
    #[must_use]
    pub fn around(self, at: TimestampMs) -> (TimestampMs, TimestampMs) {
        // Instants are checked to lie between 1970 and 9999; the calendar ends two days before that does.
        let at = Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::MAX);
        let day = at.to_zoned_datetime(TimeZone::UTC).date();
        let begin = match self {
            Self::Day => day,
            Self::Week => day.saturating_sub(Span::new().days(day.weekday().to_monday_zero_offset())),
            Self::Month => day.first_of_month(),
        };
        let end = match self {
            Self::Day => begin.saturating_add(Span::new().days(1)),
            Self::Week => begin.saturating_add(Span::new().days(7)),
            Self::Month => begin.saturating_add(Span::new().months(1)),
        };
        (midnight(begin), midnight(end))
    }
}

fn midnight(day: Date) -> TimestampMs {
    let days = Date::constant(1970, 1, 1).until(day).map_or(0, |span| i64::from(span.get_days()));
    TimestampMs(days * DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_those_of_the_calendar() {
        // A Thursday.
        let at: TimestampMs = "2028-02-10T13:20:00Z".parse().expect("valid");
        for (period, begin, end) in [
            (Period::Day, "2028-02-10T00:00:00Z", "2028-02-11T00:00:00Z"),
            (Period::Week, "2028-02-07T00:00:00Z", "2028-02-14T00:00:00Z"),
            (Period::Month, "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
        ] {
            let (from, until) = period.around(at);
            assert_eq!((from.to_string().as_str(), until.to_string().as_str()), (begin, end));
            assert_eq!(period.around(from), (from, until), "a period contains its beginning");
            assert_eq!(period.around(until).0, until, "and not its end");
        }
    }

    #[test]
    fn the_ends_of_time_have_a_period() {
        for at in [TimestampMs::MIN, TimestampMs::MAX] {
            for period in [Period::Day, Period::Week, Period::Month] {
                let (from, until) = period.around(at);
                assert!(from <= at && from < until, "{period:?} {at}: {from} to {until}");
            }
        }
    }
}
