//! The rules that forewarm is held against, each tuned on the history over a stated grid, as a user of it would.

use crate::world::World;
use forewarm_domain::persona::Policy;
use forewarm_domain::plan::Economy;
use forewarm_domain::policy::{Fleet, Memory, Moment, Player, Rule, Scratch};
use rayon::prelude::*;

/// A rule, and what it wanted at every step.
#[derive(Debug, Clone, PartialEq)]
pub struct Followed {
    /// The rule, with the parameters that were best on the history.
    pub rule: Rule,
    /// Instances wanted per step; nothing is decided on the first.
    pub wanted: Vec<u32>,
}

/// The parameters over which a rule is tuned.
#[must_use]
pub fn grid(policy: Policy, world: &World) -> Vec<Rule> {
    let shares =
        |shares: &[f64], rules: &dyn Fn(f64) -> Vec<Rule>| shares.iter().flat_map(|share| rules(*share)).collect();
    match policy {
        Policy::Reactive => shares(&[0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0], &|target| {
            [5, 15].map(|stabilisation| Rule::Reactive { target, stabilisation }).to_vec()
        }),
        Policy::KeepAlive => shares(&[0.0, 0.1, 0.2, 0.4], &|margin| {
            [10, 20, 60].map(|steps| Rule::KeepAlive { steps, margin }).to_vec()
        }),
        Policy::Hourly => shares(&[0.6, 0.75, 0.9, 1.0], &|target| {
            [0.6, 0.75, 0.9].map(|reactive_target| Rule::Hourly { target, reactive_target }).to_vec()
        }),
        Policy::HybridHistogram => vec![Rule::HybridHistogram],
        Policy::ScheduleOnly => {
            let mut history = world.demand[..world.split].to_vec();
            history.sort_unstable();
            let at = |share: f64| history[(share * (history.len() - 1) as f64) as usize];
            [0.5, 0.8, 0.9, 0.95, 0.99, 1.0].map(|share| Rule::Static { instances: at(share) }).to_vec()
        }
        Policy::Compete | Policy::LevelProgramme => Vec::new(),
    }
}

/// The rule of a grid that costs least on the history from the warm-up on; the first of equals.
#[must_use]
pub fn tuned(world: &World, policy: Policy, economy: &Economy) -> Option<Followed> {
    let scored = |rule: &Rule| {
        let followed = follow(world, *rule, economy);
        let cost = cost(world, &followed.wanted, world.warm_up..world.split, economy);
        (followed, cost)
    };
    let all: Vec<(Followed, f64)> = grid(policy, world).par_iter().map(scored).collect();
    all.into_iter().min_by(|a, b| a.1.total_cmp(&b.1)).map(|(followed, _)| followed)
}

/// What a rule wants over the whole trace.
fn follow(world: &World, rule: Rule, economy: &Economy) -> Followed {
    let first = world.demand.first().copied().unwrap_or(1);
    let (mut player, mut memory) = (Player::new(rule, first), Memory::default());
    let mut wanted = vec![first];
    for step in 1..world.demand.len() {
        let (load, demand) = (world.loads[step - 1], world.demand[step - 1]);
        memory.note(world.at(step - 1), load, demand);
        let moment = Moment {
            at: world.at(step),
            step_ms: world.step_ms,
            capacity: world.capacity,
            economy,
            bounds: (1, u32::MAX),
            fan: None,
        };
        wanted.push(player.decide(&moment, &memory, demand, &mut Scratch::default()));
    }
    Followed { rule, wanted }
}

/// The cost of following `wanted` over some steps, beginning with what the step before needed.
fn cost(world: &World, wanted: &[u32], steps: std::ops::Range<usize>, economy: &Economy) -> f64 {
    let mut fleet = Fleet::new(world.ready_at(steps.start));
    let step = |step: usize| {
        fleet.advance();
        let launches = fleet.follow_surely(wanted[step], economy.boot_steps);
        fleet.tally(world.demand[step], launches).cost(economy.unserved)
    };
    steps.map(step).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::tests::world;

    /// Four days of ten, with a rush to thirty at every full hour.
    fn rushes() -> World {
        let load = |step: usize| if step % 60 < 5 { 30.0 } else { 10.0 };
        world((0..5_760).map(load).collect(), Some(1.0)).expect("long enough")
    }

    fn economy() -> Economy {
        Economy { unserved: 19.0, boot_steps: 5, standby: vec![] }
    }

    #[test]
    fn the_best_of_the_grid_is_taken() {
        let kept = tuned(&rushes(), Policy::KeepAlive, &economy()).expect("a grid");
        assert_eq!(kept.rule, Rule::KeepAlive { steps: 60, margin: 0.0 }, "an hour of keep-alive spans the rushes");
        assert_eq!(kept.wanted.len(), 5_760);
        let fixed = tuned(&rushes(), Policy::ScheduleOnly, &economy()).expect("a grid");
        assert_eq!(fixed.rule, Rule::Static { instances: 30 }, "a shortage of 20 costs more than 20 idle ones");
    }

    #[test]
    fn rules_without_parameters_are_followed_as_they_are() {
        assert_eq!(
            tuned(&rushes(), Policy::HybridHistogram, &economy()).map(|followed| followed.rule),
            Some(Rule::HybridHistogram)
        );
        assert_eq!(tuned(&rushes(), Policy::LevelProgramme, &economy()), None);
    }
}
