//! Integer amounts as decimal text.

/// Digits that a unit price is rounded to.
const PRICE_DIGITS: usize = 12;
/// 10 to the power of [`PRICE_DIGITS`].
const PRICE_SCALE: i128 = 1_000_000_000_000;

/// Millionths as a decimal number without trailing zeros: -1500000 is `-1.5`.
#[must_use]
pub fn millionths(amount: i64) -> String {
    let (whole, part) = (amount.unsigned_abs() / 1_000_000, amount.unsigned_abs() % 1_000_000);
    let sign = if amount < 0 { "-" } else { "" };
    let digits = format!("{part:06}");
    match digits.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        digits => format!("{sign}{whole}.{digits}"),
    }
}

/// A decimal number that shows that it is one: readers that guess a column's type by its values take `6000` for an integer.
#[must_use]
pub(super) fn pointed(number: String) -> String {
    if number.contains('.') { number } else { number + ".0" }
}

/// So many millionths over `count`, rounded half away from zero to 12 digits behind the point; `None` over nothing.
#[must_use]
pub fn ratio(amount: i64, count: u64) -> Option<String> {
    if count == 0 {
        return None;
    }
    let scaled = i128::from(amount.unsigned_abs()) * (PRICE_SCALE / 1_000_000);
    let rounded = (scaled * 2 + i128::from(count)) / (i128::from(count) * 2);
    let (whole, part) = (rounded / PRICE_SCALE, rounded % PRICE_SCALE);
    let sign = if amount < 0 && rounded > 0 { "-" } else { "" };
    let digits = format!("{part:0PRICE_DIGITS$}");
    Some(match digits.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        digits => format!("{sign}{whole}.{digits}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn millionths_are_exact() {
        for (amount, text) in [
            (0, "0"),
            (1, "0.000001"),
            (-1, "-0.000001"),
            (1_500_000, "1.5"),
            (-20_000_000, "-20"),
            (i64::MAX, "9223372036854.775807"),
            (i64::MIN, "-9223372036854.775808"),
        ] {
            assert_eq!(millionths(amount), text);
        }
    }

    #[test]
    fn whole_numbers_get_a_point() {
        for (number, shown) in [("6000", "6000.0"), ("-1.5", "-1.5"), ("0", "0.0")] {
            assert_eq!(pointed(number.to_owned()), shown);
        }
    }

    #[test]
    fn ratios_are_rounded_to_the_last_digit() {
        assert_eq!(ratio(1_000_000, 3).as_deref(), Some("0.333333333333"));
        assert_eq!(ratio(2_000_000, 3).as_deref(), Some("0.666666666667"));
        assert_eq!(ratio(-5_000_000, 2).as_deref(), Some("-2.5"));
        assert_eq!(ratio(i64::MIN, 1).as_deref(), Some("-9223372036854.775808"));
        assert_eq!((ratio(1, u64::MAX).as_deref(), ratio(1, 0)), (Some("0"), None));
    }
}
