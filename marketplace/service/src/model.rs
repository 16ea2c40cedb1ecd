//! The market's words as types: who takes part, what they order, what they lease, and the money behind it.

mod account;
mod bid;
mod budget;
mod caller;
mod event;
mod lease;
mod offer;
mod order;
mod organisation;
mod round;
mod transfer;
mod window;

pub use account::{Account, AccountId, Currency, ExchangeRate, InvalidAccountId, InvalidCurrency, InvalidExchangeRate};
pub use bid::{BidOrder, NewBid, Ticket};
pub use budget::{Budget, NewBudget};
pub use caller::{Caller, Role, Roles};
pub use event::{MarketTopic, OutboxEvent};
pub use forewarm_domain::{id::LeaseId, lending::DeliveryWindow};
pub use lease::{Lease, LeaseEnd, LeaseState, ReclaimPreview, ReclaimRequest, Reclaimed};
pub use offer::{NewOffer, Offer, OfferSource};
pub use order::{EndCause, ExclusiveGroup, IdempotencyKey, InvalidLabel, OrderReason, OrderState, TimeInForce};
pub use organisation::{CostCentre, NewCostCentre, NewOrganisation, Organisation, OrganisationKind};
pub use round::{MarketKind, PricePoint, Round, RoundId, RoundState, Seal, Settlement};
pub use transfer::{LeaseFacts, LedgerEntry, NewDeposit, Transfer, TransferKind, TransferRefs};
pub use window::{lease_duration, seconds_left};
