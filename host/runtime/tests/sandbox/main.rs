//! The runtime against real components: well-behaved ones, hostile ones, and the first-party plugins.

mod drivers;
mod first_party;
mod forecasting;
mod hostile_guests;
mod loading;
mod support;
