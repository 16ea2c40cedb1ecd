//! Lengths of time as they are written on the command line.

use std::time::Duration;

/// Reads a whole number and `s`, `m` or `h`, up to 30 days.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text.get(digits.len()..) {
        Some("s" | "") => 1,
        Some("m") => 60,
        Some("h") => 3_600,
        _ => 0,
    };
    let seconds = digits.parse().ok().and_then(|number: u64| number.checked_mul(factor));
    let seconds = seconds.filter(|seconds| (1..=30 * 86_400).contains(seconds));
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| "use a whole number and s, m or h, such as 60s; at most 30 days".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_checked() {
        let seconds = |text| duration(text).map(|length| length.as_secs());
        assert_eq!((seconds("60s"), seconds("2m"), seconds("1h"), seconds("5")), (Ok(60), Ok(120), Ok(3_600), Ok(5)));
        for bad in ["", "s", "0s", "5d", "-1s", "1.5h", "721h", "99999999999999999999s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
