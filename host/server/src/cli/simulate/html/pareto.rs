//! Cost against cold starts: a dot a policy, and the front of those that no other beats in both; the same in small for
//! other costs and boots.

use super::super::report::Report;
use super::{class, escape, percent, ranked, words};
use std::fmt::Write;

const LEFT: f64 = 58.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 42.0;

/// A policy's place.
struct Dot<'a> {
    name: &'a str,
    cold: f64,
    cost: f64,
}

/// The picture, and those of the grid where there is one.
pub(super) fn section(report: &Report) -> String {
    let mut text = String::from(
        "<section><h2>Cost against cold starts</h2><p>Left and low is better. The line joins the policies that no other beats in \
         both; whoever is to its right costs more for the same readiness.</p>",
    );
    let dots: Vec<Dot<'_>> = ranked(report)
        .into_iter()
        .filter_map(|name| {
            let one = report.overall.get(name)?;
            Some(Dot { name, cold: one.cold_start_rate, cost: one.cost_ratio })
        })
        .collect();
    let _ = write!(text, "<div class=\"wide large\">{}</div>", picture(&dots, (860.0, 340.0), true));
    if !report.pareto.is_empty() {
        text.push_str("<h3>Under other costs and boot times</h3><p>Each policy was run, and tuned, anew. A boot shorter than a minute counts as one minute.</p>");
        text.push_str(&key(report));
        text.push_str("<div class=\"grid\">");
        for point in &report.pareto {
            let dots: Vec<Dot<'_>> = point
                .policies
                .iter()
                .map(|(name, one)| Dot { name, cold: one.cold_start_rate, cost: one.cost_ratio })
                .collect();
            let boot =
                if point.boot_s < 60 { format!("{} s", point.boot_s) } else { format!("{} min", point.boot_s / 60) };
            let _ = write!(
                text,
                "<figure><figcaption>boot {boot}, missing {}x</figcaption>{}</figure>",
                super::number(point.unserved_cost),
                picture(&dots, (270.0, 190.0), false)
            );
        }
        text.push_str("</div>");
    }
    text + "</section>"
}

fn key(report: &Report) -> String {
    let mut key = String::from("<p class=\"key dots\">");
    for name in ranked(report) {
        let _ = write!(key, "<span class=\"{}\">{}</span>", class(name), words(name));
    }
    key + "</p>"
}

/// Those that no other beats in both, by cold starts.
fn front<'a>(dots: &'a [Dot<'a>]) -> Vec<&'a Dot<'a>> {
    let mut sorted: Vec<&Dot<'_>> = dots.iter().collect();
    sorted.sort_by(|a, b| a.cold.total_cmp(&b.cold).then(a.cost.total_cmp(&b.cost)));
    let mut least = f64::INFINITY;
    sorted.retain(|dot| {
        let is_cheaper = dot.cost < least;
        least = least.min(dot.cost);
        is_cheaper
    });
    sorted
}

fn picture(dots: &[Dot<'_>], (width, height): (f64, f64), is_large: bool) -> String {
    let most_cold = nice(dots.iter().map(|dot| dot.cold).fold(0.01, f64::max) * 1.05);
    let decades = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 10_000.0];
    let highest = dots.iter().map(|dot| dot.cost).fold(1.5, f64::max);
    let top = decades.into_iter().find(|mark| *mark >= highest).unwrap_or(highest);
    let right = if is_large { 150.0 } else { 14.0 };
    let x = |cold: f64| LEFT + cold / most_cold * (width - LEFT - right);
    let y = |cost: f64| height - BOTTOM - cost.max(1.0).ln() / top.ln() * (height - TOP - BOTTOM);
    let mut svg = format!(
        "<svg class=\"pareto\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"cost over cold starts\">"
    );
    for mark in decades.into_iter().filter(|mark| *mark <= top) {
        let at = y(mark);
        let _ = write!(
            svg,
            "<path class=\"rule\" d=\"M{LEFT} {at:.1}H{:.1}\"/><text class=\"mark\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{mark}x</text>",
            width - right,
            LEFT - 6.0,
            at + 4.0
        );
    }
    for part in 0..=4 {
        let cold = most_cold * f64::from(part) / 4.0;
        let _ = write!(
            svg,
            "<text class=\"mark\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            x(cold),
            height - BOTTOM + 16.0,
            percent(cold)
        );
    }
    let _ = write!(
        svg,
        "<text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
        (LEFT + width - right) / 2.0,
        height - 8.0,
        if is_large { "needed instances that were not ready in time" } else { "not ready in time" }
    );
    if is_large {
        let _ = write!(
            svg,
            "<text class=\"axis\" transform=\"translate(14 {:.1}) rotate(-90)\" text-anchor=\"middle\">cost over perfect foresight</text>",
            (TOP + height - BOTTOM) / 2.0
        );
    }
    let line: Vec<String> = front(dots).iter().map(|dot| format!("{:.1},{:.1}", x(dot.cold), y(dot.cost))).collect();
    let _ = write!(svg, "<polyline class=\"front\" points=\"{}\"/>", line.join(" "));
    // The dots first, so that none covers a label.
    let (mut labels, mut text) = (Vec::new(), String::new());
    for dot in dots {
        let (x, y) = (x(dot.cold), y(dot.cost));
        let _ = write!(
            svg,
            "<circle class=\"{}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{}\"><title>{}: {:.2}x at {:.2}%</title></circle>",
            class(dot.name),
            if is_large { 7.0 } else { 5.0 },
            escape(words(dot.name)),
            dot.cost,
            100.0 * dot.cold
        );
        if is_large {
            let at = apart(&mut labels, y + 4.0);
            let _ = write!(
                text,
                "<text x=\"{:.1}\" y=\"{at:.1}\">{} {:.1}x</text>",
                x + 12.0,
                escape(words(dot.name)),
                dot.cost
            );
        }
    }
    svg + &text + "</svg>"
}

/// A place for a label near `wanted` that covers none before it.
fn apart(taken: &mut Vec<f64>, wanted: f64) -> f64 {
    let free = |at: f64| taken.iter().all(|other| (other - at).abs() >= 14.0);
    let offsets = (0..20).flat_map(|step| [-7.0 * f64::from(step), 7.0 * f64::from(step)]);
    let at = offsets.map(|offset| wanted + offset).find(|at| free(*at)).unwrap_or(wanted);
    taken.push(at);
    at
}

/// The next share that is easy to divide.
fn nice(share: f64) -> f64 {
    [0.02, 0.04, 0.08, 0.12, 0.2, 0.4, 0.6, 0.8].into_iter().find(|mark| *mark >= share).unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_has_none_that_another_beats() {
        let dot = |name, cold, cost| Dot { name, cold, cost };
        let dots = [dot("a", 0.1, 3.0), dot("b", 0.2, 2.0), dot("c", 0.15, 4.0), dot("d", 0.05, 9.0)];
        let names: Vec<&str> = front(&dots).iter().map(|dot| dot.name).collect();
        assert_eq!(names, ["d", "a", "b"]);
    }

    #[test]
    fn labels_keep_apart() {
        let mut taken = Vec::new();
        let places: Vec<f64> = [100.0, 100.0, 101.0].map(|wanted| apart(&mut taken, wanted)).to_vec();
        assert!(
            places.iter().enumerate().all(|(i, a)| places[..i].iter().all(|b| (a - b).abs() >= 14.0)),
            "{places:?}"
        );
    }
}
