//! Schedules: other bounds at certain hours of certain days, by the clocks of a time zone.
//!
//! Where clocks are put forward, a time of day that does not exist is the instant at which it would have come, and where
//! they are put back, the first of the two: the rules of Temporal and of RFC 5545. The zones are those of the IANA
//! database that is built in, so that the same schedule means the same on every machine.

use crate::time::TimestampMs;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// Days that are looked at for the next window: any weekday comes within a week.
const DAYS_LOOKED_AHEAD: i32 = 8;
/// Days over which two schedules are compared: both fall on every weekday within it.
const DAYS_COMPARED: i32 = 15;

/// Other bounds at certain hours of certain days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// What plans call it.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Whose clocks count: a zone of the IANA database, such as `Europe/Berlin`.
    #[serde(default)]
    pub time_zone: Zone,
    /// On which days a window begins; every day unless given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 7)]
    pub weekdays: Vec<Weekday>,
    /// When a window begins, such as `09:00`.
    pub from: TimeOfDay,
    /// When it ends, such as `17:30`, or `24:00`; before `from` it is on the day after.
    pub until: TimeOfDay,
    /// The first day on which a window begins, such as `2026-12-01`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_day: Option<Day>,
    /// The last day on which a window begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_day: Option<Day>,
    /// At least so many within the window, and from as long before as a launch takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 1_000_000)]
    pub min: Option<u32>,
    /// At most so many within the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 1_000_000)]
    pub max: Option<u32>,
}

/// A window of a schedule.
pub type Window = (TimestampMs, TimestampMs);

impl Schedule {
    /// Whether its bounds are in force at an instant.
    #[must_use]
    pub fn holds(&self, at: TimestampMs) -> bool {
        let Some(today) = self.time_zone.date(at) else { return false };
        // The window of the day before may reach over midnight.
        let days = [today.saturating_sub(Span::new().days(1)), today];
        days.into_iter().filter_map(|day| self.window(day)).any(|(from, until)| from <= at && at < until)
    }

    /// The first window that has not ended at `at`; `None` where none comes any more.
    #[must_use]
    pub fn next(&self, at: TimestampMs) -> Option<Window> {
        self.windows(at, DAYS_LOOKED_AHEAD).into_iter().next()
    }

    /// Whether both are in force at some time from `at` on.
    #[must_use]
    pub fn meets(&self, other: &Self, at: TimestampMs) -> bool {
        // Two that begin at different times can only meet once both have begun.
        let later = self.next(at).zip(other.next(at)).map(|(mine, theirs)| mine.0.max(theirs.0).max(at));
        let Some(later) = later else { return false };
        let mine = self.windows(later, DAYS_COMPARED);
        let theirs = other.windows(later, DAYS_COMPARED);
        mine.iter().any(|mine| theirs.iter().any(|theirs| mine.0 < theirs.1 && theirs.0 < mine.1))
    }

    /// The windows that have not ended at `at`, begun in the `days` from the day before on, in their order.
    fn windows(&self, at: TimestampMs, days: i32) -> Vec<Window> {
        let Some(today) = self.time_zone.date(at) else { return Vec::new() };
        let first = self.first_day.map_or(today, |day| today.max(day.0)).saturating_sub(Span::new().days(1));
        let days = (0..=days).map(|ahead| first.saturating_add(Span::new().days(ahead)));
        days.filter_map(|day| self.window(day)).filter(|(_, until)| *until > at).collect()
    }

    /// The window that begins on a day.
    fn window(&self, day: Date) -> Option<Window> {
        let in_season =
            self.first_day.is_none_or(|first| first.0 <= day) && self.last_day.is_none_or(|last| day <= last.0);
        let chosen = self.weekdays.is_empty() || self.weekdays.iter().any(|weekday| weekday.is(day));
        if !in_season || !chosen {
            return None;
        }
        let end_day = if self.until <= self.from { day.checked_add(Span::new().days(1)).ok()? } else { day };
        let window = (self.time_zone.instant(self.from.on(day)?)?, self.time_zone.instant(self.until.on(end_day)?)?);
        (window.0 < window.1).then_some(window)
    }
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they speak for themselves")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Weekday {
    fn is(self, day: Date) -> bool {
        i32::from(day.weekday().to_monday_zero_offset()) == self as i32
    }
}

/// A zone of the IANA database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, max_length = 64)]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl Zone {
    pub(crate) fn date(&self, at: TimestampMs) -> Option<Date> {
        Timestamp::from_millisecond(at.0).ok().map(|at| at.to_zoned_datetime(self.0.clone()).date())
    }

    pub(crate) fn instant(&self, at: DateTime) -> Option<TimestampMs> {
        self.0.to_ambiguous_zoned_datetime(at).compatible().ok().map(|at| TimestampMs(at.timestamp().as_millisecond()))
    }
}

