//! The trait of drivers, and the glue between it and the component's exports.

use crate::bindings::driver::exports::forewarm::plugin::driver as wit;
use crate::words::{CreateRequest, DriverDescription, Instance, Page, Price, PriceQuery};
use crate::{Error, Persona, Plugin};
use std::marker::PhantomData;

/// Runs instances in some cloud. Every changing operation carries a token: repeated with the same token it must have no
/// second effect and must answer as it did first.
pub trait Driver: Plugin + 'static {
    /// Tells what this driver can do; always the same for the same parameters.
    ///
    /// # Errors
    /// Any of the contract's.
    fn describe() -> Result<DriverDescription, Error>;

    /// Gives the price of one instance of a persona in each tier on offer.
    ///
    /// # Errors
    /// Any of the contract's.
    fn prices(query: PriceQuery) -> Result<Vec<Price>, Error>;

    /// Begins to create an instance.
    ///
    /// # Errors
    /// [`Error::QuotaExceeded`], [`Error::OutOfCapacity`], [`Error::Unavailable`], or any other of the contract's.
    fn create(request: CreateRequest) -> Result<Instance, Error>;

    /// Lists all instances that exist, in pages of at most 1,000; `cursor` is a page's `next`, or `None` to begin.
    ///
    /// # Errors
    /// Any of the contract's.
    fn list(cursor: Option<String>) -> Result<Page, Error>;

    /// Gives one instance.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none of that id.
    fn get(id: String) -> Result<Instance, Error>;

    /// Begins to remove an instance; removing one that does not exist succeeds.
    ///
    /// # Errors
    /// Any of the contract's.
    fn destroy(id: String, token: String) -> Result<(), Error>;

    /// Begins to park a warm instance or a shell.
    ///
    /// # Errors
    /// [`Error::Unsupported`] unless overridden.
    fn park(id: String, token: String) -> Result<Instance, Error> {
        unsupported("park", &id, &token)
    }

    /// Begins to start a parked instance.
    ///
    /// # Errors
    /// [`Error::Unsupported`] unless overridden.
    fn start(id: String, token: String) -> Result<Instance, Error> {
        unsupported("start", &id, &token)
    }

    /// Begins to turn a shell into a warm instance of a persona.
    ///
    /// # Errors
    /// [`Error::Unsupported`] unless overridden.
    fn specialise(id: String, token: String, persona: Persona) -> Result<Instance, Error> {
        drop(persona);
        unsupported("specialise", &id, &token)
    }

    /// Begins to wipe an instance, which is warm again afterwards.
    ///
    /// # Errors
    /// [`Error::Unsupported`] unless overridden.
    fn reset(id: String, token: String) -> Result<Instance, Error> {
        unsupported("reset", &id, &token)
    }
}

fn unsupported<T>(operation: &str, id: &str, token: &str) -> Result<T, Error> {
    Err(Error::unsupported(format!("this driver has no operation {operation} (instance {id}, token {token})")))
}

/// Exports a [`Driver`]; used by the attribute.
#[doc(hidden)]
pub struct DriverPlugin<T>(PhantomData<T>);

impl<T: Driver> wit::Guest for DriverPlugin<T> {
    fn describe() -> Result<DriverDescription, Error> {
        T::describe()
    }
    fn prices(query: PriceQuery) -> Result<Vec<Price>, Error> {
        T::prices(query)
    }
    fn create(request: CreateRequest) -> Result<Instance, Error> {
        T::create(request)
    }
    fn list(cursor: Option<String>) -> Result<Page, Error> {
        T::list(cursor)
    }
    fn get(id: String) -> Result<Instance, Error> {
        T::get(id)
    }
    fn park(id: String, token: String) -> Result<Instance, Error> {
        T::park(id, token)
    }
    fn start(id: String, token: String) -> Result<Instance, Error> {
        T::start(id, token)
    }
    fn specialise(id: String, token: String, persona: Persona) -> Result<Instance, Error> {
        T::specialise(id, token, persona)
    }
    fn reset(id: String, token: String) -> Result<Instance, Error> {
        T::reset(id, token)
    }
    fn destroy(id: String, token: String) -> Result<(), Error> {
        T::destroy(id, token)
    }
}
