//! Instances that their driver takes away without having been asked to: those of a claim are used to the end and get a
//! successor meanwhile, all others are taken out of use.

use super::{Changes, Pool};
use forewarm_domain::id::{InstanceId, PersonaName, PluginName};
use forewarm_domain::instance::InstanceState;
use forewarm_domain::time::TimestampMs;

/// What is told of such an instance.
const REASON: &str = "its driver takes it away";

impl Pool {
    /// The driver lists an instance as leaving.
    pub(crate) fn leaving(&mut self, id: InstanceId, now: TimestampMs) -> Changes {
        let mut changes = Changes::default();
        match self.instances.get(&id).map(|instance| instance.state) {
            Some(InstanceState::Active { .. }) => {
                if self.leaving.insert(id) {
                    self.notice(id, REASON, &mut changes);
                }
            }
            Some(InstanceState::Destroying { .. }) | None => {}
            Some(_) => changes = self.discard(id, REASON, now),
        }
        changes
    }

    /// Claimed instances of a persona that are being taken away.
    pub(crate) fn going(&self, persona: &PersonaName) -> u32 {
        let Some(shelf) = self.shelves.get(persona) else { return 0 };
        let going = self.leaving.iter().filter(|id| shelf.active.contains(id)).count();
        u32::try_from(going).unwrap_or(u32::MAX)
    }

    /// Instances that a driver runs, or has been asked for.
    pub(crate) fn count_of(&self, driver: &PluginName) -> u32 {
        self.drivers.get(driver).copied().unwrap_or(0)
    }
}
