//! `forewarm plan`: what was planned, and why.

use super::Global;
use super::client::segment;
use super::error::CliError;
use super::output::{number, show, table, text};
use crate::core::PlanCosts;
use clap::Subcommand;
use forewarm_domain::forecast::Fan;
use forewarm_domain::plan::{ExpectedCost, LevelView, Placed, Plan, StandbyCounts};
use forewarm_domain::policy::Switch;
use serde::Serialize;
use std::fmt::Write;

/// Steps of the forecast that are shown.
const STEPS_SHOWN: usize = 12;
/// Levels that are shown beyond what is wanted.
const LEVELS_BEYOND: usize = 3;

#[derive(Debug, Subcommand)]
pub(super) enum PlanCommand {
    /// Explain the newest plan of a persona: what, why, what it is expected to cost, level by level
    Explain {
        /// The persona
        name: String,
    },
    /// Compare the newest plan of a persona with what it would have been, and cost, under every other policy
    Diff {
        /// The persona
        name: String,
    },
    /// Tell which policies have decided for a persona, and why each took over
    Switches {
        /// The persona
        name: String,
    },
}

/// A plan and the policies beside it.
#[derive(Debug, Serialize)]
struct Compared {
    plan: Plan,
    costs: PlanCosts,
}

/// A plan and the forecast that it rests on.
#[derive(Debug, Serialize)]
struct Explained {
    plan: Plan,
    costs: PlanCosts,
    forecast: Option<Fan>,
}

pub(super) async fn run(global: &Global, command: PlanCommand) -> Result<(), CliError> {
    let client = global.client()?;
    let name = match &command {
        PlanCommand::Explain { name } | PlanCommand::Diff { name } | PlanCommand::Switches { name } => name,
    };
    let path = format!("/v1/personas/{}", segment(name));
    if matches!(command, PlanCommand::Switches { .. }) {
        let switches: Vec<Switch> = client.get(&format!("{path}/policies/switches")).await?;
        show(global.output, &switches, |switches| switched(switches));
        return Ok(());
    }
    let plan: Plan = client.get(&format!("{path}/plan")).await?;
    let costs: PlanCosts = client.get(&format!("{path}/plan/costs")).await?;
    if matches!(command, PlanCommand::Diff { .. }) {
        show(global.output, &Compared { plan, costs }, compare);
        return Ok(());
    }
    // A plan without a forecast says so in its reasons.
    let forecast = client.get_if_there(&format!("{path}/forecast")).await?.ok();
    show(global.output, &Explained { plan, costs, forecast }, explain);
    Ok(())
}

fn compare(compared: &Compared) -> String {
    let Compared { plan, costs } = compared;
    let head = format!("{}: {} instances are wanted, by {}\n", plan.persona, plan.wanted, plan.policy.as_str());
    let mut rows =
        table(&["POLICY", "WOULD WANT", "AGAINST THE PLAN", "EXPECTED", "OF THAT MISSING", "OF LATE", "RULE"]);
    for one in &costs.alternatives {
        let difference = i64::from(one.wanted) - i64::from(plan.wanted);
        let expected = |of: &dyn Fn(&ExpectedCost) -> f64| {
            one.expected.as_ref().map_or_else(|| "-".to_owned(), |expected| number(of(expected)))
        };
        rows.add_row([
            format!("{}{}", one.policy.as_str(), if one.decides { " (decides)" } else { "" }),
            one.wanted.to_string(),
            format!("{difference:+}"),
            expected(&|cost| cost.cost),
            expected(&|cost| cost.missing * costs.missing_cost),
            one.cost_of_late.map_or_else(|| "-".to_owned(), number),
            one.rule.clone(),
        ]);
    }
    let mut page = format!(
        "{head}\ncosts in idle instance-steps: expected over the forecast's horizon; of late, discounted with a half-life of six hours:\n{}\n",
        text(&rows, "")
    );
    if costs.alternatives.iter().all(|one| one.cost_of_late.is_none()) {
        page.push_str("no other policy is followed in shadow: set scaling.policy to `compete`\n");
    }
    page
}

fn switched(switches: &[Switch]) -> String {
    if switches.is_empty() {
        return "the policy that decides has not changed\n".into();
    }
    let mut rows = table(&["AT", "FROM", "TO", "WHY"]);
    for Switch { at, from, to, reason } in switches {
        rows.add_row([at.to_string(), from.as_str().to_owned(), to.as_str().to_owned(), reason.clone()]);
    }
    text(&rows, "") + "\n"
}

