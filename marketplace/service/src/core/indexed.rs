//! Rows that are also found by a property of theirs: leases by when something is due, budgets by whose they are. What is
//! asked for then costs as much as is found, not as much as there is.

use super::table::Table;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Debug,
    hash::Hash,
    ops::{Deref, DerefMut},
};

/// What rows are found by.
pub(crate) trait Found: Clone {
    /// The property.
    type By: Clone + Ord + Debug;

    /// Its value; none for a row that nobody looks for.
    fn by(&self) -> Option<Self::By>;
}

/// A [`Table`] with an order. The order is that of the last savepoint, so that a refused change never shows in it.
#[derive(Debug)]
pub(crate) struct Indexed<K, V: Found> {
    table: Table<K, V>,
    order: BTreeMap<V::By, BTreeSet<K>>,
    /// Where each row stands in the order.
    places: HashMap<K, V::By>,
}

impl<K: Clone + Ord + Hash, V: Found> Indexed<K, V> {
    /// Rows as they were read: nothing of it is a change.
    pub(crate) fn of(rows: impl IntoIterator<Item = (K, V)>) -> Self {
        let rows: Vec<(K, V)> = rows.into_iter().collect();
        let keys: Vec<K> = rows.iter().map(|(key, _)| key.clone()).collect();
        let mut all = Self { table: Table::of(rows), order: BTreeMap::new(), places: HashMap::new() };
        keys.into_iter().for_each(|key| all.place(key));
        all
    }

    /// The rows whose property is at most this, by it.
    pub(crate) fn up_to(&self, most: &V::By) -> impl Iterator<Item = &K> {
        self.order.range(..=most).flat_map(|(_, keys)| keys)
    }

    /// The rows whose property is this.
    pub(crate) fn with<'a>(&'a self, by: &V::By) -> impl Iterator<Item = &'a V> + use<'a, K, V> {
        self.order.get(by).into_iter().flatten().filter_map(|key| self.table.get(key))
    }

    /// What was changed so far stays.
    pub(crate) fn savepoint(&mut self) {
        let changed: Vec<K> = self.table.changed().cloned().collect();
        changed.into_iter().for_each(|key| self.place(key));
        self.table.savepoint();
    }

    /// Puts a row where it belongs by now.
    fn place(&mut self, key: K) {
        let by = self.table.get(&key).and_then(Found::by);
        if self.places.get(&key) == by.as_ref() {
            return;
        }
        if let Some(before) = self.places.remove(&key)
            && let Some(keys) = self.order.get_mut(&before)
        {
            keys.remove(&key);
            if keys.is_empty() {
                self.order.remove(&before);
            }
        }
        if let Some(by) = by {
            self.order.entry(by.clone()).or_default().insert(key.clone());
            self.places.insert(key, by);
        }
    }
}

impl<K, V: Found> Deref for Indexed<K, V> {
    type Target = Table<K, V>;
    fn deref(&self) -> &Table<K, V> {
        &self.table
    }
}

impl<K, V: Found> DerefMut for Indexed<K, V> {
    fn deref_mut(&mut self) -> &mut Table<K, V> {
        &mut self.table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by its first number unless that is zero.
    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Row(u8, char);

    impl Found for Row {
        type By = u8;
        fn by(&self) -> Option<u8> {
            Some(self.0).filter(|by| *by > 0)
        }
    }

    fn up_to(rows: &Indexed<u8, Row>, most: u8) -> Vec<u8> {
        rows.up_to(&most).copied().collect()
    }

    #[test]
    fn rows_are_found_where_they_belong_since_the_last_savepoint() {
        let mut rows = Indexed::of([(1, Row(9, 'a')), (2, Row(3, 'b')), (3, Row(3, 'c')), (4, Row(0, 'd'))]);
        assert_eq!((up_to(&rows, 3), up_to(&rows, 9), up_to(&rows, 2)), (vec![2, 3], vec![2, 3, 1], vec![]));
        assert_eq!(rows.with(&3).map(|row| row.1).collect::<Vec<_>>(), ['b', 'c']);
        rows.put(2, Row(9, 'b'));
        rows.put(5, Row(1, 'e'));
        assert_eq!(up_to(&rows, 3), [2, 3], "not yet");
        rows.savepoint();
        assert_eq!((up_to(&rows, 3), up_to(&rows, 9)), (vec![5, 3], vec![5, 3, 1, 2]));
        if let Some(row) = rows.get_mut(&3) {
            row.0 = 0;
        }
        rows.rollback();
        rows.savepoint();
        assert_eq!(up_to(&rows, 3), [5, 3], "what was refused moved nothing");
    }

    #[test]
    fn what_is_over_is_found_no_more() {
        let mut rows = Indexed::of([(1, Row(5, 'a'))]);
        rows.put(1, Row(0, 'z'));
        rows.savepoint();
        assert_eq!(rows.drain(|row| row.0 == 0), [Row(0, 'z')]);
        assert_eq!((up_to(&rows, 9), rows.with(&5).count(), rows.places.len()), (vec![], 0, 0));
    }
}
