//! Accounts and what they are counted in.

use forewarm_auction::{MicroCredits, MoneyOverflow};
use forewarm_domain::id::TenantName;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, sync::Arc};
use utoipa::ToSchema;

/// What an account is counted in: 3 to 8 capital letters. Amounts are whole millionths of its unit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[A-Z]{3,8}$")]
pub struct Currency(Arc<str>);

/// A text that is no currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no currency: use 3 to 8 capital letters, such as CREDIT or EUR")]
pub struct InvalidCurrency(String);

impl Currency {
    /// The market's own: prices are in micro-credits.
    #[must_use]
    pub fn credit() -> Self {
        Self("CREDIT".into())
    }

    /// Whether it is the market's own.
    #[must_use]
    pub fn is_credit(&self) -> bool {
        &*self.0 == "CREDIT"
    }

    /// The currency as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Currency {
    type Err = InvalidCurrency;
    fn from_str(text: &str) -> Result<Self, InvalidCurrency> {
        if (3..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidCurrency(text.chars().take(20).collect()))
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = InvalidCurrency;
    fn try_from(text: String) -> Result<Self, InvalidCurrency> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.0.as_ref().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a credit costs in a currency: millionths of its unit per credit, 1 to [`ExchangeRate::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "i64", into = "i64")]
#[schema(value_type = i64, minimum = 1)]
pub struct ExchangeRate(i64);

/// A number that is no rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an exchange rate is 1 to {max} millionths per credit; got {0}", max = ExchangeRate::MAX.0)]
pub struct InvalidExchangeRate(i64);

/// Millionths in a unit.
const WHOLE: i128 = 1_000_000;

impl ExchangeRate {
    /// One for one.
    pub const PARITY: Self = Self(1_000_000);
    /// A million units per credit.
    pub const MAX: Self = Self(1_000_000_000_000);

    /// What so many credits cost, rounded up: what a customer pays.
    ///
    /// # Errors
    /// [`MoneyOverflow`] when the amount does not fit.
    pub fn up(self, credits: MicroCredits) -> Result<MicroCredits, MoneyOverflow> {
        self.convert(credits, WHOLE - 1)
    }

    /// What so many credits are worth, rounded down: what a customer gets back.
    ///
    /// # Errors
    /// [`MoneyOverflow`] when the amount does not fit.
    pub fn down(self, credits: MicroCredits) -> Result<MicroCredits, MoneyOverflow> {
        self.convert(credits, 0)
    }

    fn convert(self, credits: MicroCredits, surcharge: i128) -> Result<MicroCredits, MoneyOverflow> {
        let exact = (i128::from(credits.0.max(0)) * i128::from(self.0) + surcharge) / WHOLE;
        exact.try_into().map(MicroCredits).map_err(|_| MoneyOverflow)
    }
}

impl TryFrom<i64> for ExchangeRate {
    type Error = InvalidExchangeRate;
    fn try_from(rate: i64) -> Result<Self, InvalidExchangeRate> {
        if (1..=Self::MAX.0).contains(&rate) { Ok(Self(rate)) } else { Err(InvalidExchangeRate(rate)) }
    }
}

impl From<ExchangeRate> for i64 {
    fn from(rate: ExchangeRate) -> Self {
        rate.0
    }
}

/// Names an account: `tenant:NAME`, or one of the market's own per currency.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum AccountId {
    /// A cost centre's.
    Tenant(TenantName),
    /// What the market earns.
    Fees(Currency),
    /// Where money comes from and goes to outside the market; its balance is what all others hold, negated.
    World(Currency),
    /// Where credits are changed for another currency.
    Exchange(Currency),
}

/// A text, as it is written.
impl utoipa::PartialSchema for AccountId {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}

impl ToSchema for AccountId {}

/// A text that names no account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no account: use tenant:NAME, fees:CURRENCY, world:CURRENCY or exchange:CURRENCY")]
pub struct InvalidAccountId(String);

impl AccountId {
    /// Whether the market itself holds it. These may be overdrawn: the others' balances are their counterpart.
    #[must_use]
    pub fn is_market(&self) -> bool {
        !matches!(self, Self::Tenant(_))
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant(name) => write!(f, "tenant:{name}"),
            Self::Fees(currency) => write!(f, "fees:{currency}"),
            Self::World(currency) => write!(f, "world:{currency}"),
            Self::Exchange(currency) => write!(f, "exchange:{currency}"),
        }
    }
}

impl FromStr for AccountId {
    type Err = InvalidAccountId;
    fn from_str(text: &str) -> Result<Self, InvalidAccountId> {
        let refuse = || InvalidAccountId(text.chars().take(80).collect());
        let (kind, name) = text.split_once(':').ok_or_else(refuse)?;
        let currency = || name.parse::<Currency>().map_err(|_| refuse());
        match kind {
            "tenant" => name.parse().map(Self::Tenant).map_err(|_| refuse()),
            "fees" => currency().map(Self::Fees),
            "world" => currency().map(Self::World),
            "exchange" => currency().map(Self::Exchange),
            _ => Err(refuse()),
        }
    }
}

impl TryFrom<String> for AccountId {
    type Error = InvalidAccountId;
    fn try_from(text: String) -> Result<Self, InvalidAccountId> {
        text.parse()
    }
}

impl From<AccountId> for String {
    fn from(id: AccountId) -> Self {
        id.to_string()
    }
}

/// An account as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Names it.
    pub id: AccountId,
    /// What it is counted in.
    pub currency: Currency,
    /// What came in less what went out.
    pub balance: MicroCredits,
    /// Set aside for open orders and for what calling back leases may cost.
    pub held: MicroCredits,
    /// How far the balance may fall below zero.
    pub credit_limit: MicroCredits,
    /// An event tells when less than this is available; none tells nothing.
    pub alert_below: Option<MicroCredits>,
}

impl Account {
    /// An account without money.
    #[must_use]
    pub fn empty(id: AccountId, currency: Currency) -> Self {
        let zero = MicroCredits::ZERO;
        Self { id, currency, balance: zero, held: zero, credit_limit: zero, alert_below: None }
    }

    /// What may still be spent or set aside.
    ///
    /// # Errors
    /// [`MoneyOverflow`] when the amount does not fit.
    pub fn available(&self) -> Result<MicroCredits, MoneyOverflow> {
        self.balance.checked_add(self.credit_limit)?.checked_sub(self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_names_are_read_back() {
        for text in ["tenant:shop", "fees:CREDIT", "world:EUR", "exchange:EUR"] {
            assert_eq!(text.parse::<AccountId>().expect("valid").to_string(), text);
        }
        for bad in ["", "shop", "tenant:", "tenant:A", "fees:eur", "other:EUR"] {
            assert!(bad.parse::<AccountId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn customers_pay_rounded_up_and_get_back_rounded_down() {
        let rate = ExchangeRate::try_from(1_500_001).expect("valid");
        assert_eq!((rate.up(MicroCredits(1)), rate.down(MicroCredits(1))), (Ok(MicroCredits(2)), Ok(MicroCredits(1))));
        assert_eq!(ExchangeRate::PARITY.up(MicroCredits(i64::MAX)), Ok(MicroCredits(i64::MAX)));
        assert_eq!(rate.up(MicroCredits(i64::MAX)), Err(MoneyOverflow));
        for bad in [0, -1, 1_000_000_000_001] {
            assert!(ExchangeRate::try_from(bad).is_err(), "{bad}");
        }
    }
}
