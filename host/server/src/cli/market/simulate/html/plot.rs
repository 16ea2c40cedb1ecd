//! Prices and leases over time: the data of two plots that can be zoomed into, series by series.

use crate::cli::simulate::html::escape;
use forewarm_market_simulator::report::{Report, Series, Window};
use serde_json::json;
use std::fmt::Write;

/// The plots' frame; the script fills it.
pub(super) fn section(report: &Report) -> String {
    let mut text = String::from(
        "<section id=\"time\"><h2>Prices and leases over time</h2><p><b>Drag to zoom, double-click to see all again</b>; click a name to show or hide it.</p>",
    );
    if report.series.len() > 1 {
        text.push_str("<p><label>Series <select id=\"series\">");
        for (index, name) in report.series.keys().enumerate() {
            let _ = write!(text, "<option value=\"{index}\">{}</option>", escape(name));
        }
        text.push_str("</select></label></p>");
    }
    text + "<h3>What an instance-hour cost</h3><p class=\"note\">Prices rise where little can be spared. Below the dotted line nothing is sold: keeping the \
            instance costs its owner as much.</p><div id=\"prices\"></div><h3>Who had the fleet</h3><p class=\"note\">The owner's own highest demand in each window, \
            what tenants had on top of it, and the fleet. What stays white stood idle.</p><div id=\"leases\"></div>\
            <noscript><p>The plots need scripts; every window is in the file that <code>--json</code> writes.</p></noscript></section>"
}

/// What the script draws, as JSON that can stand in a page.
pub(super) fn data(report: &Report) -> String {
    let series = |(name, series): (&String, &Series)| {
        let each = |of: &dyn Fn(&Window) -> serde_json::Value| series.windows.iter().map(of).collect::<Vec<_>>();
        json!({
            "name": name,
            "start_s": series.from.0 / 1_000,
            "step_s": 60 * report.setting.window_steps,
            "fleet": series.fleet,
            "carrying": report.setting.carrying_cost,
            "demand": each(&|window| window.demand.into()),
            "leased": each(&|window| window.leased.iter().sum::<u64>().into()),
            "firm": each(&|window| window.price[0].into()),
            "reclaimable": each(&|window| window.price[1].into()),
        })
    };
    let all: Vec<_> = report.series.iter().map(series).collect();
    // Whatever a name holds, it can't end the element that it stands in.
    serde_json::to_string(&all).unwrap_or_default().replace('<', "\\u003c")
}
