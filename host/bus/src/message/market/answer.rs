//! How a call between hosts and the market is sent, and what can become of it.

use crate::bus::Bus;
use crate::error::BusError;
use crate::message::call::{decode, encode};
use crate::subject::Subject;
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use std::time::Duration;

/// A call between hosts and the market, and the kind of its answer.
pub trait MarketCall: Serialize + Send + Sync {
    /// What is answered.
    type Answer: Serialize + DeserializeOwned + Send;
    /// Why it may be refused.
    type Refusal: Serialize + DeserializeOwned + Send;
    /// The call's name.
    const OPERATION: &'static str;
    /// Where it goes.
    fn subject(&self) -> Subject;
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MarketCallError<R> {
    /// The other side refused: nothing was changed, and the same call will be refused again as things stand.
    #[error("refused: {0}")]
    Refused(R),
    /// No answer came. Whether the call was carried out is unknown: repeat it.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The call or the answer could not be put into bytes, or read.
    #[error("the other side can't be understood ({0}): do all parts run the same version?")]
    Unreadable(String),
}

/// Sends a call and waits `timeout` at most.
///
/// # Errors
/// [`MarketCallError`]; after all but a refusal the call may be repeated as it is.
pub async fn ask_market<C: MarketCall>(
    bus: &dyn Bus,
    call: &C,
    timeout: Duration,
) -> Result<C::Answer, MarketCallError<C::Refusal>> {
    let payload = encode(&Named(call)).map_err(MarketCallError::Unreadable)?;
    let answer = bus.request(&call.subject(), payload, timeout).await?;
    let answer = decode::<Result<C::Answer, C::Refusal>>(&answer).map_err(MarketCallError::Unreadable)?;
    answer.map_err(MarketCallError::Refused)
}

/// A call under its operation's name: the same bytes as the enum of calls that the other side reads.
struct Named<'a, C>(&'a C);

impl<C: MarketCall> Serialize for Named<'_, C> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_newtype_variant("Call", 0, C::OPERATION, self.0)
    }
}