/// What a plan is expected to cost, in a sentence or two.
fn told(costs: &PlanCosts) -> String {
    let Some(ExpectedCost { idle, booting, missing, cost }) = costs.expected else {
        return "without a forecast there is no telling".into();
    };
    let money =
        costs.money(cost).map_or_else(String::new, |money| format!(", about {money:.2} in the driver's currency"));
    format!(
        "{} idle and {} booting instance-steps, {} missing at {} each: {} in all{money}",
        number(idle),
        number(booting),
        number(missing),
        number(costs.missing_cost),
        number(cost),
    )
}

fn explain(explained: &Explained) -> String {
    let Explained { plan, costs, forecast } = explained;
    let stock = plan.stock;
    let mut page = format!(
        "{} (version {}), planned {}\nwanted: {} instances; there were {}: {} active, {} warm, {} booting, {} being wiped; {} claims waited\n",
        plan.persona,
        plan.persona_version,
        plan.at,
        plan.wanted,
        stock.total(),
        stock.active,
        stock.warm,
        stock.booting,
        stock.resetting,
        stock.waiting,
    );
    let _ = writeln!(page, "so: {} to launch or start, {} to let go or park", plan.to_create(), plan.to_release());
    page.push_str(&tiers(plan));
    page.push_str(&placements(plan));
    let _ = writeln!(page, "expected over the forecast's horizon: {}\n\nwhy:", told(costs));
    for reason in &plan.reasons {
        let _ = writeln!(page, "  - {}: {}", reason.code.as_str(), reason.detail);
    }
    if !plan.levels.is_empty() {
        let _ = writeln!(page, "\nlevel by level (costs in idle instance-steps):\n{}", levels(plan));
    }
    if let Some(fan) = forecast {
        let _ = writeln!(
            page,
            "\nforecast of the load, the next {} steps:\n{}",
            STEPS_SHOWN.min(fan.horizon()),
            steps(fan)
        );
    }
    page
}

/// What is held in cheaper tiers, where any is.
fn tiers(plan: &Plan) -> String {
    let (StandbyCounts { parked, shell }, have) = (plan.standby, plan.stock.parked);
    let mut lines = String::new();
    if parked > 0 || have > 0 {
        let saved = plan.saved_per_hour.map(|saved| format!("; about {} an hour less than warm", number(saved)));
        let _ = writeln!(lines, "parked: {parked} wanted, there were {have}{}", saved.unwrap_or_default());
    }
    if shell > 0 {
        let _ = writeln!(lines, "shells: {shell} would be held for this persona alone; those of its class are shared");
    }
    lines
}

/// Where instances are held, where the persona has placements.
fn placements(plan: &Plan) -> String {
    if plan.placements.is_empty() {
        return String::new();
    }
    let held = plan.placements.iter().map(|Placed { placement, per_hour, instances }| {
        let place = placement.as_ref().map_or("the persona's own", |name| name.as_str());
        let price = per_hour.map_or_else(|| "at no known price".to_owned(), |price| format!("at {price:.4} an hour"));
        format!("{instances} in {place} {price}")
    });
    let held = held.collect::<Vec<_>>().join(", ");
    let moving = match plan.stock.moving {
        0 => String::new(),
        moving => format!("; {moving} on their way to take a dearer one's place"),
    };
    let saved = plan.placement_saved_per_hour.map(|saved| format!("; about {} an hour saved", number(saved)));
    format!("placements: {held}{moving}{}\n", saved.unwrap_or_default())
}

fn levels(plan: &Plan) -> String {
    let mut rows = table(&["LEVEL", "P NEXT", "P AT LEAD", "P PEAK", "EXISTS", "WANTED", "COST WITH", "COST WITHOUT"]);
    let yes = |flag: bool| if flag { "yes" } else { "no" }.to_owned();
    // Those around the decision tell the most.
    let border = plan.levels.iter().take_while(|level| level.wanted).count();
    let first = border.saturating_sub(2 * LEVELS_BEYOND);
    let shown = plan.levels.get(first..(border + LEVELS_BEYOND).min(plan.levels.len())).unwrap_or_default();
    for level in shown {
        let LevelView { probability_next, probability_at_lead, probability_peak, .. } = level;
        rows.add_row([
            level.level.to_string(),
            format!("{probability_next:.3}"),
            format!("{probability_at_lead:.3}"),
            format!("{probability_peak:.3}"),
            yes(level.exists),
            yes(level.wanted),
            format!("{:.1}", level.cost_with),
            format!("{:.1}", level.cost_without),
        ]);
    }
    text(&rows, "")
}

