//! Rows in memory that know what changed: a refused change is undone, and what was taken is written once per transaction.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
};

/// Changes that there is room for from one savepoint to the next.
const ROOM_KEPT: usize = 1_024;

/// Rows by key.
#[derive(Debug)]
pub(crate) struct Table<K, V> {
    rows: HashMap<K, V>,
    /// What stood at the last savepoint where something was changed since.
    undo: HashMap<K, Option<V>>,
    /// What was changed since the last transaction.
    dirty: HashSet<K>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: HashMap::new(), undo: HashMap::new(), dirty: HashSet::new() }
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Table<K, V> {
    /// Rows as they were read: nothing of it is a change.
    pub(crate) fn of(rows: impl IntoIterator<Item = (K, V)>) -> Self {
        Self { rows: rows.into_iter().collect(), ..Self::default() }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.rows.values()
    }

    /// Adds or replaces a row.
    pub(crate) fn put(&mut self, key: K, value: V) {
        let before = self.rows.insert(key.clone(), value);
        self.undo.entry(key).or_insert(before);
    }

    /// A row, to be changed.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let row = self.rows.get_mut(key)?;
        // A row that is changed again and again is copied once.
        if !self.undo.contains_key(key) {
            self.undo.insert(key.clone(), Some(row.clone()));
        }
        Some(row)
    }

    /// Takes back what was changed since the last savepoint.
    pub(crate) fn rollback(&mut self) {
        for (key, before) in self.undo.drain() {
            match before {
                Some(before) => drop(self.rows.insert(key, before)),
                None => drop(self.rows.remove(&key)),
            }
        }
        self.shrink();
    }

    /// What was changed since the last savepoint.
    pub(crate) fn changed(&self) -> impl Iterator<Item = &K> {
        self.undo.keys()
    }

    /// What was changed so far stays.
    pub(crate) fn savepoint(&mut self) {
        if !self.undo.is_empty() {
            self.dirty.extend(self.undo.drain().map(|(key, _)| key));
            self.shrink();
        }
    }

    /// Emptying costs what there is room for: a single large change must not make every small one after it dear.
    fn shrink(&mut self) {
        if self.undo.capacity() > ROOM_KEPT {
            self.undo = HashMap::new();
        }
    }

    /// Removes rows that are of no more use and are not stored.
    pub(crate) fn forget(&mut self, old: impl Fn(&V) -> bool) {
        self.rows.retain(|_, row| !old(row));
    }

    /// Nothing of this is stored: what changed needs no writing.
    pub(crate) fn written(&mut self) {
        self.dirty.clear();
    }
}

impl<K: Clone + Ord + Hash, V: Clone> Table<K, V> {
    /// The rows that changed since the last time, by key, which spares a database that keeps them so; those that are `over`
    /// leave memory.
    pub(crate) fn drain(&mut self, over: impl Fn(&V) -> bool) -> Vec<V> {
        let mut keys: Vec<K> = self.dirty.drain().collect();
        if self.dirty.capacity() > ROOM_KEPT {
            self.dirty = HashSet::new();
        }
        keys.sort_unstable();
        let mut changed = Vec::with_capacity(keys.len());
        for key in keys {
            if self.rows.get(&key).is_some_and(&over) {
                changed.extend(self.rows.remove(&key));
            } else {
                changed.extend(self.rows.get(&key).cloned());
            }
        }
        changed
    }
}

/// Rows that are only ever added.
#[derive(Debug)]
pub(crate) struct Log<V> {
    rows: Vec<V>,
    kept: usize,
}

impl<V> Default for Log<V> {
    fn default() -> Self {
        Self { rows: Vec::new(), kept: 0 }
    }
}

impl<V> Log<V> {
    pub(crate) fn push(&mut self, row: V) {
        self.rows.push(row);
    }

    /// What was added since the last transaction.
    pub(crate) fn all(&self) -> &[V] {
        &self.rows
    }

    /// What was added since the last savepoint.
    pub(crate) fn fresh(&self) -> &[V] {
        self.rows.get(self.kept..).unwrap_or_default()
    }

    pub(crate) fn rollback(&mut self) {
        self.rows.truncate(self.kept);
    }

    pub(crate) fn savepoint(&mut self) {
        self.kept = self.rows.len();
    }

    pub(crate) fn drain(&mut self) -> Vec<V> {
        self.kept = 0;
        std::mem::take(&mut self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_change_leaves_nothing_behind() {
        let mut table = Table::of([(1, 'a'), (2, 'b')]);
        table.put(3, 'c');
        table.savepoint();
        if let Some(row) = table.get_mut(&1) {
            *row = 'x';
        }
        table.put(1, 'y');
        table.put(4, 'd');
        table.rollback();
        let mut rows: Vec<_> = table.values().copied().collect();
        rows.sort_unstable();
        assert_eq!(rows, ['a', 'b', 'c']);
        assert_eq!(table.drain(|_| false), ['c'], "only what was taken is written");
        assert!(table.drain(|_| false).is_empty());
    }

    #[test]
    fn what_is_over_is_written_and_leaves() {
        let mut table = Table::of([(1, 'a')]);
        table.put(1, 'z');
        table.savepoint();
        assert_eq!(table.drain(|value| *value == 'z'), ['z']);
        assert_eq!(table.get(&1), None);
    }

    #[test]
    fn a_log_forgets_what_was_refused() {
        let mut log = Log::default();
        log.push(1);
        log.savepoint();
        log.push(2);
        assert_eq!(log.fresh(), [2]);
        log.rollback();
        assert_eq!((log.fresh().len(), log.drain()), (0, vec![1]));
    }
}
