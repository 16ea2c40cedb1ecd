//! `forewarm train`, from a history to weights that a host lends to the plugin.

use forewarm_tests::{Finished, Host, Setup, plugins_dir};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Networks that are trained within a second.
const SMALL: [&str; 8] = ["--members", "2", "--epochs", "1", "--hidden", "2", "--output", "json"];

/// Series of 300 hours with a day.
fn history(series: usize) -> String {
    let mut text = String::from("series_id,timestamp,value\n");
    for name in 0..series {
        for hour in 0..300 {
            let value = 50 + 10 * name + 3 * (hour % 24) + hour * 7 % 5;
            writeln!(text, "s{name},{hour},{value}").expect("a text grows");
        }
    }
    text
}

/// Writes a history, and trains on it into a file beside it.
fn train(host: &Host, history: &str, out: &str, more: &[&str]) -> Finished {
    let (from, to) = (host.folder().join("history.csv"), host.folder().join(out));
    fs::write(&from, history).expect("written");
    let (from, to) = (from.to_string_lossy(), to.to_string_lossy());
    host.command(&[&["train", "--history", &from, "--out", &to], &SMALL[..], more].concat())
}

fn report(finished: &Finished) -> Value {
    assert_eq!(finished.code, Some(0), "{}", finished.errors);
    serde_json::from_str(&finished.output).expect("one document")
}

/// The numbers of a file of weights: what follows its header, which has the date.
fn numbers(file: &Path) -> Vec<u8> {
    let bytes = fs::read(file).expect("written");
    let (length, rest) = bytes.split_first_chunk().expect("a header");
    rest[usize::try_from(u64::from_le_bytes(*length)).expect("short")..].to_vec()
}

#[test]
fn the_same_seed_gives_the_same_weights_with_a_card_that_says_what_of() {
    let host = Setup::quick().prepare();
    let first = report(&train(&host, &history(5), "a.safetensors", &[]));
    let again = report(&train(&host, &history(5), "b.safetensors", &["--threads", "1"]));
    let other = report(&train(&host, &history(5), "c.safetensors", &["--seed", "2"]));
    let [a, b, c] = ["a", "b", "c"].map(|name| numbers(&host.folder().join(format!("{name}.safetensors"))));
    assert_eq!(a, b);
    assert_ne!(a, c);
    let card = &first["card"];
    assert_eq!((&card["data"]["series"], &card["data"]["values"]), (&5.into(), &(5 * 252).into()));
    assert_eq!(card["data"]["range"], serde_json::json!([50.0, 163.0]));
    assert_eq!((&card["data"]["source"], &card["shape"]["patch"]), (&"history.csv".into(), &24.into()));
    assert_eq!((card["levels"].as_array().map(Vec::len), card["seeds"].as_array().map(Vec::len)), (Some(11), Some(2)));
    assert!(card["date"].is_string() && card["hold_out"]["scores"]["mase"].is_f64(), "{card}");
    assert_eq!((&card["hold_out"]["values"], &card["hold_out"]["forecasts"]), (&48.into(), &5.into()));
    assert_eq!(card["data"]["digest"], again["card"]["data"]["digest"]);
    assert_ne!(card["seeds"], other["card"]["seeds"]);
}

#[test]
fn a_host_lends_the_plugin_what_was_trained() {
    let plugins = TempDir::with_prefix("forewarm-plugins-").expect("a temporary folder");
    for name in ["driver-simulated.wasm", "forecaster-lstm.wasm", "SHA256SUMS"] {
        fs::copy(plugins_dir().join(name), plugins.path().join(name)).expect("copied");
    }
    let mut host = Setup::quick().plugins(plugins.path()).prepare();
    let bytes = report(&train(&host, &history(3), "w.safetensors", &["--holdout", "0"]))["bytes"].clone();
    let file = host.folder().join("w.safetensors");
    let config = host.data().join("config.toml");
    let before = fs::read_to_string(&config).unwrap_or_default();
    let lent = format!("[plugins.settings.forecaster-lstm.assets]\nweights = \"{}\"\n", file.display());
    fs::write(&config, format!("{before}\n{lent}")).expect("written");
    host.start();
    let all = host.api().get("/v1/plugins").ok();
    let plugin = all.as_array().and_then(|all| all.iter().find(|one| one["name"] == "forecaster-lstm"));
    let plugin = plugin.unwrap_or_else(|| panic!("not loaded: {all}"));
    assert_eq!((&plugin["assets"][0]["name"], &plugin["assets"][0]["size"]), (&"weights".into(), &bytes), "{plugin}");
}

#[test]
fn what_can_not_be_trained_on_is_told() {
    let host = Setup::quick().prepare();
    let told = |history: &str, more: &[&str]| {
        let finished = train(&host, history, "w.safetensors", more);
        assert_eq!(finished.code, Some(2), "{}", finished.errors);
        finished.errors.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
    };
    let minutes = "z,2026-01-01T00:00:00Z,1\nz,2026-01-01T00:01:00Z,2\nz,2026-01-01T00:02:00Z,3\n";
    for (history, more, part) in [
        ("time,value\n1,2\n", &[][..], "series_id,timestamp,value"),
        ("series_id,timestamp,value\n", &[], "no rows"),
        ("series_id,timestamp,value\na,1,many\n", &[], "line 2, column `value`"),
        ("series_id,timestamp,value\na,1,2\na,2,3\n", &[], "no series has enough values"),
        (&format!("{}{minutes}", history(1)), &[], "train on series of one step"),
        (&history(1), &["--season", "1"], "`season` must be 2 to 10080, got 1"),
        (&history(1), &["--threads", "0"], "`threads` must be 1 to 64, got 0"),
    ] {
        let told = told(history, more);
        assert!(told.contains(part), "{part:?} is missing in {told:?}");
    }
    assert!(!host.folder().join("w.safetensors").exists());
    let folder = train(&host, &history(1), "", &[]);
    assert!(folder.code == Some(2) && folder.errors.contains("folder; name"), "{}", folder.errors);
}

#[test]
fn damaged_checkpoints_are_told_and_left_out_by_a_new_training() {
    let host = Setup::quick().prepare();
    let checkpoints = host.folder().join("w.safetensors.checkpoints");
    fs::create_dir(&checkpoints).expect("a folder of ours");
    fs::write(checkpoints.join("member-1.checkpoint"), "half").expect("written");
    let resumed = train(&host, &history(2), "w.safetensors", &["--resume"]);
    assert_eq!(resumed.code, Some(1), "{}", resumed.errors);
    assert!(resumed.errors.contains("member-1.checkpoint") && resumed.errors.contains("damaged"), "{}", resumed.errors);
    report(&train(&host, &history(2), "w.safetensors", &[]));
    assert!(!checkpoints.exists());
}
