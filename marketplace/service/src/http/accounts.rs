//! `/v1/market/accounts`: what a cost centre has, what is set aside of it, and how long it lasts.

use super::keys::Key;
use super::state::MarketState;
use crate::auth::Who;
use crate::market::AccountView;
use crate::model::{Account, Currency, NewDeposit, Transfer};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use forewarm_auction::MicroCredits;
use forewarm_domain::id::TenantName;
use forewarm_web::Problem;
use forewarm_web::body::{Checked, checked_body};
use forewarm_web::parameters::InPath;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<MarketState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(deposit))
        .routes(routes!(withdraw))
        .routes(routes!(set_credit_limit))
        .routes(routes!(set_alert))
}

/// An account as it stands. Amounts are whole millionths of the account's unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountStanding {
    /// The account.
    pub account: Account,
    /// What may still be spent or set aside.
    pub available: MicroCredits,
    /// Paid for leases over the last day, less refunds: what a day costs at present.
    pub burn_per_day: MicroCredits,
    /// Whole days that the available amount lasts at that rate; none when nothing is spent.
    pub days_left: Option<i64>,
    /// Whether less is available than the account's alert wants.
    pub is_low: bool,
}

impl From<AccountView> for AccountStanding {
    fn from(view: AccountView) -> Self {
        let AccountView { account, available, spent_last_day } = view;
        let days_left = (spent_last_day.0 > 0).then(|| available.0.max(0) / spent_last_day.0);
        let is_low = account.alert_below.is_some_and(|alert| available < alert);
        Self { account, available, burn_per_day: spent_last_day, days_left, is_low }
    }
}

/// A payment from or to outside.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PaymentBody {
    /// What it is counted in: the account's currency.
    currency: Currency,
    /// How much, in millionths.
    #[schema(minimum = 1, maximum = 9_000_000_000_000_000_i64)]
    amount: i64,
}

/// How far a balance may fall below zero.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreditLimitBody {
    /// In millionths.
    #[schema(minimum = 0, maximum = 9_000_000_000_000_000_i64)]
    amount: i64,
}

/// Below which available amount an event tells.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AlertBody {
    /// In millionths; none for no alert.
    #[schema(minimum = 0, maximum = 9_000_000_000_000_000_i64)]
    below: Option<i64>,
}

checked_body!(PaymentBody, CreditLimitBody, AlertBody);

/// Lists every account, the market's own included. For operators and auditors of the whole market.
#[utoipa::path(get, path = "/v1/market/accounts", operation_id = "list_accounts", tag = "money", responses((status = 200, body = Vec<Account>)))]
async fn list(State(state): State<MarketState>, who: Who) -> Result<Json<Vec<Account>>, Problem> {
    Ok(Json(state.market.accounts(&who.0).await?))
}

/// Gives an account with what is available, what a day costs, and how many days are left.
#[utoipa::path(get, path = "/v1/market/accounts/{tenant}", operation_id = "get_account", tag = "money", params(("tenant" = TenantName, Path, description = "The cost centre")), responses((status = 200, body = AccountStanding)))]
async fn get(
    State(state): State<MarketState>,
    who: Who,
    InPath(tenant): InPath<TenantName>,
) -> Result<Json<AccountStanding>, Problem> {
    Ok(Json(state.market.account(&who.0, &tenant).await?.into()))
}

/// Pays money in. The key names the payment: repeating it has no second effect. For operators.
#[utoipa::path(post, path = "/v1/market/accounts/{tenant}/deposits", operation_id = "deposit", tag = "money", params(("tenant" = TenantName, Path, description = "The cost centre"), ("Idempotency-Key" = String, Header, description = "Names the payment")), request_body = PaymentBody, responses((status = 201, body = Transfer)))]
async fn deposit(
    State(state): State<MarketState>,
    who: Who,
    InPath(tenant): InPath<TenantName>,
    key: Key,
    Checked(body): Checked<PaymentBody>,
) -> Result<(StatusCode, Json<Transfer>), Problem> {
    let transfer = state.market.deposit(&who.0, payment(tenant, key, body)?).await?;
    Ok((StatusCode::CREATED, Json(transfer)))
}

/// Pays money out. The key names the payment: repeating it has no second effect. For operators.
#[utoipa::path(post, path = "/v1/market/accounts/{tenant}/withdrawals", operation_id = "withdraw", tag = "money", params(("tenant" = TenantName, Path, description = "The cost centre"), ("Idempotency-Key" = String, Header, description = "Names the payment")), request_body = PaymentBody, responses((status = 201, body = Transfer)))]
async fn withdraw(
    State(state): State<MarketState>,
    who: Who,
    InPath(tenant): InPath<TenantName>,
    key: Key,
    Checked(body): Checked<PaymentBody>,
) -> Result<(StatusCode, Json<Transfer>), Problem> {
    let transfer = state.market.withdraw(&who.0, payment(tenant, key, body)?).await?;
    Ok((StatusCode::CREATED, Json(transfer)))
}

fn payment(tenant: TenantName, key: Key, body: PaymentBody) -> Result<NewDeposit, Problem> {
    let PaymentBody { currency, amount } = body;
    Ok(NewDeposit { tenant, currency, amount: MicroCredits(amount), reference: key.required()? })
}

/// Sets how far the balance may fall below zero. For operators.
#[utoipa::path(put, path = "/v1/market/accounts/{tenant}/credit-limit", operation_id = "set_credit_limit", tag = "money", params(("tenant" = TenantName, Path, description = "The cost centre")), request_body = CreditLimitBody, responses((status = 200, body = Account)))]
async fn set_credit_limit(
    State(state): State<MarketState>,
    who: Who,
    InPath(tenant): InPath<TenantName>,
    Checked(body): Checked<CreditLimitBody>,
) -> Result<Json<Account>, Problem> {
    Ok(Json(state.market.set_credit_limit(&who.0, &tenant, MicroCredits(body.amount)).await?))
}

/// Sets below which available amount an event and the webhooks tell.
#[utoipa::path(put, path = "/v1/market/accounts/{tenant}/alert", operation_id = "set_alert", tag = "money", params(("tenant" = TenantName, Path, description = "The cost centre")), request_body = AlertBody, responses((status = 200, body = Account)))]
async fn set_alert(
    State(state): State<MarketState>,
    who: Who,
    InPath(tenant): InPath<TenantName>,
    Checked(body): Checked<AlertBody>,
) -> Result<Json<Account>, Problem> {
    Ok(Json(state.market.set_alert(&who.0, &tenant, body.below.map(MicroCredits)).await?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AccountId;

    #[test]
    fn days_left_are_whole_and_only_where_something_is_spent() {
        let account = Account::empty(AccountId::Tenant("shop".parse().expect("valid")), Currency::credit());
        let standing = |available, spent| {
            let account = Account { alert_below: Some(MicroCredits(10)), ..account.clone() };
            let view = AccountView { account, available: MicroCredits(available), spent_last_day: MicroCredits(spent) };
            let AccountStanding { days_left, is_low, .. } = view.into();
            (days_left, is_low)
        };
        assert_eq!(standing(29, 10), (Some(2), false));
        assert_eq!((standing(9, 0), standing(100, -5), standing(0, 1)), ((None, true), (None, false), (Some(0), true)));
    }
}
