//! The page of a simulation: one file that needs nothing but itself. First what was saved, then cost against cold starts,
//! where the money went, demand against ready for each series, and the worst moments with what had been planned.

use super::Simulated;
use super::report::{PolicyReport, Report};
use forewarm_simulator::lane::Lane;
use std::fmt::Write;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 240.0;
const MARGIN: f64 = 44.0;
/// Points of a line: of what falls on one, the highest is shown, so that no peak is lost.
const POINTS: usize = 800;
const COLOURS: [&str; 7] = ["#0b6e4f", "#4c78a8", "#e45756", "#f58518", "#b279a2", "#9d755d", "#8c8c8c"];
const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:960px;margin:2em auto;padding:0 1em;color:#222}\
h1{font-size:1.5em}h2{font-size:1.2em;margin-top:2em}table{border-collapse:collapse;width:100%;font-size:13px}\
td,th{padding:3px 8px;border-bottom:1px solid #ddd;text-align:right}td:first-child,th:first-child{text-align:left}\
td.why{text-align:left}svg{width:100%;height:auto;background:#fafafa}summary{cursor:pointer;font-weight:600}\
.big{font-size:1.25em;background:#eef6f2;padding:.8em 1em;border-radius:6px}.key span{margin-right:1.2em}";

pub(super) fn page(report: &Report, done: &[Simulated]) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>forewarm simulation</title><style>{STYLE}</style></head><body>\
         <h1>What forewarm would have kept ready</h1>{}",
        summary(report)
    );
    let _ = write!(
        page,
        "<h2>Cost against cold starts</h2><p>Left and low is better: each dot is one policy, over all series.</p>{}",
        pareto(report)
    );
    let _ = write!(
        page,
        "<h2>Where the cost went</h2><p>Over the least possible cost with perfect foresight, mean of all series.</p>{}",
        bars(report)
    );
    page.push_str("<h2>Series by series</h2>");
    for one in done {
        series(&mut page, report, one);
    }
    let protocol = report.protocol.unwrap_or("as given");
    let _ = write!(
        page,
        "<p>Forecaster {}; boots take {} s; a missing instance-minute costs {} idle ones; protocol {protocol}; seed {}. \
         Policies were tuned on each trace's first half and scored on the second.</p></body></html>",
        escape(&report.forecaster),
        report.boot_s,
        report.unserved_cost,
        report.seed
    );
    page
}

/// The sentence for whoever reads no further.
fn summary(report: &Report) -> String {
    let means = &report.geometric_mean_cost_ratio;
    let Some(ours) = means.get("forewarm") else { return "<p>forewarm's planner did not take part.</p>".into() };
    let peers = means.iter().filter(|(name, _)| !["forewarm", "level_programme"].contains(&name.as_str()));
    let Some((best, theirs)) = peers.min_by(|a, b| a.1.total_cmp(b.1)) else {
        return format!("<p class=\"big\">forewarm paid {ours:.2} times what perfect foresight would have.</p>");
    };
    let (saved, word) = if ours <= theirs { (1.0 - ours / theirs, "less") } else { (ours / theirs - 1.0, "more") };
    format!(
        "<p class=\"big\">forewarm would have cost <b>{:.0}% {word}</b> than the best other policy ({}, tuned), over {} series: \
         {ours:.2} against {theirs:.2} times the cost of perfect foresight.</p>",
        100.0 * saved,
        words(best),
        report.series.len()
    )
}

fn pareto(report: &Report) -> String {
    let dots: Vec<(&String, f64, f64)> =
        report.geometric_mean_cost_ratio.iter().map(|(name, cost)| (name, cold(report, name), *cost)).collect();
    let most_cold = dots.iter().map(|dot| dot.1).fold(0.01, f64::max);
    let most_cost = dots.iter().map(|dot| dot.2).fold(1.1, f64::max).ln();
    let x = |cold: f64| MARGIN + cold / most_cold * (WIDTH - 4.0 * MARGIN);
    let y = |cost: f64| HEIGHT - MARGIN - cost.max(1.0).ln() / most_cost * (HEIGHT - 2.0 * MARGIN);
    let mut svg = frame("share of needed instances that found none ready", "cost over the least possible, logarithmic");
    for (index, (name, cold, cost)) in dots.iter().enumerate() {
        let (x, y, colour) = (x(*cold), y(*cost), COLOURS[index % COLOURS.len()]);
        let _ = write!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"6\" fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{:.1}\" font-size=\"12\">{} {cost:.2} at {:.1}%</text>",
            x + 10.0,
            y + 4.0,
            words(name),
            100.0 * cold
        );
    }
    svg + "</svg>"
}

/// The mean cold-start rate of a policy.
fn cold(report: &Report, policy: &str) -> f64 {
    let rates = report.series.values().filter_map(|series| series.policies.get(policy)).map(|one| one.cold_start_rate);
    rates.sum::<f64>() / report.series.len().max(1) as f64
}

fn bars(report: &Report) -> String {
    let mut rows =
        String::from("<table><tr><th>policy</th><th>idle</th><th>booting</th><th>missing</th><th>in all</th></tr>");
    let count = report.series.len().max(1) as f64;
    for policy in report.geometric_mean_cost_ratio.keys() {
        let part = |of: &dyn Fn(&PolicyReport) -> f64| {
            let ratio = |series: &super::report::SeriesReport| {
                series.policies.get(policy).map_or(0.0, |one| of(one) / series.least_cost.max(1.0))
            };
            report.series.values().map(ratio).sum::<f64>() / count
        };
        let (idle, boot) = (part(&|one| one.idle_instance_minutes), part(&|one| one.boot_instance_minutes));
        let missing = part(&|one| report.unserved_cost * one.unserved_instance_minutes);
        let _ = write!(
            rows,
            "<tr><td>{}</td><td>{idle:.2}</td><td>{boot:.2}</td><td>{missing:.2}</td><td><b>{:.2}</b></td></tr>",
            words(policy),
            idle + boot + missing
        );
    }
    rows + "</table>"
}

