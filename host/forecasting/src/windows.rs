//! Rolling origins: where a backtest stands still, forecasts, and compares with what followed.

/// Why a history holds no such origins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WindowsError {
    /// Nothing was asked for.
    #[error("horizon and number of origins are from 1; got {horizon} steps and {origins} origins")]
    Zero {
        /// Steps ahead.
        horizon: usize,
        /// How many origins.
        origins: usize,
    },
    /// There is too little history.
    #[error(
        "{origins} origins of {horizon} steps need {needed} values and at least one before the first; there are {values}"
    )]
    Short {
        /// Steps ahead.
        horizon: usize,
        /// How many origins.
        origins: usize,
        /// The steps that they cover.
        needed: usize,
        /// The history's length.
        values: usize,
    },
}

/// `count` origins in a history of `values` steps, oldest first: the last one `horizon` before the end, each the same
/// before the next. An origin is the number of values that are known there.
///
/// # Errors
/// [`WindowsError`].
pub fn origins(values: usize, horizon: usize, count: usize) -> Result<Vec<usize>, WindowsError> {
    if horizon == 0 || count == 0 {
        return Err(WindowsError::Zero { horizon, origins: count });
    }
    let needed = horizon.saturating_mul(count);
    let first = values.checked_sub(needed).filter(|first| *first > 0);
    let first = first.ok_or(WindowsError::Short { horizon, origins: count, needed, values })?;
    Ok((0..count).map(|index| first + index * horizon).collect())
}

/// The backtest windows before an origin, newest first, as many of `count` as leave `least` values to fit on.
#[must_use]
pub fn before(origin: usize, horizon: usize, count: usize, least: usize) -> Vec<usize> {
    let at = |index: usize| origin.checked_sub(horizon.checked_mul(index)?).filter(|at| *at >= least.max(1));
    (1..=count).map_while(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_window_ends_with_the_history() {
        assert_eq!(origins(100, 10, 3), Ok(vec![70, 80, 90]));
        assert_eq!(origins(11, 10, 1), Ok(vec![1]));
        assert!(matches!(origins(10, 10, 1), Err(WindowsError::Short { needed: 10, values: 10, .. })));
        assert!(matches!(origins(10, usize::MAX, 2), Err(WindowsError::Short { .. })));
        assert!(matches!(origins(10, 0, 1), Err(WindowsError::Zero { .. })));
    }

    #[test]
    fn windows_before_an_origin_end_where_too_little_is_left() {
        assert_eq!(before(100, 24, 4, 10), [76, 52, 28]);
        assert_eq!(before(100, 24, 2, 10), [76, 52]);
        assert!(before(20, 24, 4, 0).is_empty());
    }
}
