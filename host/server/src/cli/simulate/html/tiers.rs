//! What the cheaper tiers were worth: beside the same policy without them, time and cost by tier, and whose wait was
//! shortened.

use super::super::args::WITHOUT_TIERS;
use super::super::report::Report;
use super::super::tiers::TierReport;
use super::{amount, number, percent, ranked, words};
use forewarm_simulator::tiers::Offer;
use std::fmt::Write;

/// Nothing where there were no cheaper tiers.
pub(super) fn section(report: &Report) -> String {
    let Some(tiers) = &report.tiers else { return String::new() };
    let offers = [("parked", tiers.parked), ("a shell", tiers.shell)];
    let offers: Vec<String> = offers.into_iter().filter_map(|(name, offer)| Some(told(name, &offer?))).collect();
    let mut text = format!(
        "<section><h2>What cheaper tiers were worth</h2><p>Beside warm and off an instance could be {}. A demand that found nothing \
         ready got one of these, where there was one, in place of waiting for a boot.</p>",
        offers.join(", or ")
    );
    for name in ranked(report) {
        let Some((one, used)) = report.overall.get(name).and_then(|one| Some((one, one.tiers?))) else { continue };
        let _ = write!(text, "<h3>{}</h3><p>{}</p>", words(name), verdict(report, name, one.cost));
        table(&mut text, report, &used);
        let _ = write!(
            text,
            "<p class=\"note\">{} parked ones were started and {} shells specialised; {} of {} cold starts waited for one of \
             these, {:.0} s on average, where a boot takes {:.0} s.</p>",
            number(used.started as f64),
            number(used.specialised as f64),
            number(used.shortened_cold_starts as f64),
            number(one.cold_starts as f64),
            used.shortened_wait_mean_s(),
            report.boot_s
        );
    }
    text + "</section>"
}

fn told(name: &str, offer: &Offer) -> String {
    format!("{name} at {} of a warm one's price, serving after {} s", percent(offer.hold), number(offer.latency_s))
}

/// What it cost beside the same policy without the tiers.
fn verdict(report: &Report, name: &str, cost: f64) -> String {
    let Some(without) = report.overall.get(&format!("{name}{WITHOUT_TIERS}")) else { return String::new() };
    let difference = without.cost - cost;
    let word = if difference >= 0.0 { "less" } else { "more" };
    format!(
        "{} {word} than without them: {} against {}.",
        amount(report, difference.abs()),
        amount(report, cost),
        amount(report, without.cost)
    )
}

fn table(text: &mut String, report: &Report, used: &TierReport) {
    text.push_str("<table><thead><tr><th>tier</th><th>instance-hours</th><th>cost</th></tr></thead><tbody>");
    for ((tier, minutes), (_, cost)) in used.instance_minutes.named().into_iter().zip(used.cost.named()) {
        let _ = write!(
            text,
            "<tr><td>{tier}</td><td>{}</td><td>{}</td></tr>",
            number(minutes / 60.0),
            amount(report, cost)
        );
    }
    text.push_str("</tbody></table>");
}
