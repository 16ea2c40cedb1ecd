//! Instants and lengths as people say them: `friday 9:00`, `2026-12-04 09:00`, `4h`.

use crate::persona::Zone;
use crate::time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, TimestampMs};
use jiff::Span;
use jiff::civil::{Date, Time, Weekday};

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];
/// The fewest letters that name a weekday.
const WEEKDAY_LETTERS: usize = 3;

/// Why a text is no instant, or no length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidInstant {
    /// No instant.
    #[error(
        "`{0}` is no time: give one such as `friday 9:00`, `tomorrow 14:30`, `2026-12-04 09:00`, `9:00`, `now` or \
         2026-12-04T09:00:00Z"
    )]
    Instant(String),
    /// No length.
    #[error("`{0}` is no length of time: give one such as 90m, 4h, 2d or 1h30m")]
    Length(String),
}

/// The instant that a text means at `now`, by the clocks of a zone. A day of the week or a time of day alone is the next
/// one that has not passed.
///
/// # Errors
/// [`InvalidInstant::Instant`] with examples.
pub fn instant(text: &str, now: TimestampMs, zone: &Zone) -> Result<TimestampMs, InvalidInstant> {
    let refuse = || InvalidInstant::Instant(text.chars().take(64).collect());
    let text = text.trim();
    if text.eq_ignore_ascii_case("now") {
        return Ok(now);
    }
    if let Ok(exact) = text.parse() {
        return Ok(exact);
    }
    let words: Vec<String> = text.split_whitespace().map(str::to_ascii_lowercase).collect();
    let words: Vec<&str> =
        words.iter().map(String::as_str).filter(|word| !["at", "on", "next"].contains(word)).collect();
    let today = zone.date(now).ok_or_else(refuse)?;
    let on = |day: Date, time: Time| zone.instant(day.to_datetime(time));
    let found = match words.as_slice() {
        [time] => time_of(time).and_then(|time| {
            let not_passed = |at: &TimestampMs| *at > now;
            on(today, time).filter(not_passed).or_else(|| on(days_after(today, 1), time))
        }),
        [day, time] | [time, day] if time_of(time).is_some() && time_of(day).is_none() => {
            let time = time_of(time).ok_or_else(refuse)?;
            days(day, today).into_iter().filter_map(|day| on(day, time)).find(|at| *at > now || is_date(day))
        }
        _ => None,
    };
    found.filter(|at| (TimestampMs::MIN..=TimestampMs::MAX).contains(at)).ok_or_else(refuse)
}

/// The days that a word may mean, the nearest first.
fn days(word: &str, today: Date) -> Vec<Date> {
    match word {
        "today" => return vec![today],
        "tomorrow" => return vec![days_after(today, 1)],
        _ => {}
    }
    let begins = |name: &str| word.len() >= WEEKDAY_LETTERS && name.starts_with(word);
    if let Some((_, weekday)) = WEEKDAYS.iter().find(|(name, _)| begins(name)) {
        let ahead = i64::from(today.weekday().until(*weekday));
        return vec![days_after(today, ahead), days_after(today, ahead + 7)];
    }
    word.parse().ok().filter(|_| is_date(word)).into_iter().collect()
}

fn is_date(word: &str) -> bool {
    word.len() == 10 && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

fn days_after(day: Date, count: i64) -> Date {
    day.saturating_add(Span::new().days(count))
}

/// `9:00`, `09:30` or `17:45`.
fn time_of(word: &str) -> Option<Time> {
    let (hour, minute) = word.split_once(':')?;
    let number = |part: &str, digits: &[usize]| {
        let plain = digits.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| part.parse::<i8>().ok()).flatten()
    };
    Time::new(number(hour, &[1, 2])?, number(minute, &[2])?, 0, 0).ok()
}

