//! Counts what one store has: all its linear memories together, tables, instances. Going over ends the call.

use crate::failure::Exceeded;
use crate::metrics::Counters;
use std::sync::Arc;
use wasmtime::{ResourceLimiter, Result};

/// Core instances, tables and memories of one component; what toolchains of all languages make stays well below.
pub(crate) const MAX_CORE_INSTANCES: u32 = 30;
pub(crate) const MAX_TABLES: u32 = 30;
pub(crate) const MAX_MEMORIES: u32 = 4;
/// Elements of all tables together.
pub(crate) const MAX_TABLE_ELEMENTS: usize = 40_000;

/// The limiter of one store.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory_max: u64,
    memory: u64,
    elements: usize,
    counters: Arc<Counters>,
}

impl Limiter {
    pub(crate) fn new(memory_max: u64, counters: Arc<Counters>) -> Self {
        Self { memory_max, memory: 0, elements: 0, counters }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let wanted = self.memory + desired.saturating_sub(current) as u64;
        if wanted > self.memory_max {
            return Err(Exceeded::Memory { wanted, max: self.memory_max }.into());
        }
        self.memory = wanted;
        self.counters.memory(wanted);
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let wanted = self.elements + desired.saturating_sub(current);
        if wanted > MAX_TABLE_ELEMENTS {
            return Err(Exceeded::Table { wanted }.into());
        }
        self.elements = wanted;
        Ok(true)
    }

    fn instances(&self) -> usize {
        MAX_CORE_INSTANCES as usize
    }

    fn tables(&self) -> usize {
        MAX_TABLES as usize
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_are_summed() {
        let counters = Arc::new(Counters::default());
        let mut limiter = Limiter::new(100, Arc::clone(&counters));
        assert!(limiter.memory_growing(0, 60, None).is_ok_and(|granted| granted));
        let error = limiter.memory_growing(0, 60, None).expect_err("120 of 100");
        assert!(matches!(error.downcast_ref(), Some(Exceeded::Memory { wanted: 120, max: 100 })));
        assert!(limiter.memory_growing(0, 40, None).is_ok_and(|granted| granted));
        assert_eq!(counters.snapshot().peak_memory_bytes, 100);
    }
}
