//! The trait of anomaly detectors, and the glue between it and the component's exports.

use crate::bindings::anomaly_detector::exports::forewarm::plugin::anomaly_detector as wit;
use crate::series::check_values;
use crate::snapshot::{self, Snapshot};
use crate::words::Verdict;
use crate::{Error, Plugin, Series};
use std::cell::RefCell;
use std::marker::PhantomData;

/// A detector that is fed value by value.
///
/// The glue has checked the input against the contract before any of these is called, and checks that there is one
/// verdict per value.
pub trait AnomalyDetector: Plugin + Snapshot + 'static {
    /// Begins with a history, which may be empty. `sensitivity` lies inside (0, 1); a higher one finds more.
    ///
    /// # Errors
    /// Any of the contract's.
    fn start(history: Series, sensitivity: f64) -> Result<Self, Error>;

    /// Judges the next values, oldest first, and learns from them: one verdict per value. A missing value (NaN) is
    /// never anomalous.
    ///
    /// # Errors
    /// Any of the contract's.
    fn push(&mut self, values: &[f64]) -> Result<Vec<Verdict>, Error>;

    /// Judges every value of a series by those before it: starts empty and pushes it, unless overridden.
    ///
    /// # Errors
    /// Any of the contract's.
    fn detect(history: Series, sensitivity: f64) -> Result<Vec<Verdict>, Error> {
        let empty = Series { start_ms: history.start_ms, step_ms: history.step_ms, values: Vec::new() };
        Self::start(empty, sensitivity)?.push(&history.values)
    }
}

/// Exports an [`AnomalyDetector`]; used by the attribute.
#[doc(hidden)]
pub struct AnomalyDetectorPlugin<T>(PhantomData<T>);

/// A detector behind a resource handle. Calls into a component never overlap, so the cell is never borrowed twice.
#[doc(hidden)]
pub struct Held<T>(RefCell<T>);

impl<T: AnomalyDetector> wit::Guest for AnomalyDetectorPlugin<T> {
    type Stream = Held<T>;

    fn detect(history: Series, sensitivity: f64) -> Result<Vec<Verdict>, Error> {
        check(&history, sensitivity)?;
        let wanted = history.values.len();
        one_each(T::detect(history, sensitivity)?, wanted)
    }
}

impl<T: AnomalyDetector> wit::GuestStream for Held<T> {
    fn start(history: Series, sensitivity: f64) -> Result<wit::Stream, Error> {
        check(&history, sensitivity)?;
        T::start(history, sensitivity).map(|detector| wit::Stream::new(Self(RefCell::new(detector))))
    }

    fn push(&self, values: Vec<f64>) -> Result<Vec<Verdict>, Error> {
        check_values(&values)?;
        one_each(self.0.borrow_mut().push(&values)?, values.len())
    }

    fn save(&self) -> Result<Vec<u8>, Error> {
        snapshot::seal::<T, T>(&self.0.borrow())
    }

    fn restore(saved: Vec<u8>) -> Result<wit::Stream, Error> {
        snapshot::open::<T, T>(&saved).map(|detector| wit::Stream::new(Self(RefCell::new(detector))))
    }
}

fn check(history: &Series, sensitivity: f64) -> Result<(), Error> {
    history.check()?;
    if sensitivity > 0.0 && sensitivity < 1.0 {
        return Ok(());
    }
    Err(Error::invalid_input(format!("sensitivity must lie inside (0, 1), got {sensitivity}")))
}

fn one_each(verdicts: Vec<Verdict>, wanted: usize) -> Result<Vec<Verdict>, Error> {
    if verdicts.len() == wanted {
        return Ok(verdicts);
    }
    Err(Error::other(format!("{} verdicts for {wanted} values: a defect in the plugin", verdicts.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sensitivity_lies_inside_zero_and_one() {
        let series = Series { start_ms: 0, step_ms: 60_000, values: vec![1.0] };
        assert_eq!(check(&series, 0.5), Ok(()));
        for wrong in [0.0, 1.0, -1.0, f64::NAN] {
            assert!(matches!(check(&series, wrong), Err(Error::InvalidInput(_))), "{wrong}");
        }
    }

    #[test]
    fn a_verdict_too_few_is_a_defect() {
        assert!(matches!(one_each(Vec::new(), 1), Err(Error::Other(_))));
    }
}