/// The milliseconds of a length such as `90m`, `4h` or `1h30m`.
///
/// # Errors
/// [`InvalidInstant::Length`] with examples; a length of nothing is none.
pub fn length_ms(text: &str) -> Result<i64, InvalidInstant> {
    let refuse = || InvalidInstant::Length(text.chars().take(64).collect());
    let (mut total, mut rest) = (0_i64, text.trim());
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let unit = match after.bytes().next() {
            Some(b's') => SECOND_MS,
            Some(b'm') => MINUTE_MS,
            Some(b'h') => HOUR_MS,
            Some(b'd') => DAY_MS,
            Some(b'w') => 7 * DAY_MS,
            _ => return Err(refuse()),
        };
        let part = number.parse::<i64>().ok().and_then(|number| number.checked_mul(unit)).ok_or_else(refuse)?;
        total = total.checked_add(part).ok_or_else(refuse)?;
        rest = after.get(1..).unwrap_or_default().trim_start();
    }
    if total > 0 { Ok(total) } else { Err(refuse()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Zone {
        name.to_owned().try_into().expect("a zone")
    }

    #[test]
    fn people_say_when() {
        // A Wednesday, noon in Berlin.
        let now: TimestampMs = "2026-06-03T10:00:00Z".parse().expect("valid");
        for (text, expected) in [
            ("friday 9:00", "2026-06-05T07:00:00Z"),
            ("9:00 on Friday", "2026-06-05T07:00:00Z"),
            ("next fri at 09:00", "2026-06-05T07:00:00Z"),
            ("wednesday 13:00", "2026-06-03T11:00:00Z"),
            ("wednesday 11:00", "2026-06-10T09:00:00Z"),
            ("13:00", "2026-06-03T11:00:00Z"),
            ("11:00", "2026-06-04T09:00:00Z"),
            ("today 15:30", "2026-06-03T13:30:00Z"),
            ("tomorrow 0:00", "2026-06-03T22:00:00Z"),
            ("2026-12-04 09:00", "2026-12-04T08:00:00Z"),
            ("2020-01-01 09:00", "2020-01-01T08:00:00Z"),
            ("2026-12-04T09:00:00Z", "2026-12-04T09:00:00Z"),
            ("now", "2026-06-03T10:00:00Z"),
        ] {
            let found = instant(text, now, &zone("Europe/Berlin")).map(|at| at.to_string());
            assert_eq!(found.as_deref(), Ok(expected), "{text}");
        }
        for bad in
            ["", "friday", "fr 9:00", "someday 9:00", "25:00", "9:60", "2026-02-30 09:00", "9:00 10:00", "today 1:00"]
        {
            let told = instant(bad, now, &zone("Europe/Berlin")).expect_err(bad).to_string();
            assert!(told.contains("friday 9:00"), "{told}");
        }
    }

    #[test]
    fn clocks_that_change_are_followed() {
        let now: TimestampMs = "2026-03-28T12:00:00Z".parse().expect("valid");
        let at = |text: &str, name: &str| instant(text, now, &zone(name)).expect("valid").to_string();
        // Skipped in the night to Sunday: the instant at which it would have come.
        assert_eq!(at("sunday 2:30", "Europe/Berlin"), "2026-03-29T01:30:00Z");
        assert_eq!(at("sunday 9:00", "Europe/Berlin"), "2026-03-29T07:00:00Z", "summer");
        // Twice in the autumn: the first.
        assert_eq!(at("2026-10-25 02:30", "Europe/Berlin"), "2026-10-25T00:30:00Z");
        // Half an hour, in the southern hemisphere.
        assert_eq!(at("2026-04-05 01:45", "Australia/Lord_Howe"), "2026-04-04T14:45:00Z");
        assert_eq!(at("2026-04-05 02:15", "Australia/Lord_Howe"), "2026-04-04T15:45:00Z");
    }

    #[test]
    fn lengths_are_read() {
        for (text, expected) in [
            ("90m", 90 * MINUTE_MS),
            ("4h", 4 * HOUR_MS),
            ("1h30m", 90 * MINUTE_MS),
            ("2d", 2 * DAY_MS),
            ("1h 5s", HOUR_MS + 5_000),
        ] {
            assert_eq!(length_ms(text), Ok(expected), "{text}");
        }
        for bad in ["", "0h", "4", "h", "-1h", "4 hours", "99999999999999999999h", "1e3h", "é"] {
            assert!(length_ms(bad).is_err(), "{bad}");
        }
    }
}
