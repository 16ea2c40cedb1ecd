//! Planning for 10,000 personas: every rule that competes is followed in shadow and the best one decides, as a host does
//! it once a step, on one thread; forecasts are there already. Beside it the reactive rule alone.

use crate::Result;
use crate::report::{Report, median, timed};
use forewarm_domain::forecast::{Fan, PLANNING_LEVELS};
use forewarm_domain::persona::{Policy, Scaling};
use forewarm_domain::plan::{Limits, Outlook, Plan, Snapshot, Stock, decide};
use forewarm_domain::policy::{Contest, Moment, entrants};
use forewarm_domain::time::{MINUTE_MS, TimestampMs};

pub(crate) const PERSONAS: usize = 10_000;
/// Steps ahead that a host asks for: an hour, and what may pass until the load is known.
pub(crate) const HORIZON: usize = 63;
/// When the measured steps begin: after two weeks of hours.
pub(crate) const NOW: TimestampMs = TimestampMs(1_700_000_040_000);
/// Minutes that the rules have seen, once an hour for two weeks and then an hour step by step.
const HOURS: i64 = 14 * 24;
/// Rounds that are measured.
const ROUNDS: usize = 5;

pub(crate) fn measure(report: &mut Report) -> Result<()> {
    let before = resident_bytes()?;
    let mut personas = (0..PERSONAS).map(Persona::new).collect::<Result<Vec<_>>>()?;
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let at = NOW + MINUTE_MS * round as i64;
        times.push(timed(|| personas.iter_mut().for_each(|persona| persona.plan(at, None))).1);
    }
    let held = (resident_bytes()? - before) / PERSONAS as f64;
    let reactive = timed(|| personas.iter_mut().for_each(|persona| persona.plan_reactively(NOW))).1.wall_s;
    let took = median(times);
    let rules = entrants(Policy::Compete).len();
    let beside = format!(
        "{rules} rules each, one thread, {:.2} s of processor time; the reactive rule alone {reactive:.3} s",
        took.processor_s
    );
    report.figure("plan_10k_s", took.wall_s, "s", 3.0, &beside);
    report.detail("plan_10k_processor_s", took.processor_s);
    report.detail("plan_10k_reactive_s", reactive);
    let beside = "the contest, the forecast, the snapshot and the plan of each, by resident memory";
    report.figure("bytes_per_persona", held, "bytes", 102_400.0, beside);
    Ok(())
}

/// One persona as a host holds it.
pub(crate) struct Persona {
    index: usize,
    contest: Contest,
    snapshot: Snapshot,
    plan: Option<Plan>,
}

impl Persona {
    /// Personas of one to a hundred instances that have been planned for over two weeks.
    pub(crate) fn new(index: usize) -> Result<Self> {
        let scaling = Scaling { policy: Policy::Compete, max: 1_000, ..Scaling::default() };
        let snapshot = Snapshot {
            persona: format!("persona-{index}").parse()?,
            persona_version: 1,
            at: NOW,
            step_ms: MINUTE_MS,
            scaling,
            capacity_per_instance: 1.0,
            lead_ms: 5 * MINUTE_MS,
            stock: Stock::default(),
            recent_load: (0..60).map(|minute| load(index, minute - 60)).collect(),
            outlook: Outlook::Forecast(fan(index)?),
            standby: Vec::new(),
            choice: None,
            limits: Limits::default(),
        };
        let contest = Contest::new(&entrants(Policy::Compete), load(index, 0).ceil() as u32);
        let mut persona = Self { index, contest, snapshot, plan: None };
        let hours = (0..HOURS).map(|hour| (hour - HOURS) * 60);
        hours.chain(-60..0).for_each(|minute| persona.compete(NOW + MINUTE_MS * minute, false));
        Ok(persona)
    }

    fn compete(&mut self, at: TimestampMs, foreseen: bool) {
        let Snapshot { scaling, capacity_per_instance, outlook, .. } = &self.snapshot;
        let economy = self.snapshot.economy();
        let moment = Moment {
            at,
            step_ms: MINUTE_MS,
            capacity: *capacity_per_instance,
            economy: &economy,
            bounds: (scaling.min, scaling.max),
            fan: match outlook {
                Outlook::Forecast(fan) if foreseen => Some(fan),
                _ => None,
            },
        };
        let minute = at.since(NOW) / MINUTE_MS;
        self.snapshot.choice = Some(self.contest.step(&moment, Some(load(self.index, minute))));
    }

    /// One step as in production: all rules in shadow, then the decision.
    pub(crate) fn plan(&mut self, at: TimestampMs, fan: Option<Fan>) {
        self.snapshot.outlook = fan.map_or_else(|| self.snapshot.outlook.clone(), Outlook::Forecast);
        self.snapshot.at = at;
        self.compete(at, true);
        let plan = decide(&self.snapshot);
        self.snapshot.stock.warm = plan.wanted;
        self.plan = Some(plan);
    }

    fn plan_reactively(&mut self, at: TimestampMs) {
        self.snapshot.at = at;
        self.snapshot.scaling.policy = Policy::Reactive;
        self.plan = Some(decide(&self.snapshot));
    }
}

/// A load by the minute: a day's rhythm, noise, one to a hundred instances.
pub(crate) fn load(index: usize, minute: i64) -> f64 {
    let size = 1.0 + (index * 7_919 % 100) as f64;
    let noise = (minute.unsigned_abs().wrapping_mul(2_654_435_761).wrapping_add(index as u64) % 1_000) as f64 / 1_000.0;
    size * (0.7 + 0.3 * (minute as f64 / 1_440.0 * std::f64::consts::TAU).sin() + 0.2 * noise)
}

fn fan(index: usize) -> Result<Fan> {
    let path = |level: f64| -> Vec<f64> {
        (0..HORIZON as i64).map(|step| load(index, step) * (0.8 + 0.5 * level + 0.002 * step as f64 * level)).collect()
    };
    let paths: Vec<Vec<f64>> = PLANNING_LEVELS.into_iter().map(path).collect();
    Ok(Fan::from_paths(NOW, MINUTE_MS, &PLANNING_LEVELS, &paths)?)
}

/// Resident memory of this process.
pub(crate) fn resident_bytes() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS in /proc")?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1_024.0)
}
