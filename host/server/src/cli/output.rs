//! Printing: tables for people, JSON for programs. Colour only on a terminal, and not where `NO_COLOR` is set.

use super::Format;
use comfy_table::{Cell, ContentArrangement, Table, presets};
use serde::Serialize;
use std::io::{IsTerminal, Write};

/// Prints a text. A reader that has gone away, as in `forewarm ... | head`, is no error.
pub(super) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    if !text.ends_with('\n') {
        let _ = out.write_all(b"\n");
    }
    let _ = out.flush();
}

/// Prints `value` for programs, or what `text` makes of it for people.
pub(super) fn show<T: Serialize>(format: Format, value: &T, text: impl FnOnce(&T) -> String) {
    match format {
        Format::Text => print(&text(value)),
        Format::Json => print(&serde_json::to_string_pretty(value).unwrap_or_default()),
    }
}

/// A table without frames, as wide as the terminal.
pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    let titles = header.iter().map(|title| {
        let cell = Cell::new(title);
        if coloured() { cell.add_attribute(comfy_table::Attribute::Bold) } else { cell }
    });
    table.set_header(titles);
    table
}

/// A table as text; `empty` where it has no rows.
pub(super) fn text(table: &Table, empty: &str) -> String {
    if table.is_empty() {
        return empty.to_owned();
    }
    let lines = table.to_string();
    lines.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Whether standard output may be coloured.
pub(super) fn coloured() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A value, or a dash.
pub(super) fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// A number with as many digits as tell something.
pub(super) fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 { format!("{value:.0}") } else { format!("{value:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_plain_and_say_when_they_are_empty() {
        let mut rows = table(&["name", "count"]);
        assert_eq!(text(&rows, "nothing there"), "nothing there");
        rows.add_row(["web", "3"]);
        let shown = text(&rows, "");
        assert!(shown.contains("web") && !shown.contains('|'), "{shown}");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!((number(3.0), number(0.12345), or_dash(None::<u8>)), ("3".into(), "0.123".into(), "-".into()));
    }
}
