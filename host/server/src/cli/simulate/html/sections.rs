//! The tables: worst moments, every series and policy, who took over when, and how it was found out.

use super::super::report::{PolicyReport, Report};
use super::{OURS, amount, class, escape, number, percent, ranked, words};
use std::fmt::Write;

/// forewarm's worst moments over all series, and what had been planned a boot before.
pub(super) fn moments(report: &Report) -> String {
    let ours = |name: &&str| report.series.values().any(|series| series.policies.contains_key(*name));
    let Some(name) = [OURS, "level_programme"].into_iter().find(ours) else { return String::new() };
    let mut worst: Vec<_> = report
        .series
        .iter()
        .enumerate()
        .filter_map(|(index, (series, told))| Some((index, series, &told.policies.get(name)?.worst)))
        .flat_map(|(index, series, worst)| worst.iter().map(move |one| (index, series, one)))
        .collect();
    worst.sort_by(|a, b| b.2.unserved_instance_minutes.total_cmp(&a.2.unserved_instance_minutes));
    if worst.is_empty() {
        return String::from("<section><h2>Worst moments</h2><p>Nothing was ever missing.</p></section>");
    }
    let mut text = String::from(
        "<section><h2>Worst moments</h2><p>When most was missing under forewarm, and what the plan had been one boot earlier, when \
         something could still be done about it. Click a row to see it in the plot.</p><div class=\"wide\"><table class=\"moments\"><thead><tr><th>when</th><th>series</th>\
         <th>minutes</th><th>missing instance-minutes</th><th>highest demand</th><th>planned</th><th>why</th></tr></thead><tbody>",
    );
    for (index, series, one) in worst.into_iter().take(12) {
        let _ = write!(
            text,
            "<tr data-series=\"{index}\" data-at=\"{}\" data-minutes=\"{:.0}\" tabindex=\"0\"><td>{}</td><td>{}</td><td>{:.0}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"why\">{}</td></tr>",
            one.from.0 / 1_000,
            one.minutes,
            one.from,
            escape(series),
            one.minutes,
            number(one.unserved_instance_minutes),
            one.highest_demand,
            one.planned.map_or(String::new(), |planned| planned.to_string()),
            escape(one.reasons.as_deref().unwrap_or(""))
        );
    }
    text + "</tbody></table></div></section>"
}

/// Every series and policy.
pub(super) fn table(report: &Report) -> String {
    let mut text = String::from("<section><h2>Series by series</h2>");
    for (name, series) in &report.series {
        let _ = write!(
            text,
            "<details{}><summary>{}</summary><div class=\"wide\"><table><thead><tr><th>policy</th><th>over perfect foresight</th><th>cost</th><th>cold starts</th><th>p95 / p99 wait</th>\
             <th>idle</th><th>missing</th><th>launches</th><th>rule</th></tr></thead><tbody>",
            if report.series.len() == 1 { " open" } else { "" },
            escape(name)
        );
        for policy in ranked(report) {
            if let Some(one) = series.policies.get(policy) {
                row(&mut text, report, policy, one);
            }
        }
        text.push_str("</tbody></table></div>");
        if let Some(forecast) = series.policies.values().find_map(|one| Some((one.coverage?, one.pinball?))) {
            let _ = write!(
                text,
                "<p class=\"note\">Forecasts one boot ahead: {} of loads fell into the 90% interval; pinball loss {:.3} instances.</p>",
                percent(forecast.0),
                forecast.1
            );
        }
        for (policy, fallback) in series.policies.iter().filter_map(|(name, one)| Some((name, one.fallback.as_ref()?)))
        {
            let _ = write!(
                text,
                "<p class=\"note\">{} had no forecast for {} minutes, first at {} ({}): it followed the {} rule.</p>",
                words(policy),
                number(fallback.minutes),
                fallback.from,
                escape(&fallback.reason),
                fallback.policy
            );
        }
        for gap in &series.gaps {
            let _ = write!(
                text,
                "<p class=\"note\">No rows for {} minutes from {}: the last value is held.</p>",
                gap.steps, gap.from
            );
        }
        text.push_str("</details>");
    }
    text + "</section>"
}

fn row(text: &mut String, report: &Report, policy: &str, one: &PolicyReport) {
    let of_demand = |minutes: f64| percent(minutes / one.demand_instance_minutes.max(1.0));
    let _ = write!(
        text,
        "<tr><td><span class=\"dot {}\"></span>{}</td><td>{:.2}x</td><td>{}</td><td>{}</td><td>{:.0} / {:.0} s</td><td>{}</td><td>{}</td><td>{}</td><td class=\"why\">{}</td></tr>",
        class(policy),
        words(policy),
        one.cost_ratio,
        amount(report, one.cost),
        percent(one.cold_start_rate),
        one.wait_p95_s,
        one.wait_p99_s,
        of_demand(one.idle_instance_minutes),
        of_demand(one.unserved_instance_minutes),
        number(one.launches as f64),
        escape(&one.rule)
    );
}

/// Which rule took over when under forewarm, and why.
pub(super) fn switches(report: &Report) -> String {
    let mut text = String::new();
    for (name, series) in &report.series {
        let Some(ours) = series.policies.get(OURS).filter(|ours| !ours.last_switches.is_empty()) else { continue };
        let _ = write!(
            text,
            "<details><summary>{}: another rule took over {} times</summary><div class=\"wide\"><table><thead><tr><th>when</th><th>why</th></tr></thead><tbody>",
            escape(name),
            ours.switches
        );
        for switch in &ours.last_switches {
            let _ = write!(text, "<tr><td>{}</td><td class=\"why\">{}</td></tr>", switch.at, escape(&switch.reason));
        }
        text.push_str("</tbody></table></div></details>");
    }
    if text.is_empty() {
        text
    } else {
        format!("<section><h2>Who decided</h2><p>The newest changes, and why.</p>{text}</section>")
    }
}

/// How it was found out.
pub(super) fn method(report: &Report) -> String {
    let boots = match report.boots {
        Some(boots) => format!(
            "Boot times are drawn from {} measured ones (half of them under {:.0} s, 95% under {:.0} s)",
            boots.count, boots.p50_s, boots.p95_s
        ),
        None => format!("Boots take {:.0} s", report.boot_s),
    };
    let faults = if report.faults.none() {
        String::new()
    } else {
        format!(" Faults: {}.", escape(&serde_json::to_string(&report.faults).unwrap_or_default()))
    };
    let price = match (report.price_per_hour, &report.currency) {
        (Some(price), Some(currency)) => format!(" An instance costs {price} {} per hour.", escape(currency)),
        _ => String::new(),
    };
    format!(
        "<section><h2>How this was found</h2><p>forewarm's own planner and the forecaster plugin {} ran as they do in production, in virtual time; at every \
         minute each policy knew only what had been measured by then. The first half of each trace was history, on which all other policies were \
         tuned; the second half was scored once. {boots}; a missing instance-minute counts as {} idle ones.{price}{faults} Protocol {}, seed {}. \
         Perfect foresight is the least that anyone could have paid who knew the demand in advance. In three of four series forewarm had fewer cold starts than {}.</p></section>",
        escape(&report.forecaster),
        number(report.unserved_cost),
        report.protocol.unwrap_or("as given"),
        report.seed,
        report.overall.get(OURS).map_or_else(|| "-".into(), |ours| percent(ours.cold_start_rate_p75)),
    )
}
