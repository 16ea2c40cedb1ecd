//! A forecaster plugin that follows one world: fitted on its history, told every step, fitted anew as often as a host does.

use crate::cli::backtest::members::Member;
use forewarm_domain::forecast::{Fan, PLANNING_LEVELS};
use forewarm_domain::series::Series;
use forewarm_runtime::{ComputeThread, Model};
use forewarm_simulator::run::Forecaster;
use forewarm_simulator::world::World;

/// Steps that a plan looks ahead.
const HORIZON: u32 = 60;

/// See the module's description.
pub(in crate::cli) struct Sandboxed<'a> {
    member: &'a Member,
    thread: &'a ComputeThread,
    world: &'a World,
    refit_steps: usize,
    /// The model, when it was fitted and what it has seen, in steps.
    model: Option<(Model, usize, usize)>,
    failure: Option<String>,
}

impl<'a> Sandboxed<'a> {
    pub(in crate::cli) fn new(
        member: &'a Member,
        thread: &'a ComputeThread,
        world: &'a World,
        refit_steps: usize,
    ) -> Self {
        Self { member, thread, world, refit_steps, model: None, failure: None }
    }

    /// Why it failed first, where it did.
    pub(in crate::cli) fn failure(self) -> Option<String> {
        self.failure
    }

    fn ask(&mut self, seen: &[f64]) -> Result<Fan, String> {
        let World { start, step_ms, .. } = *self.world;
        let due = self.model.as_ref().is_none_or(|(_, fitted, _)| seen.len() >= fitted + self.refit_steps);
        if due {
            let history = Series { start, step_ms, values: seen.to_vec() };
            let model = self.member.fit(self.thread, history).map_err(|error| error.to_string())?;
            self.model = Some((model, seen.len(), seen.len()));
        }
        let Some((model, _, told)) = &mut self.model else { return Err("there is no model".into()) };
        let next = self.world.at(seen.len());
        let fan = model.step_on(self.thread, &seen[*told..], next, step_ms, HORIZON, &PLANNING_LEVELS);
        *told = seen.len();
        fan.map_err(|error| error.to_string())
    }
}

impl Forecaster for Sandboxed<'_> {
    fn forecast(&mut self, seen: &[f64]) -> Result<Fan, String> {
        let answer = self.ask(seen);
        if let Err(why) = &answer {
            self.model = None;
            self.failure.get_or_insert_with(|| why.clone());
        }
        answer
    }
}