impl TryFrom<String> for Zone {
    type Error = InvalidWhen;
    fn try_from(name: String) -> Result<Self, InvalidWhen> {
        TimeZone::get(&name).map(Self).map_err(|_| InvalidWhen::Zone(shown(&name)))
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.to_string()
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0.iana_name().unwrap_or("UTC"))
    }
}

/// A time of day in minutes, 00:00 to 24:00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$")]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    fn on(self, day: Date) -> Option<DateTime> {
        let (hour, minute) = (i8::try_from(self.0 / 60).ok()?, i8::try_from(self.0 % 60).ok()?);
        if hour == 24 {
            return Some(day.checked_add(Span::new().days(1)).ok()?.to_datetime(Time::midnight()));
        }
        Some(day.to_datetime(Time::new(hour, minute, 0, 0).ok()?))
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = InvalidWhen;
    fn try_from(text: String) -> Result<Self, InvalidWhen> {
        let refuse = || InvalidWhen::Time(shown(&text));
        let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        let (hour, minute) = text.split_once(':').filter(|(h, m)| digits(h) && digits(m)).ok_or_else(refuse)?;
        let (hour, minute): (u16, u16) = hour.parse().ok().zip(minute.parse().ok()).ok_or_else(refuse)?;
        let time = Self(hour * 60 + minute);
        (minute < 60 && time.0 <= 24 * 60).then_some(time).ok_or_else(refuse)
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, format = Date)]
pub struct Day(Date);

