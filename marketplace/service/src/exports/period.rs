//! The time that an export covers.

use forewarm_domain::time::TimestampMs;
use time::{Date, OffsetDateTime, Time};

/// The longest period: a year and a day.
const LONGEST_MS: i64 = 366 * 86_400_000;

/// From `from` to before `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    from: TimestampMs,
    to: TimestampMs,
}

/// Two instants that are no period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{from} to {to} is no period: it ends after it begins and is 366 days long at most")]
pub struct InvalidPeriod {
    from: TimestampMs,
    to: TimestampMs,
}

impl Period {
    /// A period.
    ///
    /// # Errors
    /// [`InvalidPeriod`] when it is empty or too long.
    pub fn new(from: TimestampMs, to: TimestampMs) -> Result<Self, InvalidPeriod> {
        let known = from >= TimestampMs::MIN && to <= TimestampMs::MAX;
        if known && from < to && to.since(from) <= LONGEST_MS {
            Ok(Self { from, to })
        } else {
            Err(InvalidPeriod { from, to })
        }
    }

    /// The one that was asked for; what is left out comes from the calendar month (UTC) of `now`.
    ///
    /// # Errors
    /// [`InvalidPeriod`] when it is empty or too long.
    pub fn asked(from: Option<TimestampMs>, to: Option<TimestampMs>, now: TimestampMs) -> Result<Self, InvalidPeriod> {
        let (begin, end) = month_of(from.unwrap_or(now));
        Self::new(from.unwrap_or(begin), to.unwrap_or(end))
    }

    /// When it begins.
    #[must_use]
    pub fn from(self) -> TimestampMs {
        self.from
    }

    /// When it is over.
    #[must_use]
    pub fn to(self) -> TimestampMs {
        self.to
    }

    /// Whether `at` lies in it.
    #[must_use]
    pub fn contains(self, at: TimestampMs) -> bool {
        (self.from..self.to).contains(&at)
    }
}

/// The calendar month (UTC) of an instant, from its first moment to the next one's.
#[must_use]
pub fn month_of(at: TimestampMs) -> (TimestampMs, TimestampMs) {
    let date = OffsetDateTime::from_unix_timestamp(at.0.div_euclid(1_000)).map_or(Date::MIN, OffsetDateTime::date);
    let first = date.replace_day(1).unwrap_or(date);
    let (year, month) = (first.year(), first.month());
    let next_year = if month == time::Month::December { year + 1 } else { year };
    let next = Date::from_calendar_date(next_year, month.next(), 1).unwrap_or(Date::MAX);
    let midnight = |date: Date| TimestampMs(date.with_time(Time::MIDNIGHT).assume_utc().unix_timestamp() * 1_000);
    (midnight(first), midnight(next))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> TimestampMs {
        serde_json::from_value(text.into()).expect("a time")
    }

    #[test]
    fn months_begin_and_end_at_midnight() {
        for (instant, from, to) in [
            ("2026-02-28T23:59:59.999Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
            ("2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ] {
            assert_eq!(month_of(at(instant)), (at(from), at(to)));
        }
    }

    #[test]
    fn what_is_not_asked_for_is_the_month() {
        let now = at("2026-05-17T10:00:00Z");
        let month = Period::asked(None, None, now).expect("a period");
        assert_eq!((month.from(), month.to()), (at("2026-05-01T00:00:00Z"), at("2026-06-01T00:00:00Z")));
        let begun = Period::asked(Some(at("2026-03-15T00:00:00Z")), None, now).expect("a period");
        assert_eq!(begun.to(), at("2026-04-01T00:00:00Z"));
        assert!(Period::new(now, now).is_err() && Period::new(now, TimestampMs(now.0 - 1)).is_err());
        assert!(Period::new(TimestampMs(0), now).is_err() && Period::new(TimestampMs(i64::MIN), now).is_err());
    }
}
