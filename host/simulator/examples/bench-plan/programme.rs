//! The level programme alone: every one of 100 levels over 60 steps and four tiers, beside the bare recurrence of two.

use crate::report::Report;
use forewarm_domain::instance::Tier;
use forewarm_domain::plan::{Economy, Programme, Standby};
use std::hint::black_box;
use std::time::Instant;

const LEVELS: usize = 100;
const STEPS: usize = 60;
const ROUNDS: usize = 301;

pub(crate) fn measure(report: &mut Report) {
    let standby = |tier, hold, latency_steps, build_steps| Standby { tier, hold, latency_steps, build_steps };
    let tiers = vec![standby(Tier::Parked, 0.15, 1.5, 5), standby(Tier::Shell, 0.5, 0.4, 3)];
    let economy = Economy { standby: tiers, ..Economy::of_ratio(0.95, 5) };
    let chances: Vec<Vec<f64>> = (0..LEVELS).map(chances_of).collect();
    let mut programme = Programme::new(&economy, STEPS);
    let tiers = programme.tiers().count();
    let ours = median_us(|| {
        for (level, chances) in chances.iter().enumerate() {
            let now = if level < LEVELS / 2 { Tier::Warm } else { Tier::Cold };
            black_box(programme.solve(now, |step| chances[step]));
        }
    });
    let bare = median_us(|| {
        for chances in &chances {
            black_box(bare_recurrence(chances));
        }
    });
    let beside = format!("{tiers} tiers, every level solved; the recurrence of two tiers alone {bare:.0} us");
    report.figure("level_programme_us", ours, "us", 300.0, &beside);
}

/// Likely levels first; a rise within the horizon.
fn chances_of(level: usize) -> Vec<f64> {
    let share = level as f64 / LEVELS as f64;
    (0..STEPS).map(|step| (1.3 - 1.4 * share + 0.004 * step as f64).clamp(0.0, 1.0)).collect()
}

/// Off and warm, a boot of five steps: the least that any such programme has to do.
fn bare_recurrence(chances: &[f64]) -> f64 {
    let (mut off, mut on) = ([0.0; STEPS + 6], [0.0; STEPS + 6]);
    for (step, chance) in chances.iter().enumerate().rev() {
        off[step] = (19.0 * chance + off[step + 1]).min(5.0 + 95.0 * chance + on[step + 5]);
        on[step] = 1.0 - chance + on[step + 1].min(off[step + 1]);
    }
    off[0].min(on[0])
}

fn median_us(mut work: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            work();
            begin.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}