fn steps(fan: &Fan) -> String {
    let mut rows = table(&["STEP", "5%", "50%", "95%", "99%"]);
    for step in 0..STEPS_SHOWN.min(fan.horizon()) {
        let at = fan.start() + fan.step_ms() * step as i64;
        let quantiles = [0.05, 0.5, 0.95, 0.99].map(|level| number(fan.quantile(step, level)));
        rows.add_row(std::iter::once(at.to_string()).chain(quantiles));
    }
    text(&rows, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_domain::persona::Policy;
    use forewarm_domain::plan::{Alternative, Reason, ReasonCode, Stock};
    use forewarm_domain::time::TimestampMs;

    fn costs(alternatives: Vec<Alternative>) -> PlanCosts {
        PlanCosts {
            persona: "web".parse().expect("valid"),
            at: TimestampMs(0),
            step_ms: 60_000,
            missing_cost: 19.0,
            warm_per_hour: Some(0.6),
            wanted: 20,
            expected: Some(ExpectedCost { idle: 10.0, booting: 5.0, missing: 2.0, cost: 53.0 }),
            alternatives,
        }
    }

    fn plan(levels: &[LevelView]) -> Plan {
        serde_json::from_value(serde_json::json!({
            "persona": "web", "persona_version": 3, "at": TimestampMs(0), "policy": "level_programme", "wanted": 20,
            "stock": Stock { warm: 18, ..Stock::default() }, "levels": levels,
            "reasons": [Reason { code: ReasonCode::LevelProgramme, detail: "because".into() }],
        }))
        .expect("a plan")
    }

    #[test]
    fn policies_are_held_against_the_plan() {
        let one = |policy, wanted, decides, cost_of_late| Alternative {
            policy,
            rule: "a rule".into(),
            decides,
            wanted,
            expected: Some(ExpectedCost { missing: 2.0, cost: 77.0, ..ExpectedCost::default() }),
            cost_of_late,
            reasons: vec![],
        };
        let plan = plan(&[]);
        let others =
            vec![one(Policy::LevelProgramme, 20, true, Some(1.0)), one(Policy::KeepAlive, 27, false, Some(12.5))];
        let page = compare(&Compared { plan: plan.clone(), costs: costs(others) });
        for part in ["20 instances are wanted", "level_programme (decides)", "+7", "12.5", "77", "38"] {
            assert!(page.contains(part), "{part:?} is missing in\n{page}");
        }
        let alone = costs(vec![one(Policy::Reactive, 20, true, None)]);
        assert!(compare(&Compared { plan, costs: alone }).contains("set scaling.policy"));
    }

    #[test]
    fn switches_are_told_with_their_reasons() {
        let (from, to) = (Policy::LevelProgramme, Policy::Reactive);
        let page = switched(&[Switch { at: TimestampMs(0), from, to, reason: "the plugin is dead".into() }]);
        assert!(page.contains("level_programme") && page.contains("reactive") && page.contains("the plugin is dead"));
        assert!(switched(&[]).contains("has not changed"));
    }

    #[test]
    fn the_border_between_wanted_and_unwanted_is_shown() {
        let level = |level: u32| LevelView {
            level,
            probability_next: 0.5,
            probability_at_lead: 0.5,
            probability_peak: 0.5,
            exists: false,
            wanted: level <= 20,
            cost_with: 1.0,
            cost_without: 2.0,
        };
        let standby = StandbyCounts { parked: 3, shell: 0 };
        let stock = Stock { warm: 18, parked: 1, moving: 1, ..Stock::default() };
        let own = Placed { placement: None, per_hour: Some(0.11), instances: 8 };
        let cheap = Placed { placement: "zone-b".parse().ok(), per_hour: None, instances: 10 };
        let plan = Plan {
            standby,
            saved_per_hour: Some(0.25),
            placements: vec![cheap, own],
            placement_saved_per_hour: Some(0.5),
            stock,
            ..plan(&(1..=40).map(level).collect::<Vec<_>>())
        };
        let fan = Fan::from_paths(TimestampMs(0), 60_000, &[0.1, 0.9], &[vec![1.0; 30], vec![3.0; 30]]).expect("valid");
        let page = explain(&Explained { plan, costs: costs(vec![]), forecast: Some(fan) });
        for part in [
            "wanted: 20",
            "2 to launch or start",
            "parked: 3 wanted, there were 1",
            "0.250 an hour less",
            "10 in zone-b at no known price, 8 in the persona's own at 0.1100 an hour; 1 on their way",
            "0.500 an hour saved",
            "2 missing at 19 each: 53 in all, about 0.53",
            "- level_programme: because",
            "\n 15 ",
            "\n 23 ",
            "the next 12 steps",
        ] {
            assert!(page.contains(part), "{part:?} is missing in\n{page}");
        }
        assert!(!page.contains("\n 24 ") && !page.contains("\n 14 "), "{page}");
    }
}
