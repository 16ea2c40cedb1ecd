//! The trait of forecasters, and the glue between it and the component's exports.

use crate::bindings::forecaster::exports::forewarm::plugin::forecaster as wit;
use crate::series::check_values;
use crate::snapshot::{self, Snapshot};
use crate::words::{ForecasterDescription, Season};
use crate::{Error, Plugin, QuantilePath, Series};
use std::cell::RefCell;
use std::marker::PhantomData;

/// A fitted model of one series. Same input and same parameters must give the same answer.
///
/// The glue has checked the input against the contract before any of these is called, and checks the shape of the
/// answer after [`Forecaster::forecast`].
pub trait Forecaster: Plugin + Snapshot + 'static {
    /// The fewest values that [`Forecaster::fit`] takes, from 1.
    const MIN_HISTORY: u32 = 1;
    /// The most recent values that make a difference to [`Forecaster::fit`].
    const MAX_HISTORY: u32 = 20_160;
    /// The most steps that are predicted ahead, from 1. The glue refuses longer horizons.
    const MAX_HORIZON: u32 = 1_440;

    /// Fits a model to a history, its newest value last.
    ///
    /// # Errors
    /// [`Error::NotEnoughData`] when the history is too short or too empty.
    fn fit(history: Series) -> Result<Self, Error>;

    /// Takes in the values that follow, oldest first; NaN where missing.
    ///
    /// # Errors
    /// Any of the contract's; the model must then be as it was before.
    fn observe(&mut self, values: &[f64]) -> Result<(), Error>;

    /// Predicts the next `horizon` steps: for each of `levels`, which rise strictly inside (0, 1), one path of `horizon`
    /// values. At every step a higher level must have no lower value.
    ///
    /// # Errors
    /// Any of the contract's.
    fn forecast(&self, horizon: u32, levels: &[f64]) -> Result<Vec<Vec<f64>>, Error>;

    /// Finds the repeating patterns of a series, strongest first.
    ///
    /// # Errors
    /// Any of the contract's; [`Error::Unsupported`] unless overridden.
    fn seasonality(history: Series) -> Result<Vec<Season>, Error> {
        drop(history);
        Err(Error::unsupported("this forecaster does not look for seasons"))
    }

    /// Tells what the forecaster can do: the constants above, unless overridden.
    #[must_use]
    fn describe() -> ForecasterDescription {
        ForecasterDescription {
            summary: Self::SUMMARY.to_owned(),
            min_history: Self::MIN_HISTORY,
            max_history: Self::MAX_HISTORY,
            max_horizon: Self::MAX_HORIZON,
        }
    }
}

/// Exports a [`Forecaster`]; used by the attribute.
#[doc(hidden)]
pub struct ForecasterPlugin<T>(PhantomData<T>);

/// A model behind a resource handle. Calls into a component never overlap, so the cell is never borrowed twice.
#[doc(hidden)]
pub struct Held<T>(RefCell<T>);

impl<T: Forecaster> wit::Guest for ForecasterPlugin<T> {
    type Model = Held<T>;

    fn describe() -> ForecasterDescription {
        T::describe()
    }

    fn seasonality(history: Series) -> Result<Vec<Season>, Error> {
        history.check()?;
        T::seasonality(history)
    }
}

impl<T: Forecaster> wit::GuestModel for Held<T> {
    fn fit(history: Series) -> Result<wit::Model, Error> {
        history.check()?;
        T::fit(history).map(|model| wit::Model::new(Self(RefCell::new(model))))
    }

    fn observe(&self, values: Vec<f64>) -> Result<(), Error> {
        check_values(&values)?;
        self.0.borrow_mut().observe(&values)
    }

    fn forecast(&self, horizon: u32, levels: Vec<f64>) -> Result<Vec<QuantilePath>, Error> {
        check_request(horizon, T::describe().max_horizon, &levels)?;
        let paths = self.0.borrow().forecast(horizon, &levels)?;
        if paths.len() != levels.len() || paths.iter().any(|path| path.len() != horizon as usize) {
            return Err(Error::other("the forecaster gave paths of the wrong shape: a defect in the plugin"));
        }
        Ok(levels.into_iter().zip(paths).map(|(level, values)| QuantilePath { level, values }).collect())
    }

    fn save(&self) -> Result<Vec<u8>, Error> {
        snapshot::seal::<T, T>(&self.0.borrow())
    }

    fn restore(saved: Vec<u8>) -> Result<wit::Model, Error> {
        snapshot::open::<T, T>(&saved).map(|model| wit::Model::new(Self(RefCell::new(model))))
    }
}

fn check_request(horizon: u32, max_horizon: u32, levels: &[f64]) -> Result<(), Error> {
    if horizon == 0 || horizon > max_horizon {
        return Err(Error::invalid_input(format!("horizon must be 1 to {max_horizon} steps, got {horizon}")));
    }
    let inside = levels.iter().all(|level| *level > 0.0 && *level < 1.0);
    if levels.is_empty() || !inside || levels.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(Error::invalid_input("levels must rise strictly inside (0, 1), at least one of them"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_outside_the_contract_are_refused() {
        assert_eq!(check_request(3, 10, &[0.1, 0.9]), Ok(()));
        for (horizon, levels) in
            [(0, vec![0.5]), (11, vec![0.5]), (1, vec![]), (1, vec![0.0]), (1, vec![0.5, 0.5]), (1, vec![f64::NAN])]
        {
            assert!(matches!(check_request(horizon, 10, &levels), Err(Error::InvalidInput(_))), "{horizon} {levels:?}");
        }
    }
}