fn series(page: &mut String, report: &Report, Simulated { world, outcome }: &Simulated) {
    let Some(told) = report.series.get(&world.name) else { return };
    let _ = write!(page, "<details open><summary>{}</summary>", escape(&world.name));
    let lanes: Vec<&Lane> = ["forewarm", "reactive"]
        .iter()
        .filter_map(|name| outcome.lanes.iter().find(|lane| lane.name == *name))
        .collect();
    let lanes = if lanes.is_empty() { outcome.lanes.iter().take(2).collect() } else { lanes };
    let demand: Vec<u32> =
        outcome.lanes.first().map(|lane| lane.steps.iter().map(|step| step.demand).collect()).unwrap_or_default();
    let lines: Vec<(String, &str, Vec<u32>)> = std::iter::once(("demand".to_owned(), "#222", demand))
        .chain(lanes.iter().zip(COLOURS).map(|(lane, colour)| {
            (format!("ready: {}", words(&lane.name)), colour, lane.steps.iter().map(|step| step.ready).collect())
        }))
        .collect();
    page.push_str(&plot(&lines));
    page.push_str("<table><tr><th>policy</th><th>cost ratio</th><th>cold starts</th><th>p95 wait</th><th>launches</th><th>rule</th></tr>");
    for (name, one) in &told.policies {
        let _ = write!(
            page,
            "<tr><td>{}</td><td>{:.2}</td><td>{:.1}%</td><td>{:.0} s</td><td>{}</td><td class=\"why\">{}</td></tr>",
            words(name),
            one.cost_ratio,
            100.0 * one.cold_start_rate,
            one.wait_p95_s,
            one.launches,
            escape(&one.rule)
        );
    }
    page.push_str("</table>");
    if let Some(ours) = told.policies.get("forewarm").filter(|ours| !ours.worst.is_empty()) {
        page.push_str("<p>forewarm's worst moments, and what had been planned one boot before:</p><table><tr><th>from</th><th>minutes</th><th>missing</th><th>demand</th><th>planned</th><th>why</th></tr>");
        for worst in &ours.worst {
            let planned = worst.planned.map_or(String::new(), |planned| planned.to_string());
            let _ = write!(
                page,
                "<tr><td>{}</td><td>{:.0}</td><td>{:.0}</td><td>{}</td><td>{planned}</td><td class=\"why\">{}</td></tr>",
                worst.from,
                worst.minutes,
                worst.unserved_instance_minutes,
                worst.highest_demand,
                escape(worst.reasons.as_deref().unwrap_or(""))
            );
        }
        page.push_str("</table>");
    }
    page.push_str("</details>");
}

/// Lines over the scored steps, with a key.
fn plot(lines: &[(String, &str, Vec<u32>)]) -> String {
    let highest = lines.iter().flat_map(|line| &line.2).copied().max().unwrap_or(1).max(1);
    let mut svg = frame("time", &format!("instances, 0 to {highest}"));
    let mut key = String::from("<p class=\"key\">");
    for (name, colour, values) in lines {
        let per_point = values.len().div_ceil(POINTS).max(1);
        let points: Vec<u32> = values.chunks(per_point).filter_map(|part| part.iter().max().copied()).collect();
        let across = (WIDTH - 2.0 * MARGIN) / (points.len().saturating_sub(1)).max(1) as f64;
        let _ = write!(svg, "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.3\" points=\"");
        for (index, value) in points.iter().enumerate() {
            let y = HEIGHT - MARGIN - f64::from(*value) / f64::from(highest) * (HEIGHT - 2.0 * MARGIN);
            let _ = write!(svg, "{:.1},{y:.1} ", MARGIN + across * index as f64);
        }
        svg.push_str("\"/>");
        let _ = write!(key, "<span style=\"color:{colour}\">&#9632; {}</span>", escape(name));
    }
    svg + "</svg>" + &key + "</p>"
}

fn frame(x: &str, y: &str) -> String {
    let (bottom, right) = (HEIGHT - MARGIN, WIDTH - MARGIN);
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\"><path d=\"M{MARGIN} {MARGIN}V{bottom}H{right}\" fill=\"none\" stroke=\"#999\"/>\
         <text x=\"{MARGIN}\" y=\"{:.0}\" font-size=\"12\" fill=\"#555\">{y}</text>\
         <text x=\"{right}\" y=\"{:.0}\" font-size=\"12\" fill=\"#555\" text-anchor=\"end\">{x}</text>",
        MARGIN - 10.0,
        HEIGHT - 14.0
    )
}

/// A policy's name as words.
fn words(name: &str) -> String {
    escape(&name.replace('_', " "))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_peak_is_lost_and_no_text_is_markup() {
        let mut values = vec![1; 10_000];
        values[5_003] = 90;
        let plot = plot(&[("a<b".into(), "#222", values)]);
        assert!(plot.contains("a&lt;b") && !plot.contains("a<b"));
        // The peak reaches the top of the frame.
        assert!(plot.contains(&format!(",{MARGIN:.1} ")), "{}", &plot[..400]);
        assert!(plot.matches(',').count() < 2 * POINTS);
    }
}
