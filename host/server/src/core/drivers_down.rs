//! Drivers whose last list could not be had, and why: what is planned of theirs can't be carried out.

use forewarm_domain::id::PluginName;
use forewarm_domain::plugin::{PluginError, PluginErrorKind};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tracing::info;

/// See the module's description.
#[derive(Default)]
pub(super) struct DriversDown(Mutex<HashMap<PluginName, PluginError>>);

impl DriversDown {
    fn errors(&self) -> MutexGuard<'_, HashMap<PluginName, PluginError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a failure; true where it is news: the driver was up, or failed otherwise.
    pub(super) fn is_down(&self, error: &PluginError) -> bool {
        let before = self.errors().insert(error.plugin.clone(), error.clone());
        before.is_none_or(|before| before.kind != error.kind)
    }

    pub(super) fn is_up(&self, driver: &PluginName) {
        if self.errors().remove(driver).is_some() {
            info!(%driver, "the driver answers again");
        }
    }

    pub(super) fn of(&self, driver: &PluginName) -> Option<PluginError> {
        self.errors().get(driver).cloned()
    }

    /// Drivers whose supervisor lets no calls through: nothing is sent to them.
    pub(super) fn held_back(&self) -> HashSet<PluginName> {
        let errors = self.errors();
        let held = errors.iter().filter(|(_, error)| error.kind == PluginErrorKind::Quarantined);
        held.map(|(driver, _)| driver.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: PluginErrorKind) -> PluginError {
        PluginError { plugin: "driver-x".parse().expect("valid"), kind, message: "no".into() }
    }

    #[test]
    fn each_sort_of_failure_is_news_once() {
        let (down, driver) = (DriversDown::default(), "driver-x".parse().expect("valid"));
        let kinds = [PluginErrorKind::Trap, PluginErrorKind::Trap, PluginErrorKind::Quarantined];
        assert_eq!(kinds.map(|kind| down.is_down(&error(kind))), [true, false, true]);
        assert_eq!(down.held_back(), HashSet::from([driver]));
        let driver = "driver-x".parse().expect("valid");
        down.is_up(&driver);
        assert!(down.of(&driver).is_none() && down.held_back().is_empty());
        assert!(down.is_down(&error(PluginErrorKind::Trap)));
        assert!(down.held_back().is_empty(), "one that fails may still be tried");
    }
}
