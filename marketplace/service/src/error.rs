//! Why the market refuses, one variant per reason, each with a stable code.

use crate::model::{Currency, InvalidLabel, LeaseId, MarketKind, OrganisationKind, Role};
use forewarm_auction::{
    InvalidDuration, InvalidPremium, InvalidPrice, InvalidQuantity, MicroCredits, MoneyOverflow, OrderId, Quantity,
    RoundNumber,
};
use forewarm_domain::{id::TenantName, time::TimestampMs};
use uuid::Uuid;

/// Why the market refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MarketError {
    /// There is no such thing, or it is another organisation's: the two are not told apart.
    #[error("there is no {kind} `{name}` here")]
    NotFound {
        /// What was looked for.
        kind: &'static str,
        /// Under which name.
        name: String,
    },
    /// The caller lacks a role.
    #[error("this needs the role {role} at the tenant; ask its organisation or an operator")]
    Forbidden {
        /// The role.
        role: Role,
    },
    /// The name is taken.
    #[error("{kind} `{name}` exists already; choose another name")]
    Exists {
        /// What.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// An internal organisation counts in credits at parity.
    #[error(
        "an organisation of kind {kind:?} can't have currency {currency} at this rate: internal ones use CREDIT at parity, external ones a currency of their own"
    )]
    WrongCurrencyForKind {
        /// The kind.
        kind: OrganisationKind,
        /// The currency.
        currency: Currency,
    },
    /// The amount is in another currency than the account.
    #[error("the account is in {expected}, not in {given}")]
    CurrencyMismatch {
        /// The account's.
        expected: Currency,
        /// What was given.
        given: Currency,
    },
    /// Only internal organisations offer capacity.
    #[error("`{tenant}` belongs to an external customer, which can't offer capacity")]
    NotAnOwner {
        /// The tenant.
        tenant: TenantName,
    },
    /// A quantity out of range.
    #[error(transparent)]
    Quantity(#[from] InvalidQuantity),
    /// A price out of range.
    #[error(transparent)]
    Price(#[from] InvalidPrice),
    /// A premium out of range.
    #[error(transparent)]
    Premium(#[from] InvalidPremium),
    /// A window that nothing can be leased for.
    #[error(transparent)]
    Window(#[from] InvalidDuration),
    /// A label that is none.
    #[error(transparent)]
    Label(#[from] InvalidLabel),
    /// An amount that has to be above zero.
    #[error("the amount must be above zero; got {given} millionths")]
    AmountNotPositive {
        /// What was given.
        given: MicroCredits,
    },
    /// Amounts beyond what can be counted.
    #[error(transparent)]
    Overflow(#[from] MoneyOverflow),
    /// A min-fill over the quantity.
    #[error("a bid can't want at least {min_fill} of {quantity} instances; lower the min-fill or raise the quantity")]
    MinFillOverQuantity {
        /// The least.
        min_fill: Quantity,
        /// The most.
        quantity: Quantity,
    },
    /// Windows start and end on a grid, so that orders meet.
    #[error("the window from {from} until {until} does not fit the grid: start and end are multiples of {grid_s} s")]
    WindowOffGrid {
        /// When it begins.
        from: TimestampMs,
        /// When it ends.
        until: TimestampMs,
        /// The grid in seconds.
        grid_s: u32,
    },
    /// No round will clear the window any more.
    #[error("the window begins at {start}, and its last round is sealed: choose one that begins after {earliest}")]
    WindowPast {
        /// When it begins.
        start: TimestampMs,
        /// What a window has to begin after.
        earliest: TimestampMs,
    },
    /// The window is too far away.
    #[error("the window begins at {start}; the market is open for windows until {latest}")]
    WindowTooFar {
        /// When it begins.
        start: TimestampMs,
        /// The latest begin.
        latest: TimestampMs,
    },
    /// The time in force is over before the next round.
    #[error("the order would end at {until}, before its next round is sealed at {seals_at}")]
    EndsBeforeRound {
        /// When it would end.
        until: TimestampMs,
        /// When its round is sealed.
        seals_at: TimestampMs,
    },
    /// The round takes no more orders.
    #[error("round {number} is sealed; the next one for this window is {next}")]
    RoundSealed {
        /// The round that was named.
        number: RoundNumber,
        /// The one that is open.
        next: RoundNumber,
    },
    /// The round clears other windows, or is not open yet.
    #[error("round {number} is not open for this window; the {kind} round {open} is")]
    WrongRound {
        /// The round that was named.
        number: RoundNumber,
        /// The kind that clears the window.
        kind: MarketKind,
        /// The one that is open.
        open: RoundNumber,
    },
    /// The order takes part in a round that is being cleared.
    #[error("order {order} is sealed in round {number}; it can be cancelled when that is settled, if anything is left")]
    OrderSealed {
        /// The order.
        order: OrderId,
        /// The round.
        number: RoundNumber,
    },
    /// The order has ended.
    #[error("order {order} has ended already")]
    OrderEnded {
        /// The order.
        order: OrderId,
    },
    /// The key stands for another request.
    #[error("the idempotency key was used with another body; use a fresh key for a new request")]
    KeyReused,
    /// Not enough money.
    #[error(
        "needs {needed} millionths of a {currency}, of which {available} are available; lower quantity or limit, or pay in"
    )]
    FundsShort {
        /// What it takes.
        needed: MicroCredits,
        /// What there is.
        available: MicroCredits,
        /// Counted in.
        currency: Currency,
    },
    /// Not enough left of a budget.
    #[error(
        "needs {needed} millionths, of which the budget {budget} of `{tenant}` has {left} left; wait for its next period or have it raised"
    )]
    BudgetShort {
        /// The budget.
        budget: Uuid,
        /// Whose it is.
        tenant: TenantName,
        /// What it takes.
        needed: MicroCredits,
        /// What is left.
        left: MicroCredits,
    },
    /// A budget's period is empty.
    #[error("a budget needs a period that ends after it begins, and a limit that is not negative")]
    InvalidBudget,
    /// Too many open orders.
    #[error("`{tenant}` has {open} open orders, as many as it may; cancel some first")]
    TooManyOrders {
        /// The tenant.
        tenant: TenantName,
        /// How many are open.
        open: u32,
    },
    /// The lease is in a state in which that can not be done.
    #[error("the lease {lease} is {state}; that can't be done now")]
    LeaseState {
        /// The lease.
        lease: LeaseId,
        /// Its state.
        state: &'static str,
    },
    /// The transfer exists with other contents.
    #[error("transfer {transfer} is booked already with other contents: the ledger and the request disagree")]
    TransferConflict {
        /// The transfer.
        transfer: Uuid,
    },
    /// A passing failure; nothing was changed. Retrying may help.
    #[error("the market's store is unavailable: {0}; it is safe to try again")]
    Unavailable(String),
    /// What was read is not what was written, or the books do not add up: an operator has to look.
    #[error("the market's records are damaged: {0}; restore them from a backup")]
    Damaged(String),
    /// The market was closed.
    #[error("the market is closed: the host is stopping")]
    Closed,
}

impl MarketError {
    /// A stable name of the reason, for problem documents.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not-found",
            Self::Forbidden { .. } => "forbidden",
            Self::Exists { .. } => "exists",
            Self::WrongCurrencyForKind { .. } => "wrong-currency-for-kind",
            Self::CurrencyMismatch { .. } => "currency-mismatch",
            Self::NotAnOwner { .. } => "not-an-owner",
            Self::Quantity(_) => "invalid-quantity",
            Self::Price(_) => "invalid-price",
            Self::Premium(_) => "invalid-premium",
            Self::Window(_) => "invalid-window",
            Self::Label(_) => "invalid-label",
            Self::AmountNotPositive { .. } => "amount-not-positive",
            Self::Overflow(_) => "overflow",
            Self::MinFillOverQuantity { .. } => "min-fill-over-quantity",
            Self::WindowOffGrid { .. } => "window-off-grid",
            Self::WindowPast { .. } => "window-past",
            Self::WindowTooFar { .. } => "window-too-far",
            Self::EndsBeforeRound { .. } => "ends-before-round",
            Self::RoundSealed { .. } => "round-sealed",
            Self::WrongRound { .. } => "wrong-round",
            Self::OrderSealed { .. } => "order-sealed",
            Self::OrderEnded { .. } => "order-ended",
            Self::KeyReused => "key-reused",
            Self::FundsShort { .. } => "funds-short",
            Self::BudgetShort { .. } => "budget-short",
            Self::InvalidBudget => "invalid-budget",
            Self::TooManyOrders { .. } => "too-many-orders",
            Self::LeaseState { .. } => "lease-state",
            Self::TransferConflict { .. } => "transfer-conflict",
            Self::Unavailable(_) => "unavailable",
            Self::Damaged(_) => "damaged",
            Self::Closed => "closed",
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "ids and names are told alike")]
    pub(crate) fn not_found(kind: &'static str, name: impl ToString) -> Self {
        Self::NotFound { kind, name: name.to_string() }
    }
}
