//! `GET /v1/events`: what happens, as server-sent events.

mod ring;
mod stream;

pub(crate) use ring::EventRing;
pub(super) use stream::routes;
