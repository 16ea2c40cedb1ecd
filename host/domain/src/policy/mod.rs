//! Policies: rules that name a wanted number of instances, the fleets in shadow by which they are judged, and the contest
//! that lets the best one decide.

mod contest;
mod fleet;
mod memory;
mod rule;
mod underway;

pub use contest::{Choice, Contest, Standing, Switch, entrants};
pub use fleet::{Fleet, Launch, Tally};
pub use memory::Memory;
pub use rule::{Moment, Player, Recent, Rule, Scratch};
pub use underway::{Ends, Underway};
