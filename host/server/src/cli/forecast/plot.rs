//! A forecast as a small plot: the median, and the band of 90%.

use crate::cli::output::number;
use forewarm_domain::forecast::Fan;
use ratatui_core::buffer::{Buffer, Cell};
use ratatui_core::layout::Rect;
use ratatui_core::symbols::Marker;
use ratatui_core::text::Line;
use ratatui_core::widgets::Widget;
use ratatui_widgets::chart::{Axis, Chart, Dataset, GraphType};
use std::fmt::Write;

/// Characters.
const WIDTH: u16 = 76;
const HEIGHT: u16 = 12;
/// What is drawn: the first above the others.
const LEVELS: [f64; 3] = [0.95, 0.05, 0.5];

pub(super) fn of(fan: &Fan) -> String {
    let paths = LEVELS.map(|level| path(fan, level));
    let values = || paths.iter().flatten().map(|(_, value)| *value);
    let low = values().fold(f64::INFINITY, f64::min).min(0.0);
    let high = values().fold(f64::NEG_INFINITY, f64::max).max(low + f64::MIN_POSITIVE);
    let last = fan.horizon().saturating_sub(1);
    let chart = Chart::new(paths.iter().map(Vec::as_slice).zip(LEVELS).map(drawn).collect())
        .x_axis(
            Axis::default()
                .bounds([0.0, last.max(1) as f64])
                .labels(["now".to_owned(), format!("in {}", super::span(fan))]),
        )
        .y_axis(
            Axis::default()
                .bounds([low, high])
                .labels([low, f64::midpoint(low, high), high].map(|of| Line::from(number(of)))),
        );
    let area = Rect::new(0, 0, WIDTH, HEIGHT);
    let mut buffer = Buffer::empty(area);
    chart.render(area, &mut buffer);
    let row = |y: u16| -> String { (0..WIDTH).filter_map(|x| buffer.cell((x, y))).map(Cell::symbol).collect() };
    let mut text: String = (0..HEIGHT).map(|y| format!("{}\n", row(y).trim_end())).collect();
    let _ = writeln!(text, "line: median; dots: 5% and 95%; from {} to {}", fan.start(), fan.end());
    text
}

fn drawn((path, level): (&[(f64, f64)], f64)) -> Dataset<'_> {
    let (marker, kind) = match level {
        0.5 => (Marker::Braille, GraphType::Line),
        _ => (Marker::Dot, GraphType::Scatter),
    };
    Dataset::default().marker(marker).graph_type(kind).data(path)
}

fn path(fan: &Fan, level: f64) -> Vec<(f64, f64)> {
    (0..fan.horizon()).map(|step| (step as f64, fan.quantile(step, level))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarm_domain::time::TimestampMs;

    #[test]
    fn median_and_band_are_drawn_between_their_bounds() {
        let path = |off: f64| vec![off; 48];
        let fan = Fan::from_paths(TimestampMs(0), 3_600_000, &[0.05, 0.5, 0.95], &[path(10.0), path(20.0), path(40.0)]);
        let plot = of(&fan.expect("valid"));
        let row = |part: &str| plot.lines().position(|line| line.contains(part)).expect(part);
        assert!(
            row("40") < row("20") && row("20") < row("from 1970-01-01T00:00:00Z to 1970-01-03T00:00:00Z"),
            "{plot}"
        );
        assert!(
            plot.lines().any(|line| line.matches(|c: char| ('\u{2801}'..='\u{28ff}').contains(&c)).count() > 40),
            "{plot}"
        );
        assert!(plot.lines().all(|line| line.chars().count() <= 84), "a terminal holds it: {plot}");
    }

    #[test]
    fn a_single_step_of_nothing_is_drawn_too() {
        let fan = Fan::from_paths(TimestampMs(0), 60_000, &[0.5], &[vec![0.0]]).expect("valid");
        assert!(of(&fan).contains("median"));
    }
}
