//! What is shown while networks are trained: a bar on a terminal, lines elsewhere, nothing where a program reads.

use crate::cli::Format;
use forewarm_training::{Epoch, Watch};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};

/// Lines for every so many epochs of a network, where there is no terminal.
const LINE_EVERY: usize = 10;

/// The progress of all networks together.
pub(super) struct Bars {
    bar: Option<ProgressBar>,
    lines: bool,
    stopped: AtomicBool,
}

impl Bars {
    pub(super) fn new(format: Format, members: usize, epochs: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new((members * epochs) as u64);
            match ProgressStyle::with_template("{bar:24} {pos}/{len} epochs, {eta} left  {msg}") {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        Self { lines: bar.is_none() && format == Format::Text, bar, stopped: AtomicBool::new(false) }
    }

    /// Asks training to end.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Watch for Bars {
    fn epoch(&self, epoch: &Epoch) {
        let left = if epoch.stopped_early { epoch.epochs - epoch.epoch } else { 0 };
        if let Some(bar) = &self.bar {
            bar.inc(1 + left as u64);
            bar.set_message(line(epoch));
        }
        if self.lines && (epoch.epoch.is_multiple_of(LINE_EVERY) || epoch.stopped_early || epoch.epoch == epoch.epochs)
        {
            eprintln!("{}", line(epoch));
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

fn line(epoch: &Epoch) -> String {
    let validation = epoch.validation_loss.map_or_else(|| "none".to_owned(), |loss| format!("{loss:.4}"));
    let end = if epoch.stopped_early { ", ended early" } else { "" };
    format!(
        "network {}, epoch {} of {}: loss {:.4}, validation {validation}{end}",
        epoch.member + 1,
        epoch.epoch,
        epoch.epochs,
        epoch.training_loss
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_where_a_network_is() {
        let epoch = Epoch {
            member: 1,
            epoch: 3,
            epochs: 9,
            training_loss: 0.5,
            validation_loss: Some(0.25),
            stopped_early: true,
        };
        assert_eq!(line(&epoch), "network 2, epoch 3 of 9: loss 0.5000, validation 0.2500, ended early");
        let bars = Bars::new(Format::Json, 2, 9);
        assert!(!bars.is_stopped());
        bars.stop();
        assert!(bars.is_stopped());
    }
}
