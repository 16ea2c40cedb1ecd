//! One module per table: its row as sea-orm sees it.

pub(crate) mod calendar;
pub(crate) mod chunk;
pub(crate) mod claim;
pub(crate) mod instance;
pub(crate) mod intent;
pub(crate) mod journal;
pub(crate) mod lent;
pub(crate) mod outcome;
pub(crate) mod persona;
pub(crate) mod plan;
pub(crate) mod plugin_state;
pub(crate) mod series;
pub(crate) mod setting;
pub(crate) mod token;
