//! Pinball loss against the last value, on the user's own data: `FOREWARM_DATA` names a folder with `demand/*.csv`.

#![expect(clippy::expect_used, reason = "a test ends where its data can't be read")]

use forecaster_seasonal::model::Model;
use forecaster_seasonal::parameters::Parameters;
use forewarm_sdk::Series;
use std::path::{Path, PathBuf};

const LEVELS: [f64; 9] = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99];
const AHEAD: [usize; 4] = [1, 5, 15, 60];
/// Steps between two forecasts that are scored.
const STRIDE: usize = 30;

fn pinball(outcome: f64, forecast: f64, level: f64) -> f64 {
    (outcome - forecast) * if outcome < forecast { level - 1.0 } else { level }
}

/// Fits on the first half, observes the second, and gives the loss of the forecasts and of the last value.
fn score(values: &[f64]) -> (f64, f64) {
    let half = values.len() / 2;
    let history = Series { start_ms: 0, step_ms: 60_000, values: values[..half].to_vec() };
    let mut model = Model::fit(Parameters::default(), history).expect("enough data");
    let (mut loss, mut naive) = (0.0, 0.0);
    for now in (half..values.len() - 60).step_by(STRIDE) {
        let paths = model.forecast(60, &LEVELS);
        for ahead in AHEAD {
            let outcome = values[now + ahead - 1];
            for (level, path) in LEVELS.iter().zip(&paths) {
                loss += pinball(outcome, path[ahead - 1], *level);
                naive += pinball(outcome, values[now - 1], *level);
            }
        }
        model.observe(&values[now..now + STRIDE]);
    }
    (loss, naive)
}

fn series(file: &Path) -> Vec<f64> {
    let text = std::fs::read_to_string(file).expect("the file can be read");
    text.lines().skip(1).filter_map(|line| line.split(',').nth(1)?.trim().parse().ok()).collect()
}

#[test]
fn scores() {
    let Some(folder) = std::env::var_os("FOREWARM_DATA") else {
        eprintln!("skipped: FOREWARM_DATA names no folder with demand/*.csv");
        return;
    };
    let entries = std::fs::read_dir(PathBuf::from(folder).join("demand")).expect("a folder `demand`");
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "csv")) {
        let (loss, naive) = score(&series(file));
        println!("{}: {:.3} of the last value's pinball loss", file.display(), loss / naive);
        assert!(loss < naive, "{}", file.display());
    }
}
