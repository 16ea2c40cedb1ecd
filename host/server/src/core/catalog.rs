//! The versioned catalog of personas: the newest version of each in memory, all of them in the store.

use crate::store::{Store, StoreError, Write};
use forewarm_domain::id::PersonaName;
use forewarm_domain::persona::{Persona, PersonaSpec};
use forewarm_domain::time::TimestampMs;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// See the module's description.
pub struct Catalog {
    store: Store,
    newest: RwLock<BTreeMap<PersonaName, Arc<Persona>>>,
}

/// A persona as it stands after applying.
#[derive(Debug, Clone)]
pub struct Applied {
    /// Its newest version.
    pub persona: Arc<Persona>,
    /// False where the newest version already said just that: applying twice makes no second version.
    pub changed: bool,
}

/// Why a persona was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Somebody else applied another version meanwhile.
    #[error("persona {name} is at version {actual}, not {expected}: read it again and apply your change to that")]
    Version {
        /// Which persona.
        name: PersonaName,
        /// The version that the caller knows; 0 where it takes it not to exist.
        expected: u32,
        /// The version that there is; 0 where there is none.
        actual: u32,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Catalog {
    pub(super) async fn open(store: Store) -> Result<Self, StoreError> {
        let newest = store.personas().await?;
        let newest = newest.into_iter().map(|persona| (persona.spec.name.clone(), Arc::new(persona))).collect();
        Ok(Self { store, newest: RwLock::new(newest) })
    }

    /// The newest version of every persona, by name.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<Persona>> {
        self.newest.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// The newest version of one persona.
    #[must_use]
    pub fn get(&self, name: &PersonaName) -> Option<Arc<Persona>> {
        self.newest.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// All versions of one persona, the newest first; empty where there is no such persona.
    ///
    /// # Errors
    /// [`StoreError`] when the store can't be read.
    pub async fn versions(&self, name: &PersonaName) -> Result<Vec<Persona>, StoreError> {
        self.store.persona_versions(name).await
    }

    /// Makes `spec` the newest version. Two at a time can't both win: the store takes each version number once.
    pub(super) async fn apply(
        &self,
        spec: PersonaSpec,
        by: &str,
        expected: Option<u32>,
        now: TimestampMs,
    ) -> Result<Applied, ApplyError> {
        let name = spec.name.clone();
        let present = self.get(&name);
        let actual = present.as_ref().map_or(0, |persona| persona.version);
        if let Some(expected) = expected.filter(|expected| *expected != actual) {
            return Err(ApplyError::Version { name, expected, actual });
        }
        if let Some(persona) = present.filter(|persona| persona.spec == spec) {
            return Ok(Applied { persona, changed: false });
        }
        let persona = Persona { version: actual + 1, applied_at: now, applied_by: by.to_owned(), spec };
        match self.store.commit(vec![Write::Persona(persona.clone())]).await {
            Ok(()) => {}
            Err(StoreError::Conflict { .. }) => {
                return Err(ApplyError::Version { name, expected: actual, actual: actual + 1 });
            }
            Err(error) => return Err(error.into()),
        }
        let persona = Arc::new(persona);
        let mut newest = self.newest.write().unwrap_or_else(PoisonError::into_inner);
        newest.insert(name, Arc::clone(&persona));
        Ok(Applied { persona, changed: true })
    }
}
