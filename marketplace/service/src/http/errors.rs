//! How the market's refusals look to callers.

use crate::auth::TokenError;
use crate::error::MarketError;
use crate::exports::{FocusError, InvalidPeriod};
use forewarm_web::{FieldError, Problem, ProblemKind};

impl From<MarketError> for Problem {
    fn from(error: MarketError) -> Self {
        let (code, detail) = (error.code(), error.to_string());
        let at = |pointer: &str| {
            let errors = vec![FieldError { pointer: pointer.to_owned(), detail: detail.clone() }];
            Self::new(ProblemKind::InvalidBody, detail.clone()).with_errors(errors)
        };
        let of = |kind| Self::new(kind, detail.clone());
        let problem = match &error {
            MarketError::NotFound { .. } => of(ProblemKind::NotFound),
            MarketError::Forbidden { .. } | MarketError::NotAnOwner { .. } => of(ProblemKind::Forbidden),
            MarketError::Exists { .. }
            | MarketError::TooManyOrders { .. }
            | MarketError::OrderEnded { .. }
            | MarketError::LeaseState { .. } => of(ProblemKind::Conflict),
            MarketError::WrongCurrencyForKind { .. } | MarketError::CurrencyMismatch { .. } => at("/currency"),
            MarketError::Quantity(_) => at("/quantity"),
            MarketError::MinFillOverQuantity { .. } => at("/min_fill"),
            MarketError::Price(_) => at("/limit"),
            MarketError::Premium(_) => at("/firm_premium"),
            MarketError::Window(_)
            | MarketError::WindowOffGrid { .. }
            | MarketError::WindowPast { .. }
            | MarketError::WindowTooFar { .. } => at("/window"),
            MarketError::EndsBeforeRound { .. } => at("/time_in_force"),
            MarketError::AmountNotPositive { .. } => at("/amount"),
            MarketError::Label(_) | MarketError::Overflow(_) | MarketError::InvalidBudget => at(""),
            MarketError::RoundSealed { .. } | MarketError::WrongRound { .. } | MarketError::OrderSealed { .. } => {
                of(ProblemKind::TooLate)
            }
            MarketError::KeyReused | MarketError::TransferConflict { .. } => of(ProblemKind::KeyReused),
            MarketError::FundsShort { .. } | MarketError::BudgetShort { .. } => of(ProblemKind::BudgetShort),
            MarketError::Unavailable(_) => {
                let detail = "the market's store is not available at present, nothing was changed: try again";
                Self::new(ProblemKind::Unavailable, detail).retry_after(2).caused_by(&error)
            }
            MarketError::Closed => of(ProblemKind::Unavailable).retry_after(5),
            MarketError::Damaged(_) => Self::internal(&error),
        };
        problem.with_code(code)
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        let detail = error.to_string();
        match error {
            TokenError::Taken(_) | TokenError::LastOperator(_) => Self::new(ProblemKind::Conflict, detail),
            TokenError::Name | TokenError::Roles => Self::new(ProblemKind::InvalidBody, detail),
            TokenError::Unknown(_) => Self::new(ProblemKind::NotFound, detail),
            TokenError::Random(_) => Self::internal(detail),
            TokenError::Market(error) => error.into(),
        }
    }
}

impl From<InvalidPeriod> for Problem {
    fn from(error: InvalidPeriod) -> Self {
        Self::new(ProblemKind::InvalidParameter, format!("the query is not valid: {error}"))
    }
}

impl From<FocusError> for Problem {
    fn from(error: FocusError) -> Self {
        Self::internal(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_their_place_and_causes_stay_inside() {
        let price = forewarm_auction::Price::try_from(-1).expect_err("negative");
        let document = Problem::from(MarketError::Price(price)).document(None);
        assert_eq!((document.status, document.code.as_deref()), (422, Some("invalid-price")));
        assert_eq!(document.errors[0].pointer, "/limit");
        let document = Problem::from(MarketError::Unavailable("disk full at /secret".into())).document(None);
        assert_eq!(document.status, 503);
        assert!(!document.detail.contains("/secret"), "{document:?}");
        assert_eq!(Problem::from(MarketError::KeyReused).kind(), ProblemKind::KeyReused);
    }
}
