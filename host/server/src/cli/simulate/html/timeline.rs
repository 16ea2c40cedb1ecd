//! Demand against ready over time: the data of a plot that can be zoomed into, series by series.

use super::super::Simulated;
use super::super::report::Report;
use super::{escape, ranked, words};
use serde_json::json;
use std::fmt::Write;

/// Points of a line: of steps that fall on one the highest is kept, so that no peak is lost.
const POINTS: usize = 30_000;

/// The plot's frame; the script fills it.
pub(super) fn section(report: &Report, done: &[Simulated]) -> String {
    let mut text = String::from(
        "<section id=\"time\"><h2>Demand and what was ready</h2><p>Where a line runs above the demand, instances idle; where it runs \
         below, some were missing. <b>Drag to zoom, double-click to see all again</b>; click a name to show or hide it.</p>",
    );
    if done.len() > 1 {
        text.push_str("<p><label>Series <select id=\"series\">");
        for (index, one) in done.iter().enumerate() {
            let _ = write!(text, "<option value=\"{index}\">{}</option>", escape(&one.world.name));
        }
        text.push_str("</select></label></p>");
    }
    let _ = write!(
        text,
        "<div id=\"plot\"></div><noscript><p>The plot needs scripts; every step is in the files that <code>--steps</code> writes.</p></noscript>\
         <p class=\"note\">{} policies; lines begin switched on for forewarm and the reactive rule.</p></section>",
        report.overall.len()
    );
    text
}

/// What the script draws, as JSON that can stand in a page.
pub(super) fn data(report: &Report, done: &[Simulated]) -> String {
    let names = ranked(report);
    let series = |Simulated { world, outcome, .. }: &Simulated| {
        let steps = outcome.lanes.first().map(|lane| lane.steps.as_slice()).unwrap_or_default();
        let demand: Vec<u32> = steps.iter().map(|step| step.demand).collect();
        let every = demand.len().div_ceil(POINTS).max(1);
        let lanes: Vec<_> = names
            .iter()
            .filter_map(|name| outcome.lanes.iter().find(|lane| lane.name == *name))
            .map(|lane| {
                let ready: Vec<u32> = lane.steps.iter().map(|step| step.ready).collect();
                json!({ "name": lane.name, "label": words(&lane.name), "ready": runs(&ready, every) })
            })
            .collect();
        json!({
            "name": world.name,
            "start_s": world.at(world.split).0 / 1_000,
            "step_s": world.step_ms / 1_000 * every as i64,
            "demand": runs(&demand, every),
            "lanes": lanes,
        })
    };
    let all: Vec<_> = done.iter().map(series).collect();
    // Whatever a name holds, it can't end the element that it stands in.
    serde_json::to_string(&all).unwrap_or_default().replace('<', "\\u003c")
}

/// Values as pairs of a value and how often it comes in a row: what is ready changes rarely.
fn runs(values: &[u32], every: usize) -> Vec<u32> {
    let points: Vec<u32> = values.chunks(every).filter_map(|part| part.iter().max().copied()).collect();
    points.chunk_by(|a, b| a == b).flat_map(|run| [run.first().copied().unwrap_or(0), run.len() as u32]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_peak_is_lost() {
        assert_eq!(runs(&[1, 1, 1, 9, 1, 1], 1), [1, 3, 9, 1, 1, 2]);
        assert_eq!(runs(&[1, 1, 1, 9, 1, 1], 2), [1, 1, 9, 1, 1, 1]);
        assert_eq!(runs(&[], 1), Vec::<u32>::new());
    }
}
