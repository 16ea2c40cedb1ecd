//! When a version of a plugin may be called: failures in, decisions out, the clock passed in.
//!
//! The first failure in a window costs nothing but its instance. Each further one holds calls back twice as long as the
//! one before; at the budget the version is quarantined. Calls that began before a restart belong to the failure that
//! caused it, so that one cause that hits many calls at once counts once.

use forewarm_domain::time::TimestampMs;
use std::collections::VecDeque;

/// How long a probe may take until another one is let through.
const PROBE_MS: i64 = 60_000;

/// The figures of supervision; all lengths of time are in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rules {
    /// How long a failure counts.
    pub(super) window_ms: i64,
    /// The failure of a window that leads to quarantine, from 1.
    pub(super) budget: usize,
    /// How long the second failure of a window holds calls back.
    pub(super) backoff_min_ms: i64,
    /// The longest that a failure short of the budget holds calls back.
    pub(super) backoff_max_ms: i64,
    /// After how long one call is let through to see; `None` waits for the operator.
    pub(super) rest_ms: Option<i64>,
}

/// Whether calls are let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// They are.
    Ready,
    /// Not before `until`.
    BackingOff {
        /// When they are again.
        until: TimestampMs,
        /// What happened.
        reason: String,
    },
    /// Not until a probe succeeds, or the operator says so.
    Quarantined(Quarantine),
    /// One call is under way that decides.
    Probing {
        /// When another is let through if nothing was heard of this one.
        until: TimestampMs,
        /// What it was quarantined for.
        quarantine: Quarantine,
    },
}

/// A quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Quarantine {
    /// When it began.
    pub(super) since: TimestampMs,
    /// When one call is let through to see.
    pub(super) until: Option<TimestampMs>,
    /// What happened.
    pub(super) reason: String,
}

/// Leave for one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pass {
    generation: u64,
    probe: bool,
}

/// What the operator is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    BackedOff,
    Quarantined,
    Probing,
    Recovered,
    Released,
}

/// See the module's description.
#[derive(Debug)]
pub(super) struct Supervisor {
    rules: Rules,
    name: String,
    state: State,
    failures: VecDeque<TimestampMs>,
    /// Counts restarts: a pass of an earlier generation decides nothing any more.
    generation: u64,
}

impl Supervisor {
    /// `name` spreads the waits of plugins that fail together.
    pub(super) fn new(rules: Rules, name: impl Into<String>) -> Self {
        Self { rules, name: name.into(), state: State::Ready, failures: VecDeque::new(), generation: 0 }
    }