impl TryFrom<String> for Day {
    type Error = InvalidWhen;
    fn try_from(text: String) -> Result<Self, InvalidWhen> {
        let day = text.parse::<Date>().ok().filter(|day| (1970..=9998).contains(&day.year()) && text.len() == 10);
        day.map(Self).ok_or_else(|| InvalidWhen::Day(shown(&text)))
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text is no zone, time or day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWhen {
    /// Not in the database.
    #[error("`{0}` is no zone of the IANA database: give one such as Europe/Berlin or UTC")]
    Zone(String),
    /// No time of day.
    #[error("`{0}` is no time of day: give one from 00:00 to 24:00, such as 09:30")]
    Time(String),
    /// No day.
    #[error("`{0}` is no day: give one such as 2026-12-24")]
    Day(String),
}

/// A hostile text is not echoed at length.
fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::HOUR_MS;

    fn schedule(json: serde_json::Value) -> Schedule {
        let serde_json::Value::Object(mut full) = json else { panic!("an object") };
        full.extend([("name".to_owned(), "s".into()), ("min".to_owned(), 1.into())]);
        serde_json::from_value(full.into()).expect("valid")
    }

    fn at(text: &str) -> TimestampMs {
        text.parse().expect("valid")
    }

    #[test]
    fn hours_are_those_of_the_zone() {
        let office = schedule(serde_json::json!({
            "time_zone": "Europe/Berlin", "from": "09:00", "until": "17:00", "weekdays": ["monday", "friday"],
        }));
        // Winter: UTC+1. 2026-01-05 is a Monday.
        assert!(!office.holds(at("2026-01-05T07:59:00Z")) && office.holds(at("2026-01-05T08:00:00Z")));
        assert!(office.holds(at("2026-01-05T15:59:59Z")) && !office.holds(at("2026-01-05T16:00:00Z")));
        assert!(!office.holds(at("2026-01-06T10:00:00Z")), "a Tuesday");
        // Summer: UTC+2.
        assert!(office.holds(at("2026-07-03T07:00:00Z")));
        assert_eq!(office.next(at("2026-01-05T16:00:00Z")).map(|window| window.0), Some(at("2026-01-09T08:00:00Z")));
    }

    #[test]
    fn a_window_may_reach_over_midnight() {
        let night = schedule(serde_json::json!({ "from": "22:00", "until": "06:00", "weekdays": ["sunday"] }));
        // 2026-01-04 is a Sunday.
        assert!(night.holds(at("2026-01-04T22:00:00Z")) && night.holds(at("2026-01-05T05:59:00Z")));
        assert!(!night.holds(at("2026-01-05T06:00:00Z")) && !night.holds(at("2026-01-04T05:00:00Z")));
        let all_day = schedule(serde_json::json!({ "from": "00:00", "until": "24:00", "weekdays": ["sunday"] }));
        assert!(all_day.holds(at("2026-01-04T00:00:00Z")) && all_day.holds(at("2026-01-04T23:59:59Z")));
        assert!(!all_day.holds(at("2026-01-05T00:00:00Z")));
    }

    #[test]
    fn what_the_clocks_skip_and_repeat_is_one_window() {
        let early = schedule(serde_json::json!({ "time_zone": "Europe/Berlin", "from": "01:00", "until": "04:00" }));
        let length = |noon: &str| {
            let (from, until) = early.window(early.time_zone.date(at(noon)).expect("a date")).expect("a window");
            until.since(from) / HOUR_MS
        };
        assert_eq!(length("2026-03-29T12:00:00Z"), 2, "the clocks skip 02:00 to 03:00");
        assert_eq!(length("2026-10-25T12:00:00Z"), 4, "the clocks run through 02:00 to 03:00 twice");
        let skipped = schedule(serde_json::json!({
            "time_zone": "Europe/Berlin", "from": "02:10", "until": "03:05", "first_day": "2026-03-29", "last_day": "2026-03-29",
        }));
        assert_eq!(skipped.next(at("2026-01-01T00:00:00Z")), None, "02:10 comes at 03:10, after 03:05");
    }

    #[test]
    fn windows_keep_to_the_clocks_through_changes_of_any_size() {
        let night =
            schedule(serde_json::json!({ "time_zone": "Australia/Lord_Howe", "from": "01:30", "until": "02:30" }));
        let minutes = |at_noon: &str| {
            let (from, until) = night.window(night.time_zone.date(at(at_noon)).expect("a date")).expect("a window");
            until.since(from) / 60_000
        };
        // Clocks are changed by half an hour there, in autumn and in spring of the south.
        assert_eq!(["2026-04-05T01:00:00Z", "2026-10-04T01:00:00Z", "2026-07-01T01:00:00Z"].map(minutes), [90, 30, 60]);
        let office = schedule(serde_json::json!({ "time_zone": "Europe/Berlin", "from": "09:00", "until": "17:00" }));
        let begins = |now: &str| office.next(at(now)).map(|window| window.0);
        assert_eq!(begins("2026-03-28T20:00:00Z"), Some(at("2026-03-29T07:00:00Z")), "an hour less than a day later");
        assert_eq!(begins("2026-10-24T20:00:00Z"), Some(at("2026-10-25T08:00:00Z")), "an hour more");
        let late = schedule(serde_json::json!({ "time_zone": "America/New_York", "from": "22:00", "until": "02:30" }));
        // The night in which the clocks skip 02:00 to 03:00: its end comes at 03:30 of summer.
        assert!(late.holds(at("2026-03-08T07:29:00Z")) && !late.holds(at("2026-03-08T07:30:00Z")));
    }

    #[test]
    fn days_bound_a_schedule() {
        let once = serde_json::json!({ "from": "09:00", "until": "10:00", "first_day": "2026-06-03", "last_day": "2026-06-03" });
        let once = schedule(once);
        assert_eq!(once.next(at("2026-01-01T00:00:00Z")).map(|window| window.0), Some(at("2026-06-03T09:00:00Z")));
        assert_eq!(once.next(at("2026-06-03T10:00:00Z")), None, "it is over");
        let never = serde_json::json!({
            "from": "09:00", "until": "10:00", "weekdays": ["monday"], "first_day": "2026-06-03", "last_day": "2026-06-05",
        });
        assert_eq!(schedule(never).next(at("2026-01-01T00:00:00Z")), None, "Wednesday to Friday have no Monday");
    }

    #[test]
    fn schedules_that_meet_are_found() {
        let now = at("2026-01-01T00:00:00Z");
        let day = schedule(serde_json::json!({ "from": "08:00", "until": "18:00" }));
        let night = schedule(serde_json::json!({ "from": "18:00", "until": "08:00" }));
        let friday = schedule(serde_json::json!({ "from": "17:00", "until": "19:00", "weekdays": ["friday"] }));
        let later = schedule(serde_json::json!({ "from": "09:00", "until": "10:00", "first_day": "2027-01-01" }));
        assert!(!day.meets(&night, now) && !night.meets(&day, now));
        assert!(friday.meets(&day, now) && night.meets(&friday, now) && day.meets(&later, now));
        assert!(!friday.meets(&later, now));
    }

    #[test]
    fn what_is_no_time_is_refused_by_name() {
        let refused = |field: &str, value: &str| {
            let mut json = serde_json::json!({ "name": "s", "from": "09:00", "until": "10:00" });
            json[field] = value.into();
            serde_json::from_value::<Schedule>(json).expect_err(value).to_string()
        };
        for bad in ["9:00", "24:01", "12:60", "", "noon", "-1:00"] {
            assert!(refused("from", bad).contains("is no time of day"), "{bad}");
        }
        assert!(refused("time_zone", "Mars/Olympus").contains("is no zone of the IANA database"));
        for bad in ["2026-02-30", "tomorrow", "20260201", "-000001-01-01"] {
            assert!(refused("last_day", bad).contains("is no day"), "{bad}");
        }
    }
}
