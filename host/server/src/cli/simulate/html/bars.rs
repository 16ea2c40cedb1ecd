//! Where the money went: one bar a policy, of idle, booting and missing instances.

use super::super::report::Report;
use super::{OURS, amount, meaning, ranked, words};
use std::fmt::Write;

/// The bars, the cheapest first.
pub(super) fn section(report: &Report) -> String {
    let most = report.overall.values().map(|one| one.cost).fold(1.0, f64::max);
    let mut text = format!(
        "<section><h2>Where the money went</h2><p>What each policy would have paid beyond the instances that were really in use. \
         A minute in which an instance is missing counts as {} idle ones.</p>\
         <p class=\"key\"><span class=\"idle\">ready, but idle</span><span class=\"booting\">booting</span>{}<span class=\"missing\">missing when needed</span></p><div class=\"bars\">",
        super::number(report.unserved_cost),
        report.tiers.map_or("", |_| "<span class=\"standby\">parked, and shells</span>"),
    );
    for name in ranked(report) {
        let Some(one) = report.overall.get(name) else { continue };
        let cheaper = one.tiers.map(|tiers| tiers.cost).unwrap_or_default();
        let parts = [
            ("idle", one.idle_instance_minutes),
            ("booting", one.boot_instance_minutes + cheaper.activating + cheaper.parking),
            ("standby", cheaper.parked + cheaper.shell),
            ("missing", one.unserved_instance_minutes * report.unserved_cost),
        ];
        let parts = parts.into_iter().filter(|(class, _)| *class != "standby" || one.tiers.is_some());
        let ours = if name == OURS { " ours" } else { "" };
        let _ = write!(
            text,
            "<div class=\"bar{ours}\"><div class=\"who\" title=\"{}\"><b>{}</b><small>{}</small></div><div class=\"track\">",
            meaning(name),
            words(name),
            meaning(name)
        );
        for (class, cost) in parts {
            let share = 100.0 * cost / most;
            let _ = write!(
                text,
                "<i class=\"{class}\" style=\"width:{share:.2}%\" title=\"{class}: {}\"></i>",
                amount(report, cost)
            );
        }
        let _ = write!(text, "<span>{}</span></div></div>", amount(report, one.cost));
    }
    text + "</div></section>"
}