    /// Takes up a quarantine that was decided before this host started.
    pub(super) fn resume(&mut self, quarantine: Quarantine) {
        self.state = State::Quarantined(quarantine);
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// Leave for a call, or none at present.
    pub(super) fn admit(&mut self, now: TimestampMs) -> (Option<Pass>, Option<Change>) {
        let pass = |probe| Some(Pass { generation: self.generation, probe });
        match &self.state {
            State::Ready => (pass(false), None),
            State::BackingOff { until, .. } if now >= *until => {
                let pass = pass(false);
                self.state = State::Ready;
                (pass, None)
            }
            State::Quarantined(quarantine @ Quarantine { until: Some(until), .. })
            | State::Probing { until, quarantine }
                if now >= *until =>
            {
                let pass = pass(true);
                self.state = State::Probing { until: now + PROBE_MS, quarantine: quarantine.clone() };
                (pass, Some(Change::Probing))
            }
            _ => (None, None),
        }
    }

    /// A call was answered as the contract has it.
    pub(super) fn succeeded(&mut self, pass: Pass) -> Option<Change> {
        if !pass.probe || pass.generation != self.generation {
            return None;
        }
        self.restart(State::Ready);
        self.failures.clear();
        Some(Change::Recovered)
    }

    /// A call failed in a way that supervision counts; `cause` says how.
    pub(super) fn failed(&mut self, pass: Pass, now: TimestampMs, cause: &str) -> Option<Change> {
        if pass.generation != self.generation {
            return None;
        }
        let Rules { window_ms, budget, rest_ms, .. } = self.rules;
        self.failures.retain(|at| now.since(*at) < window_ms);
        self.failures.push_back(now);
        let count = self.failures.len();
        if pass.probe || count >= budget {
            let what = match pass.probe {
                true => "the call that was let through to see failed".to_owned(),
                false => format!("{count} failures within {} s", window_ms / 1_000),
            };
            let reason = format!("{what}, the last one: {cause}");
            self.failures.clear();
            self.restart(State::Quarantined(Quarantine { since: now, until: rest_ms.map(|rest| now + rest), reason }));
            return Some(Change::Quarantined);
        }
        let Some(doublings) = count.checked_sub(2) else {
            self.restart(State::Ready);
            return None;
        };
        let until = now + self.backoff_ms(doublings);
        let reason = format!("{count} of {budget} failures that are borne within {} s: {cause}", window_ms / 1_000);
        self.restart(State::BackingOff { until, reason });
        Some(Change::BackedOff)
    }

    /// The operator lets calls through again; `None` where they are already.
    pub(super) fn release(&mut self) -> Option<Change> {
        self.failures.clear();
        if self.state == State::Ready {
            return None;
        }
        self.restart(State::Ready);
        Some(Change::Released)
    }

    fn restart(&mut self, state: State) {
        self.generation += 1;
        self.state = state;
    }

    /// Doubles from the shortest to the longest, less up to a quarter that the name and the count decide.
    fn backoff_ms(&self, doublings: usize) -> i64 {
        let Rules { backoff_min_ms, backoff_max_ms, .. } = self.rules;
        let full = backoff_min_ms.saturating_mul(1 << doublings.min(30)).min(backoff_max_ms).max(1);
        let hash = blake3::hash(format!("{}/{doublings}", self.name).as_bytes());
        full - full * i64::from(hash.as_bytes()[0]) / 1_024
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules =
        Rules { window_ms: 100_000, budget: 4, backoff_min_ms: 1_000, backoff_max_ms: 3_000, rest_ms: Some(50_000) };

    fn at(ms: i64) -> TimestampMs {
        TimestampMs(ms)
    }

    fn supervisor(rules: Rules) -> Supervisor {
        Supervisor::new(rules, "forecaster-x")
    }

    /// One call that begins and fails at `ms`.
    fn fail(supervisor: &mut Supervisor, ms: i64) -> Option<Change> {
        let pass = supervisor.admit(at(ms)).0.expect("let through");
        supervisor.failed(pass, at(ms), "trapped")
    }

    fn let_through(supervisor: &mut Supervisor, ms: i64) -> bool {
        supervisor.admit(at(ms)).0.is_some()
    }

    #[test]
    fn the_first_failure_holds_nothing_back() {
        let mut one = supervisor(RULES);
        assert_eq!(fail(&mut one, 0), None);
        assert!(let_through(&mut one, 0));
    }

    #[test]
    fn waits_double_with_jitter_until_the_budget_is_used_up() {
        let mut one = supervisor(RULES);
        fail(&mut one, 0);
        assert_eq!(fail(&mut one, 10), Some(Change::BackedOff));
        let State::BackingOff { until, reason } = one.state().clone() else { panic!("{one:?}") };
        assert!((750..=1_000).contains(&(until.0 - 10)), "{until:?}");
        assert!(reason.contains("2 of 4") && reason.contains("trapped"), "{reason}");
        assert!(!let_through(&mut one, until.0 - 1) && let_through(&mut one, until.0));
        assert_eq!(fail(&mut one, 5_000), Some(Change::BackedOff));
        let State::BackingOff { until, .. } = one.state().clone() else { panic!("{one:?}") };
        assert!((1_500..=2_000).contains(&(until.0 - 5_000)), "{until:?}");
        assert_eq!(fail(&mut one, 9_000), Some(Change::Quarantined));
        let State::Quarantined(Quarantine { since, until, reason }) = one.state().clone() else { panic!("{one:?}") };
        assert_eq!((since, until), (at(9_000), Some(at(59_000))));
        assert!(reason.contains("4 failures within 100 s") && reason.contains("trapped"), "{reason}");
        assert!(!let_through(&mut one, 58_999));
    }

    #[test]
    fn the_same_name_waits_alike_and_others_otherwise() {
        let wait = |name: &str| Supervisor::new(RULES, name).backoff_ms(0);
        assert_eq!(wait("a"), wait("a"));
        let waits: std::collections::BTreeSet<i64> = ["a", "b", "c", "d", "e"].map(wait).into();
        assert!(waits.len() > 1, "{waits:?}");
    }

    #[test]
    fn waits_end_at_the_longest() {
        let one = supervisor(RULES);
        assert!((2_250..=3_000).contains(&one.backoff_ms(40)));
    }

    #[test]
    fn failures_are_forgotten_after_the_window() {
        let mut one = supervisor(RULES);
        for round in 0..20 {
            assert_eq!(fail(&mut one, round * 100_000), None, "{round}");
        }
    }

    #[test]
    fn one_cause_that_hits_many_calls_counts_once() {
        let mut one = supervisor(RULES);
        let passes: Vec<Pass> = (0..8).map(|_| one.admit(at(0)).0.expect("let through")).collect();
        for pass in passes {
            assert_eq!(one.failed(pass, at(5), "trapped"), None);
        }
        assert_eq!(one.failures.len(), 1);
    }

    #[test]
    fn after_the_rest_one_call_decides() {
        let rules = Rules { budget: 1, ..RULES };
        let mut one = supervisor(rules);
        assert_eq!(fail(&mut one, 0), Some(Change::Quarantined));
        let (probe, change) = one.admit(at(50_000));
        assert_eq!(change, Some(Change::Probing));
        assert!(!let_through(&mut one, 50_001), "one at a time");
        assert_eq!(one.failed(probe.expect("let through"), at(50_002), "trapped"), Some(Change::Quarantined));
        assert!(!let_through(&mut one, 100_001));
        let probe = one.admit(at(100_002)).0.expect("let through");
        assert_eq!(one.succeeded(probe), Some(Change::Recovered));
        assert_eq!(one.state(), &State::Ready);
    }

    #[test]
    fn a_probe_that_is_never_heard_of_again_is_replaced() {
        let mut one = supervisor(Rules { budget: 1, ..RULES });
        fail(&mut one, 0);
        let lost = one.admit(at(50_000)).0.expect("let through");
        let second = one.admit(at(50_000 + PROBE_MS)).0.expect("let through");
        assert_eq!(one.succeeded(second), Some(Change::Recovered));
        assert_eq!(one.failed(lost, at(200_000), "late"), None);
    }

    #[test]
    fn a_late_success_does_not_end_a_quarantine() {
        let mut one = supervisor(Rules { budget: 1, ..RULES });
        let slow = one.admit(at(0)).0.expect("let through");
        fail(&mut one, 0);
        assert_eq!(one.succeeded(slow), None);
        assert!(!let_through(&mut one, 1));
    }

    #[test]
    fn without_a_rest_the_operator_decides() {
        let mut one = supervisor(Rules { budget: 1, rest_ms: None, ..RULES });
        assert_eq!(one.release(), None);
        fail(&mut one, 0);
        assert!(!let_through(&mut one, i64::MAX / 2));
        assert_eq!(one.release(), Some(Change::Released));
        assert!(let_through(&mut one, 1));
    }

    #[test]
    fn a_quarantine_outlives_the_host() {
        let mut one = supervisor(RULES);
        one.resume(Quarantine { since: at(0), until: Some(at(10)), reason: "4 failures".into() });
        assert!(!let_through(&mut one, 9));
        assert_eq!(one.admit(at(10)).1, Some(Change::Probing));
    }
}
