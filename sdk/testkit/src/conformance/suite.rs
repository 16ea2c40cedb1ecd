//! Runs one property over its cases, and finds a simple input that breaks it.

use super::{Finding, Outcome, Property};
use forewarm_domain::plugin::{PluginError, PluginErrorKind};
use std::fmt;

/// The most simpler inputs that are tried after a failure.
const SIMPLER_MAX: usize = 100;

/// One input.
pub(super) trait Case: Clone + fmt::Display {
    /// Simpler inputs, the simplest first; none where there are none.
    fn simpler(&self) -> Vec<Self>;
}

/// Why a case did not pass.
#[derive(Debug, Clone)]
pub(super) enum Breach {
    /// The property does not hold; the text says what was seen.
    Broken(String),
    /// The plugin did not get as far as this property: another one judges that.
    Unjudged(String),
}

pub(super) type Judged = Result<(), Breach>;

impl From<PluginError> for Breach {
    fn from(error: PluginError) -> Self {
        Self::Unjudged(error.to_string())
    }
}

/// The property is broken in a way that `what` tells.
pub(super) fn broken<T>(what: impl Into<String>) -> Result<T, Breach> {
    Err(Breach::Broken(what.into()))
}

/// An error of this kind is what the contract asks for; an answer or another error is not.
pub(super) fn refused<T>(what: &str, answer: Result<T, PluginError>, kind: PluginErrorKind) -> Judged {
    match answer {
        Err(error) if error.kind == kind => Ok(()),
        Err(error) => broken(format!("{what} was answered with `{}` ({}), not `{kind}`", error.kind, error.message)),
        Ok(_) => broken(format!("{what} was accepted instead of answered with `{kind}`")),
    }
}

/// Whether an error is the plugin's own answer, and not that of the sandbox.
pub(super) fn is_answer(error: &PluginError) -> bool {
    use PluginErrorKind as Kind;
    !matches!(
        error.kind,
        Kind::Trap | Kind::Deadline | Kind::Memory | Kind::HostBudget | Kind::InvalidAnswer | Kind::Saturated
    )
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Suite(Vec<Finding>);

impl Suite {
    pub(super) fn findings(self) -> Vec<Finding> {
        self.0
    }

    /// Judges every case until one breaks the property, and then simpler ones.
    pub(super) async fn property<C: Case>(
        &mut self,
        property: Property,
        cases: Vec<C>,
        judge: impl AsyncFn(&C) -> Judged,
    ) {
        let (mut judged, mut reason) = (0, "there was no case".to_owned());
        for case in cases {
            match judge(&case).await {
                Ok(()) => judged += 1,
                Err(Breach::Unjudged(why)) => reason = format!("{why} ({case})"),
                Err(Breach::Broken(observed)) => {
                    let (case, observed) = simplest(case, observed, &judge).await;
                    let outcome = Outcome::Failed { counterexample: case.to_string(), observed };
                    self.0.push(Finding { property, outcome });
                    return;
                }
            }
        }
        let outcome = if judged > 0 { Outcome::Passed { cases: judged } } else { Outcome::Unjudged { reason } };
        self.0.push(Finding { property, outcome });
    }
}

async fn simplest<C: Case>(mut case: C, mut observed: String, judge: &impl AsyncFn(&C) -> Judged) -> (C, String) {
    let mut tries = 0;
    'smaller: loop {
        for simpler in case.simpler() {
            tries += 1;
            if tries > SIMPLER_MAX {
                return (case, observed);
            }
            if let Err(Breach::Broken(seen)) = judge(&simpler).await {
                (case, observed) = (simpler, seen);
                continue 'smaller;
            }
        }
        return (case, observed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone)]
    struct Number(u32);

    impl fmt::Display for Number {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fmt(f)
        }
    }

    impl Case for Number {
        fn simpler(&self) -> Vec<Self> {
            self.0.checked_sub(1).map(Self).into_iter().collect()
        }
    }

    const PROPERTY: Property = Property { name: "p", says: "", source: "", advisory: false };

    #[tokio::test]
    async fn the_simplest_counterexample_is_told() {
        let mut suite = Suite::default();
        let below =
            async |case: &Number| if case.0 < 7 { Ok(()) } else { broken(format!("{} is not below 7", case.0)) };
        suite.property(PROPERTY, vec![Number(3), Number(40)], below).await;
        let findings = suite.findings();
        let Outcome::Failed { counterexample, observed } = &findings[0].outcome else { panic!("{findings:?}") };
        assert_eq!((counterexample.as_str(), observed.as_str()), ("7", "7 is not below 7"));
    }

    #[tokio::test]
    async fn what_was_never_judged_has_not_passed() {
        let mut suite = Suite::default();
        let never = async |_: &Number| Err(Breach::Unjudged("it trapped".into()));
        suite.property(PROPERTY, vec![Number(3)], never).await;
        let findings = suite.findings();
        assert!(findings[0].is_failed(), "{findings:?}");
    }
}
