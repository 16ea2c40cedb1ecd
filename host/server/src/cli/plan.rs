//! `forewarm plan`: what was planned, and why.

use super::Global;
use super::client::segment;
use super::error::CliError;
use super::output::{number, show, table, text};
use clap::Subcommand;
use forewarm_domain::forecast::Fan;
use forewarm_domain::plan::{LevelView, Plan};
use forewarm_domain::policy::Standing;
use serde::Serialize;
use std::fmt::Write;

/// Steps of the forecast that are shown.
const STEPS_SHOWN: usize = 12;
/// Levels that are shown beyond what is wanted.
const LEVELS_BEYOND: usize = 3;

#[derive(Debug, Subcommand)]
pub(super) enum PlanCommand {
    /// Explain the newest plan of a persona: reasons, levels, forecast
    Explain {
        /// The persona
        name: String,
    },
    /// Compare the newest plan of a persona with what every other policy wants, and what following it would have cost
    Diff {
        /// The persona
        name: String,
    },
}

/// A plan and the policies beside it.
#[derive(Debug, Serialize)]
struct Compared {
    plan: Plan,
    policies: Vec<Standing>,
}

/// A plan and the forecast that it rests on.
#[derive(Debug, Serialize)]
struct Explained {
    plan: Plan,
    forecast: Option<Fan>,
}

pub(super) async fn run(global: &Global, command: PlanCommand) -> Result<(), CliError> {
    let client = global.client()?;
    let name = match command {
        PlanCommand::Explain { name } => name,
        PlanCommand::Diff { name } => {
            let path = format!("/v1/personas/{}", segment(&name));
            let plan: Plan = client.get(&format!("{path}/plan")).await?;
            let policies: Vec<Standing> = client.get(&format!("{path}/policies")).await?;
            show(global.output, &Compared { plan, policies }, compare);
            return Ok(());
        }
    };
    let path = format!("/v1/personas/{}", segment(&name));
    let plan: Plan = client.get(&format!("{path}/plan")).await?;
    // A plan without a forecast says so in its reasons.
    let forecast = client.get_if_there(&format!("{path}/forecast")).await?.ok();
    show(global.output, &Explained { plan, forecast }, explain);
    Ok(())
}

fn compare(compared: &Compared) -> String {
    let Compared { plan, policies } = compared;
    let head = format!("{}: {} instances are wanted, by {}\n", plan.persona, plan.wanted, plan.policy.as_str());
    if policies.is_empty() {
        return head + "no other policy is followed in shadow: set scaling.policy to `compete`\n";
    }
    let mut rows = table(&["POLICY", "WANTS", "AGAINST THE PLAN", "COST OF LATE", "RULE"]);
    for one in policies {
        let difference = i64::from(one.wanted) - i64::from(plan.wanted);
        rows.add_row([
            format!("{}{}", one.policy.as_str(), if one.leads { " (decides)" } else { "" }),
            one.wanted.to_string(),
            format!("{difference:+}"),
            number(one.cost),
            one.rule.clone(),
        ]);
    }
    format!("{head}\ncosts in idle instance-steps, discounted with a half-life of six hours:\n{}\n", text(&rows, ""))
}

fn explain(explained: &Explained) -> String {
    let Explained { plan, forecast } = explained;
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
    let _ = writeln!(page, "so: {} to launch, {} to let go\n\nwhy:", plan.to_create(), plan.to_release());
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
    use forewarm_domain::persona::{Mode, Policy};
    use forewarm_domain::plan::{Reason, ReasonCode, Stock};
    use forewarm_domain::time::TimestampMs;

    #[test]
    fn policies_are_held_against_the_plan() {
        let standing = |policy, wanted, leads| Standing { policy, rule: "a rule".into(), wanted, cost: 12.5, leads };
        let plan = Plan {
            persona: "web".parse().expect("valid"),
            persona_version: 1,
            at: TimestampMs(0),
            policy: Policy::LevelProgramme,
            mode: Mode::Apply,
            wanted: 20,
            standby: Default::default(),
            stock: Stock::default(),
            reasons: vec![],
            levels: vec![],
        };
        let policies = vec![standing(Policy::LevelProgramme, 20, true), standing(Policy::KeepAlive, 27, false)];
        let page = compare(&Compared { plan: plan.clone(), policies });
        for part in ["20 instances are wanted", "level_programme (decides)", "+7", "12.5"] {
            assert!(page.contains(part), "{part:?} is missing in\n{page}");
        }
        assert!(compare(&Compared { plan, policies: vec![] }).contains("set scaling.policy"));
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
        let plan = Plan {
            persona: "web".parse().expect("valid"),
            persona_version: 3,
            at: TimestampMs(0),
            policy: Policy::LevelProgramme,
            mode: Mode::Apply,
            wanted: 20,
            standby: Default::default(),
            stock: Stock { warm: 18, ..Stock::default() },
            reasons: vec![Reason { code: ReasonCode::LevelProgramme, detail: "because".into() }],
            levels: (1..=40).map(level).collect(),
        };
        let fan = Fan::from_paths(TimestampMs(0), 60_000, &[0.1, 0.9], &[vec![1.0; 30], vec![3.0; 30]]).expect("valid");
        let page = explain(&Explained { plan, forecast: Some(fan) });
        for part in ["wanted: 20", "2 to launch", "- level_programme: because", "\n 15 ", "\n 23 ", "the next 12 steps"]
        {
            assert!(page.contains(part), "{part:?} is missing in\n{page}");
        }
        assert!(!page.contains("\n 24 ") && !page.contains("\n 14 "), "{page}");
    }
}
