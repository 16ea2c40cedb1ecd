//! How the store's errors look to callers.

use super::problem::{Problem, ProblemKind};
use crate::store::StoreError;

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Conflict(_) => Self::new(ProblemKind::Conflict, "the name or key is taken").caused_by(error),
            StoreError::Unavailable(_) | StoreError::Closed => {
                let detail = "the store is not available at present, nothing was changed: try again";
                Self::new(ProblemKind::Unavailable, detail).retry_after(2).caused_by(error)
            }
            _ => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passing_failures_can_be_tried_again_and_causes_stay_inside() {
        let problem = Problem::from(StoreError::Unavailable("disk full at /secret".into()));
        assert_eq!(problem.kind(), ProblemKind::Unavailable);
        assert!(!problem.document(None).detail.contains("/secret"));
        assert_eq!(Problem::from(StoreError::Refused("syntax".into())).kind(), ProblemKind::Internal);
    }
}
