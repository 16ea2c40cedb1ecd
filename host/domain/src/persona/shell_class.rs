//! Shell classes: whose instances a generic shell can become.

use super::{Allocation, Isolation, PersonaSpec};
use crate::id::PluginName;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// What a generic shell is made of: base system and core services on a machine of some size. A shell can become an instance
/// of each persona that asks for the same; settings, software and networks are what makes it that persona's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct ShellClass {
    /// Who runs it.
    pub driver: PluginName,
    /// The base image; empty is the driver's own.
    pub image: String,
    /// The machine: it can't be changed while it runs.
    pub allocation: Allocation,
    /// Whether it may stand beside others.
    pub isolation: Isolation,
}

impl PersonaSpec {
    /// The class of shells that this persona's instances can be made of.
    #[must_use]
    pub fn shell_class(&self) -> ShellClass {
        ShellClass {
            driver: self.plugins.driver.clone(),
            image: self.system.image.clone(),
            allocation: self.allocation,
            isolation: self.security.isolation,
        }
    }
}

impl fmt::Display for ShellClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Allocation { cpu_millis, memory_mib, storage_gib, .. } = self.allocation;
        let image = if self.image.is_empty() { "the driver's image" } else { &self.image };
        let isolation = if self.isolation == Isolation::Dedicated { ", dedicated" } else { "" };
        let cores = f64::from(cpu_millis) / 1_000.0;
        write!(f, "{image} on {} with {cores} cores, {memory_mib} MiB, {storage_gib} GiB{isolation}", self.driver)
    }
}
