//! The weights of this instance: those that the operator granted as an asset, or the plugin's own. Parsed when they are
//! first needed, and kept.

use std::cell::OnceCell;

use forewarm_sdk::{Error, assets, host};

use crate::weights::Weights;

/// The asset's name.
const ASSET: &str = "weights";
/// What comes with the plugin: trained by `forewarm train --generated`, on generated series alone.
const OWN: &[u8] = include_bytes!("../weights/generated.safetensors");

thread_local! {
    static LOADED: OnceCell<Result<Weights, Error>> = const { OnceCell::new() };
}

/// Hands the weights to `action`.
///
/// # Errors
/// [`Error::InvalidInput`] when the granted file is not one of weights; the error stays until the plugin is loaded anew.
/// What `action` says else.
pub fn with<T>(action: impl FnOnce(&Weights) -> Result<T, Error>) -> Result<T, Error> {
    LOADED.with(|loaded| match loaded.get_or_init(load) {
        Ok(weights) => action(weights),
        Err(error) => Err(error.clone()),
    })
}

/// Reads the plugin's own weights.
///
/// # Errors
/// None, unless the plugin was built with a file that is not one of weights.
pub fn own() -> Result<Weights, Error> {
    Weights::from_bytes(OWN)
}

fn load() -> Result<Weights, Error> {
    match assets::read_granted(ASSET)? {
        Some(granted) => Weights::from_bytes(&granted),
        None => {
            host::debug("no file is granted as the asset `weights`: the plugin's own weights are used");
            own()
        }
    }
}
