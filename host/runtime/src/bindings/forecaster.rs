//! The face of forecasters: the same calls, whichever version of the contract an instance was built for.

use super::types::{Error, QuantilePath, Series};
use super::v0_1::forecaster as v0_1;
use crate::guest::Guest;
use wasmtime::component::{InstancePre, ResourceAny};
use wasmtime::{Result, Store};

#[cfg(feature = "next-contract")]
use super::next;

/// The face's words, under the path that generated ones have.
pub(crate) mod exports {
    pub(crate) mod forewarm {
        pub(crate) mod plugin {
            pub(crate) mod forecaster {
                pub(crate) use crate::bindings::forecaster::GuestModel;
                pub(crate) use crate::bindings::v0_1::forecaster::exports::forewarm::plugin::forecaster::{
                    Description, Season,
                };
            }
        }
    }
}

use exports::forewarm::plugin::forecaster::{Description, Season};

/// What a guest answers: its own error, or what was asked for.
type Answer<T> = Result<std::result::Result<T, Error>>;

/// A forecaster that is ready to be instantiated.
pub(crate) enum ForecasterPluginPre<T: 'static> {
    V0_1(v0_1::ForecasterPluginPre<T>),
    #[cfg(feature = "next-contract")]
    Next(next::ForecasterPluginPre<T>),
}

impl<T: 'static> Clone for ForecasterPluginPre<T> {
    fn clone(&self) -> Self {
        match self {
            Self::V0_1(pre) => Self::V0_1(pre.clone()),
            #[cfg(feature = "next-contract")]
            Self::Next(pre) => Self::Next(pre.clone()),
        }
    }
}

impl ForecasterPluginPre<Guest> {
    /// Finds the exports of the version that the component was built for.
    ///
    /// # Errors
    /// When one is missing or has another type.
    pub(crate) fn new(pre: InstancePre<Guest>) -> Result<Self> {
        #[cfg(feature = "next-contract")]
        if pre.component().get_export_index(None, next::FORECASTER).is_some() {
            return next::ForecasterPluginPre::new(pre).map(Self::Next);
        }
        v0_1::ForecasterPluginPre::new(pre).map(Self::V0_1)
    }

    pub(crate) fn instantiate(&self, store: &mut Store<Guest>) -> Result<ForecasterPlugin> {
        match self {
            Self::V0_1(pre) => pre.instantiate(store).map(ForecasterPlugin::V0_1),
            #[cfg(feature = "next-contract")]
            Self::Next(pre) => pre.instantiate(store).map(ForecasterPlugin::Next),
        }
    }
}

/// An instance of a forecaster.
pub(crate) enum ForecasterPlugin {
    V0_1(v0_1::ForecasterPlugin),
    #[cfg(feature = "next-contract")]
    Next(next::ForecasterPlugin),
}

impl ForecasterPlugin {
    pub(crate) fn forewarm_plugin_forecaster(&self) -> Interface<'_> {
        Interface(self)
    }
}

/// The functions of the interface `forecaster`.
#[derive(Clone, Copy)]
pub(crate) struct Interface<'a>(&'a ForecasterPlugin);

impl<'a> Interface<'a> {
    pub(crate) fn model(self) -> GuestModel<'a> {
        GuestModel(self.0)
    }

    pub(crate) fn call_describe(self, store: &mut Store<Guest>) -> Result<Description> {
        match self.0 {
            ForecasterPlugin::V0_1(guest) => guest.forewarm_plugin_forecaster().call_describe(store),
            #[cfg(feature = "next-contract")]
            ForecasterPlugin::Next(guest) => next::describe(guest, store),
        }
    }

    pub(crate) fn call_seasonality(self, store: &mut Store<Guest>, history: &Series) -> Answer<Vec<Season>> {
        match self.0 {
            ForecasterPlugin::V0_1(guest) => guest.forewarm_plugin_forecaster().call_seasonality(store, history),
            #[cfg(feature = "next-contract")]
            ForecasterPlugin::Next(guest) => next::seasonality(guest, store, history),
        }
    }
}

/// The functions of the resource `model`.
#[derive(Clone, Copy)]
pub(crate) struct GuestModel<'a>(&'a ForecasterPlugin);

impl GuestModel<'_> {
    pub(crate) fn call_fit(self, store: &mut Store<Guest>, history: &Series) -> Answer<ResourceAny> {
        match self.0 {
            ForecasterPlugin::V0_1(guest) => guest.forewarm_plugin_forecaster().model().call_fit(store, history),
            #[cfg(feature = "next-contract")]
            ForecasterPlugin::Next(guest) => next::fit(guest, store, history),
        }
    }

    pub(crate) fn call_observe(self, store: &mut Store<Guest>, model: ResourceAny, values: &[f64]) -> Answer<()> {
        match self.0 {
            ForecasterPlugin::V0_1(guest) => {
                guest.forewarm_plugin_forecaster().model().call_observe(store, model, values)
            }
            #[cfg(feature = "next-contract")]
            ForecasterPlugin::Next(guest) => next::observe(guest, store, model, values),
        }
    }

    pub(crate) fn call_forecast(
        self,
        store: &mut Store<Guest>,
        model: ResourceAny,
        horizon: u32,
        levels: &[f64],
    ) -> Answer<Vec<QuantilePath>> {
        match self.0 {
            ForecasterPlugin::V0_1(guest) => {
                guest.forewarm_plugin_forecaster().model().call_forecast(store, model, horizon, levels)
            }
            #[cfg(feature = "next-contract")]
            ForecasterPlugin::Next(guest) => next::forecast(guest, store, model, horizon, levels),
        }
    }

    pub(crate) fn call_save(self, store: &mut Store<Guest>, model: ResourceAny) -> Answer<Vec<u8>> {
        match self.0 {
            ForecasterPlugin::V0_1(guest) => guest.forewarm_plugin_forecaster().model().call_save(store, model),
            #[cfg(feature = "next-contract")]
            ForecasterPlugin::Next(guest) => next::save(guest, store, model),
        }
    }

    pub(crate) fn call_restore(self, store: &mut Store<Guest>, saved: &[u8]) -> Answer<ResourceAny> {
        match self.0 {
            ForecasterPlugin::V0_1(guest) => guest.forewarm_plugin_forecaster().model().call_restore(store, saved),
            #[cfg(feature = "next-contract")]
            ForecasterPlugin::Next(guest) => next::restore(guest, store, saved),
        }
    }
}
