//! The calendar: planned events, freezes and maintenance windows, in memory as the store has them.

use super::Core;
use crate::store::{Store, StoreError, Write};
use forewarm_bus::message::EventTopic;
use forewarm_domain::calendar::{Entry, EntryKind, PlannedEvent, Spanned, What};
use forewarm_domain::id::{CalendarName, PersonaName, PluginName};
use forewarm_domain::plan::Hold;
use forewarm_domain::time::TimestampMs;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::Mutex;

/// Entries of one kind that have not ended: as many as may be planned ahead.
const ENTRIES_MAX: usize = 1_000;

type Entries = BTreeMap<(EntryKind, CalendarName), Entry>;

/// See the module's description.
pub(super) struct Calendar {
    entries: RwLock<Entries>,
    /// One change at a time, so that memory and store are changed in the same order.
    changing: Mutex<()>,
}

/// Why the calendar was not changed.
#[derive(Debug, thiserror::Error)]
pub enum CalendarError {
    /// There are enough.
    #[error(
        "the calendar has {ENTRIES_MAX} entries of this kind that have not ended, and no more may be added: remove some"
    )]
    Full,
    /// There is no such entry.
    #[error("the calendar has no {kind} {name}", kind = kind.as_str())]
    Unknown {
        /// Of which kind.
        kind: EntryKind,
        /// Which.
        name: CalendarName,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Calendar {
    pub(super) async fn open(store: &Store) -> Result<Self, StoreError> {
        let entries = store.calendar().await?.into_iter();
        let entries = entries.map(|entry| ((entry.what.kind(), entry.name.clone()), entry)).collect();
        Ok(Self { entries: RwLock::new(entries), changing: Mutex::default() })
    }

    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Events of a persona that have not ended, with what they are called.
    pub(super) fn events_of(&self, persona: &PersonaName, now: TimestampMs) -> Vec<(String, PlannedEvent)> {
        let entries = self.read();
        let ahead = entries.values().filter(|entry| entry.what.until() > now);
        let events = ahead.filter_map(|entry| match &entry.what {
            What::Event(event) if event.persona == *persona => Some((entry.name.to_string(), event.clone())),
            What::Event(_) | What::Freeze(_) => None,
        });
        events.collect()
    }

    /// Freezes and maintenance windows that concern a persona and have not ended.
    pub(super) fn holds(&self, persona: &PersonaName, driver: &PluginName, now: TimestampMs) -> Vec<Hold> {
        let entries = self.read();
        let ahead = entries.values().filter(|entry| entry.what.until() > now);
        let holds = ahead.filter_map(|entry| match &entry.what {
            What::Freeze(freeze) if freeze.concerns(persona, driver) => Some(Hold {
                name: entry.name.to_string(),
                maintenance: freeze.driver.as_ref() == Some(driver),
                from: freeze.from,
                until: freeze.until,
                allows: freeze.allows,
            }),
            What::Event(_) | What::Freeze(_) => None,
        });
        holds.collect()
    }

    /// Forgets what ended before an instant, as the store does.
    pub(super) fn prune(&self, before: TimestampMs) {
        self.write().retain(|_, entry| entry.what.until() >= before);
    }

    fn has_room(&self, kind: EntryKind, now: TimestampMs) -> bool {
        let entries = self.read();
        entries.values().filter(|entry| entry.what.kind() == kind && entry.what.until() > now).count() < ENTRIES_MAX
    }
}

impl Core {
    /// The entries of one kind, by name, past ones included until they are pruned.
    #[must_use]
    pub fn calendar(&self, kind: EntryKind) -> Vec<Entry> {
        self.calendar.read().values().filter(|entry| entry.what.kind() == kind).cloned().collect()
    }

    /// One entry.
    ///
    /// # Errors
    /// [`CalendarError::Unknown`].
    pub fn calendar_entry(&self, kind: EntryKind, name: &CalendarName) -> Result<Entry, CalendarError> {
        let found = self.calendar.read().get(&(kind, name.clone())).cloned();
        found.ok_or_else(|| CalendarError::Unknown { kind, name: name.clone() })
    }

    /// Puts something into the calendar in place of what has its name; also says whether it is new. It counts from the
    /// next plan on, which is made at once. The same again changes nothing.
    ///
    /// # Errors
    /// [`CalendarError`]; nothing changes then.
    pub async fn put_into_calendar(
        &self,
        name: CalendarName,
        what: What,
        by: &str,
    ) -> Result<(Entry, bool), CalendarError> {
        let _changing = self.calendar.changing.lock().await;
        let (kind, now) = (what.kind(), self.clock.now());
        let before = self.calendar_entry(kind, &name).ok();
        if let Some(same) = before.as_ref().filter(|before| before.what == what) {
            return Ok((same.clone(), false));
        }
        let is_new = before.is_none();
        if is_new && !self.calendar.has_room(kind, now) {
            return Err(CalendarError::Full);
        }
        let entry = Entry { name: name.clone(), applied_at: now, applied_by: by.to_owned(), what };
        self.store.commit(vec![Write::Calendar(entry.clone())]).await?;
        self.calendar.write().insert((kind, name), entry.clone());
        let done = if is_new { "put into the calendar" } else { "changed" };
        self.calendar_changed(&entry, &format!("{done} by {by}")).await;
        Ok((entry, is_new))
    }

    /// Removes something from the calendar and gives what it was.
    ///
    /// # Errors
    /// [`CalendarError`]; nothing changes then.
    pub async fn remove_from_calendar(
        &self,
        kind: EntryKind,
        name: &CalendarName,
        by: &str,
    ) -> Result<Entry, CalendarError> {
        let _changing = self.calendar.changing.lock().await;
        let entry = self.calendar_entry(kind, name)?;
        self.store.commit(vec![Write::CalendarGone { kind, name: name.clone() }]).await?;
        self.calendar.write().remove(&(kind, name.clone()));
        self.calendar_changed(&entry, &format!("removed by {by}")).await;
        Ok(entry)
    }

    async fn calendar_changed(&self, entry: &Entry, what: &str) {
        self.applied.notify_one();
        let Entry { name, .. } = entry;
        let reason = format!("the {} `{name}` was {what}", entry.what.kind().as_str());
        tracing::info!("{reason}");
        let data = serde_json::to_value(entry).unwrap_or_default();
        self.tell(EventTopic::CalendarChanged, name.to_string(), reason, data).await;
    }
}
