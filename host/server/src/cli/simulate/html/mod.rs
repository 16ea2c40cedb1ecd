//! The page of a simulation: one file that needs nothing but itself. First what was saved, in plain words; then where the
//! money went, cost against cold starts, demand against ready over time, and the worst moments with what had been planned.
//! All but the plot over time is there without scripts.

mod bars;
mod pareto;
mod sections;
mod summary;
mod tiers;
mod timeline;

use super::Simulated;
use super::args::WITHOUT_TIERS;
use super::report::Report;
use std::fmt::Write;

/// The page's own style and script, and the plotting library (uPlot, MIT licence, under `vendor`).
pub(in crate::cli) const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
pub(in crate::cli) const PLOT_STYLE: &str = include_str!("../../../../vendor/uplot/uPlot.min.css");
pub(in crate::cli) const PLOT_SCRIPT: &str = include_str!("../../../../vendor/uplot/uPlot.iife.min.js");
pub(in crate::cli) const PLOT_LICENCE: &str = include_str!("../../../../vendor/uplot/LICENSE");

pub(super) fn page(report: &Report, done: &[Simulated]) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>forewarm simulation</title><style>{PLOT_STYLE}\n{STYLE}</style></head><body><main>"
    );
    page.push_str(&summary::section(report));
    page.push_str(&bars::section(report));
    page.push_str(&tiers::section(report));
    page.push_str(&pareto::section(report));
    page.push_str(&timeline::section(report, done));
    page.push_str(&sections::moments(report));
    page.push_str(&sections::table(report));
    page.push_str(&sections::switches(report));
    page.push_str(&sections::method(report));
    let _ = write!(
        page,
        "</main><script type=\"application/json\" id=\"data\">{}</script><script>/* uPlot\n{}*/\n{PLOT_SCRIPT}</script><script>{SCRIPT}</script></body></html>\n",
        timeline::data(report, done),
        PLOT_LICENCE.replace("*/", ""),
    );
    page
}

/// The policies from the cheapest to the dearest; forewarm's own first.
fn ranked(report: &Report) -> Vec<&str> {
    let mut names: Vec<(&str, f64)> =
        report.overall.iter().map(|(name, one)| (name.as_str(), one.cost_ratio)).collect();
    names.sort_by(|a, b| (a.0 != OURS).cmp(&(b.0 != OURS)).then(a.1.total_cmp(&b.1)));
    names.into_iter().map(|(name, _)| name).collect()
}

/// What the host would follow.
const OURS: &str = "forewarm";

/// The same where it does without the cheaper tiers that there are.
const OURS_WITHOUT_TIERS: &str = "forewarm_without_tiers";

/// Whether a policy is forewarm's, in one of its forms.
fn is_ours(name: &str) -> bool {
    let name = name.strip_suffix(WITHOUT_TIERS).unwrap_or(name);
    [OURS, "level_programme"].contains(&name)
}

/// A policy's name in words.
fn words(name: &str) -> &str {
    match name {
        "level_programme" => "forecast alone",
        OURS_WITHOUT_TIERS => "forewarm without tiers",
        "level_programme_without_tiers" => "forecast alone, without tiers",
        "keep_alive" => "keep-alive",
        "hourly" => "hourly average",
        "hybrid_histogram" => "idle-time histogram",
        "static" => "fixed number",
        other => other,
    }
}

/// What people know a policy from.
fn meaning(name: &str) -> &str {
    match name {
        OURS => "forecasts, weighs costs, and follows whichever rule was cheapest of late",
        "level_programme" => "forewarm's forecast and planner, without competing rules",
        OURS_WITHOUT_TIERS => "the same, but everything is warm or off",
        "level_programme_without_tiers" => "the same forecast and planner, but everything is warm or off",
        "reactive" => "follows the load at a target utilisation, as Kubernetes' HPA does",
        "keep_alive" => "keeps the highest demand of the last minutes",
        "hourly" => "the average of the same hour on days before, as clouds' predictive scaling does",
        "hybrid_histogram" => "released when idle, warmed again before use is likely",
        "static" => "the same number all the time",
        _ => "",
    }
}

/// The class that gives a policy its colour, which people who see few colours can tell apart too (Okabe and Ito 2008).
fn class(name: &str) -> String {
    format!("p-{}", escape(name))
}

/// A cost in idle instance-minutes as money where a price was given, else in instance-hours.
fn amount(report: &Report, cost: f64) -> String {
    match (&report.currency, report.price_per_hour) {
        (Some(currency), Some(price)) => format!("{} {}", number(cost / 60.0 * price), escape(currency)),
        _ => format!("{} instance-hours", number(cost / 60.0)),
    }
}

/// A number with as many digits as tell something, and thousands apart.
pub(in crate::cli) fn number(value: f64) -> String {
    let digits = match value.abs() {
        whole if whole.fract() == 0.0 => 0,
        small if small < 10.0 => 2,
        middle if middle < 100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), ""), |(whole, fraction)| (whole, fraction));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{grouped}{point}{fraction}")
}

pub(in crate::cli) fn percent(share: f64) -> String {
    let value = 100.0 * share;
    if value > 0.0 && value < 0.95 { format!("{value:.1}%") } else { format!("{value:.0}%") }
}

pub(in crate::cli) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_long_as_they_tell_something() {
        let told: Vec<String> = [0.0, 1.234, 45.67, 123.4, 1_234_567.0, -2_500.0].map(number).to_vec();
        assert_eq!(told, ["0", "1.23", "45.7", "123", "1,234,567", "-2,500"]);
        assert_eq!([0.0, 0.004, 0.123].map(percent), ["0%", "0.4%", "12%"]);
    }

    #[test]
    fn no_text_is_markup() {
        assert_eq!(escape("a<b>&\"c\""), "a&lt;b&gt;&amp;&quot;c&quot;");
    }
}
