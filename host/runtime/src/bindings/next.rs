//! The made-up next version of the contract, in the words of the face. Tests alone enable it.

use super::forecaster::exports::forewarm::plugin::forecaster::{Description, Season};
use super::{host, types};
use crate::guest::Guest;
use generated::exports::forewarm::plugin::forecaster as wit;
use generated::forewarm::plugin::{host as next_host, types as next_types};
use wasmtime::component::ResourceAny;
use wasmtime::{Result, Store};

mod generated {
    wasmtime::component::bindgen!({
        path: "tests/wit/0.2.0-test",
        world: "forecaster-plugin",
        imports: { default: trappable },
        require_store_data_send: true,
    });
}

pub(crate) use generated::{ForecasterPlugin, ForecasterPluginPre};
pub(crate) use next_host::add_to_linker;

/// The export by which a component of this version is known.
pub(crate) const FORECASTER: &str = "forewarm:plugin/forecaster@0.2.0";

type Answer<T> = Result<std::result::Result<T, types::Error>>;

pub(super) fn describe(guest: &ForecasterPlugin, store: &mut Store<Guest>) -> Result<Description> {
    let wit::Description { summary, min_history, max_history, max_horizon, min_horizon: _ } =
        guest.forewarm_plugin_forecaster().call_describe(store)?;
    Ok(Description { summary, min_history, max_history, max_horizon })
}

pub(super) fn seasonality(
    guest: &ForecasterPlugin,
    store: &mut Store<Guest>,
    of: &types::Series,
) -> Answer<Vec<Season>> {
    let seasons = guest.forewarm_plugin_forecaster().call_seasonality(store, &series(of))?;
    let season = |of: wit::Season| Season { period: of.period, strength: of.strength };
    Ok(seasons.map(|seasons| seasons.into_iter().map(season).collect()).map_err(error))
}

pub(super) fn fit(guest: &ForecasterPlugin, store: &mut Store<Guest>, history: &types::Series) -> Answer<ResourceAny> {
    Ok(guest.forewarm_plugin_forecaster().model().call_fit(store, &series(history))?.map_err(error))
}

pub(super) fn observe(
    guest: &ForecasterPlugin,
    store: &mut Store<Guest>,
    model: ResourceAny,
    values: &[f64],
) -> Answer<()> {
    Ok(guest.forewarm_plugin_forecaster().model().call_observe(store, model, values)?.map_err(error))
}

pub(super) fn forecast(
    guest: &ForecasterPlugin,
    store: &mut Store<Guest>,
    model: ResourceAny,
    horizon: u32,
    levels: &[f64],
) -> Answer<Vec<types::QuantilePath>> {
    let request = wit::ForecastRequest { horizon, levels: levels.to_vec() };
    let paths = guest.forewarm_plugin_forecaster().model().call_forecast(store, model, &request)?;
    let path = |of: next_types::QuantilePath| types::QuantilePath { level: of.level, values: of.values };
    Ok(paths.map(|paths| paths.into_iter().map(path).collect()).map_err(error))
}

pub(super) fn save(guest: &ForecasterPlugin, store: &mut Store<Guest>, model: ResourceAny) -> Answer<Vec<u8>> {
    Ok(guest.forewarm_plugin_forecaster().model().call_save(store, model)?.map_err(error))
}

pub(super) fn restore(guest: &ForecasterPlugin, store: &mut Store<Guest>, saved: &[u8]) -> Answer<ResourceAny> {
    Ok(guest.forewarm_plugin_forecaster().model().call_restore(store, saved)?.map_err(error))
}

fn series(of: &types::Series) -> next_types::Series {
    let types::Series { start_ms, step_ms, values } = of;
    next_types::Series { start_ms: *start_ms, step_ms: *step_ms, unit: String::new(), values: values.clone() }
}

fn error(of: next_types::Error) -> types::Error {
    use next_types::Error as E;
    match of {
        E::InvalidInput(text) => types::Error::InvalidInput(text),
        E::NotEnoughData(text) => types::Error::NotEnoughData(text),
        E::InvalidState(text) => types::Error::InvalidState(text),
        E::NotFound(text) => types::Error::NotFound(text),
        E::QuotaExceeded(text) => types::Error::QuotaExceeded(text),
        E::OutOfCapacity(text) => types::Error::OutOfCapacity(text),
        E::Unavailable(text) => types::Error::Unavailable(text),
        E::Unsupported(text) => types::Error::Unsupported(text),
        E::Other(text) => types::Error::Other(text),
    }
}

impl next_types::Host for Guest {}

impl next_host::Host for Guest {
    fn log(&mut self, level: next_host::LogLevel, message: String, fields: Vec<next_host::LogField>) -> Result<()> {
        let level = match level {
            next_host::LogLevel::Debug => host::LogLevel::Debug,
            next_host::LogLevel::Info => host::LogLevel::Info,
            next_host::LogLevel::Warn => host::LogLevel::Warn,
            next_host::LogLevel::Error => host::LogLevel::Error,
        };
        let field = |of: next_host::LogField| host::LogField { name: of.name, value: of.value };
        host::Host::log(self, level, message, fields.into_iter().map(field).collect())
    }

    fn now(&mut self) -> Result<i64> {
        host::Host::now(self)
    }

    fn config(&mut self) -> Result<String> {
        host::Host::config(self)
    }
}
