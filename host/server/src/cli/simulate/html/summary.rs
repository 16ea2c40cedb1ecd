//! The verdict in plain words, and four figures beside it.

use super::super::overall::Overall;
use super::super::report::Report;
use super::{OURS, amount, escape, is_ours, number, percent, words};
use std::fmt::Write;

/// The lines for whoever reads no further.
pub(super) fn section(report: &Report) -> String {
    let minutes = report.series.values().map(|series| series.scored_minutes).max().unwrap_or(0);
    let days = minutes as f64 / 1_440.0;
    let series = match report.series.len() {
        1 => format!("<b>{}</b>", report.series.keys().next().map(|name| escape(name)).unwrap_or_default()),
        many => format!("<b>{many} series</b>"),
    };
    let mut text = format!(
        "<header><p class=\"kicker\">forewarm simulation</p><h1>{}</h1><p class=\"lead\">{series}, {} days of demand that no policy had seen, replayed minute by minute.</p>",
        headline(report),
        number(days),
    );
    if let Some(ours) = report.overall.get(OURS) {
        text.push_str(&cards(report, ours));
    }
    text + "</header>"
}

/// The cheapest of the policies that people use today.
fn best_peer(report: &Report) -> Option<(&str, &Overall)> {
    let peers = report.overall.iter().filter(|(name, _)| !is_ours(name));
    peers.min_by(|a, b| a.1.cost.total_cmp(&b.1.cost)).map(|(name, one)| (name.as_str(), one))
}

fn headline(report: &Report) -> String {
    let Some(ours) = report.overall.get(OURS) else { return "forewarm's own policy did not take part".into() };
    let Some((name, peer)) = best_peer(report) else {
        return format!("forewarm would have cost {} over the demand itself", amount(report, ours.cost));
    };
    if peer.cost < 1.0 {
        let (theirs, ours) = (amount(report, peer.cost), amount(report, ours.cost));
        return format!("A demand that hardly changes: {} costs {theirs} beyond it, forewarm {ours}", words(name));
    }
    let change = ours.cost / peer.cost - 1.0;
    let word = if change <= 0.0 { "less" } else { "more" };
    format!(
        "forewarm would have cost {}, <em class=\"{}\">{} {word}</em> than {}, the best of the usual policies",
        amount(report, ours.cost),
        if change <= 0.0 { "good" } else { "bad" },
        percent(change.abs()),
        words(name)
    )
}

fn cards(report: &Report, ours: &Overall) -> String {
    let mut cards = String::from("<div class=\"cards\">");
    let mut card = |figure: String, what: &str, beside: String| {
        let _ = write!(cards, "<div class=\"card\"><b>{figure}</b><span>{what}</span><small>{beside}</small></div>");
    };
    let peer = best_peer(report);
    let versus = |of: &dyn Fn(&Overall) -> String| {
        peer.map_or_else(String::new, |(name, one)| format!("{}: {}", words(name), of(one)))
    };
    if let Some((name, one)) = peer {
        let what = if ours.cost <= one.cost { "saved" } else { "more" };
        let difference = amount(report, (one.cost - ours.cost).abs());
        card(difference, what, format!("against {}, tuned on this demand", words(name)));
    }
    card(
        percent(ours.cold_start_rate),
        "of needed instances were not ready in time",
        versus(&|one| percent(one.cold_start_rate)),
    );
    card(
        number(ours.wasted_instance_hours.running()),
        "instance-hours paid for and not used",
        versus(&|one| number(one.wasted_instance_hours.running())),
    );
    card(
        format!("{:.1}x", ours.cost_ratio),
        "the cost of perfect foresight",
        versus(&|one| format!("{:.1}x", one.cost_ratio)),
    );
    cards + "</div>"
}
