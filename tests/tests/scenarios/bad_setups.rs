//! Hosts that are set up wrongly: those that can't run say what to mend, the others run and say what is missing.

use crate::{persona, text, warmed};
use forewarm_tests::{Setup, eventually, plugins_dir};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Command};
use tempfile::TempDir;

/// Starts a host that can't run, and gives what it says about it.
fn refused(setup: Setup, config: Option<&str>, code: i32) -> String {
    let host = setup.prepare();
    if let Some(config) = config {
        fs::write(host.data().join("config.toml"), config).expect("written");
    }
    let finished = host.up_to_the_end();
    assert_eq!(finished.code, Some(code), "{}", finished.errors);
    unbroken(&finished.errors)
}

/// Messages are broken to the terminal's width, with a rule at the side.
fn unbroken(message: &str) -> String {
    message.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

fn check(told: &str, parts: &[&str]) {
    for part in parts {
        assert!(told.contains(part), "{part:?} is missing in {told:?}");
    }
}

#[test]
fn configurations_that_cannot_be_meant_are_refused_by_key() {
    let told = |config| refused(Setup::plain(), Some(config), 2);
    check(&told("[planning]\nstep_z = 5\n"), &["planning.step_z", "planning.step_s", "config.toml"]);
    check(&told("[planing]\nstep_s = 5\n"), &["planing", "planning"]);
    check(&told("[planning]\nstep_s = \"often\"\n"), &["planning.step_s", "often"]);
    check(&told("[planning]\nstep_s = 0\n"), &["planning.step_s", "0", "1", "3600"]);
    check(
        &told("[plugins.settings.driver-simulated]\nquota = 2000000\n"),
        &["plugins.settings.driver-simulated.quota", "2000000", "1000000"],
    );
    check(&told("[planning\n"), &["config.toml"]);
    check(&refused(Setup::plain().set("http.listem", "127.0.0.1:0"), None, 2), &["http.listen"]);
    check(&refused(Setup::plain().args(["--database", "mysql://db/x"]), None, 2), &["store.url", "postgres://"]);
}

#[test]
fn a_port_in_use_and_a_second_host_are_told() {
    let first = Setup::quick().start();
    let port = first.api().base().rsplit(':').next().expect("a port").to_owned();
    let address = format!("127.0.0.1:{port}");
    check(&refused(Setup::quick().args(["--listen", &address]), None, 1), &[&address, "--listen"]);
    let second = first.clone_with([]);
    let finished = second.up_to_the_end();
    assert_eq!(finished.code, Some(1), "{}", finished.errors);
    check(&unbroken(&finished.errors), &["is in use by another host: stop that one"]);
    // Neither harmed the first one, whose note still leads to it.
    assert_eq!(first.api().get("/healthz").status, 200);
    let listed = first.command(&["persona", "list"]);
    assert_eq!(listed.code, Some(0), "{}", listed.errors);
}

/// A component's first bytes, and nothing in it.
const EMPTY_COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
/// A core module's first bytes.
const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// The plugins' folder with more files in it.
fn plugins_and(files: &[(&str, &[u8])]) -> TempDir {
    let folder = TempDir::with_prefix("forewarm-plugins-").expect("a temporary folder");
    for entry in fs::read_dir(plugins_dir()).expect("plugins").map(|entry| entry.expect("readable")) {
        fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
    }
    for (name, content) in files {
        fs::write(folder.path().join(name), content).expect("written");
    }
    folder
}

fn fault_of<'a>(plugins: &'a Value, file: &str) -> Option<&'a str> {
    let plugins = plugins.as_array().expect("a list");
    let found = plugins.iter().find(|one| one["file"] == file).unwrap_or_else(|| panic!("no {file} in {plugins:?}"));
    found["error"].as_str()
}

#[test]
fn files_that_are_no_plugins_are_reported_and_left_out() {
    let seasonal = fs::read(plugins_dir().join("forecaster-seasonal.wasm")).expect("a plugin");
    let broken = [
        ("text.wasm", b"this is no component".as_slice()),
        ("empty.wasm", b""),
        ("module.wasm", EMPTY_MODULE),
        ("bare.wasm", EMPTY_COMPONENT),
        ("half.wasm", &seasonal[..seasonal.len() / 2]),
        ("twice.wasm", &seasonal),
    ];
    let folder = plugins_and(&broken);
    fs::write(folder.path().join("notes.txt"), "not looked at").expect("written");
    let host = Setup::quick().set("plugins.allow_unsigned", true).plugins(folder.path()).start();
    let api = host.api();
    let plugins = api.get("/v1/plugins").json();
    let files = fs::read_dir(plugins_dir()).expect("a folder").flatten().map(|entry| entry.path());
    let sound = files.filter(|file| file.extension().is_some_and(|extension| extension == "wasm")).count();
    assert_eq!(plugins.as_array().expect("a list").len(), broken.len() + sound, "{plugins}");
    for (file, _) in broken {
        assert!(fault_of(&plugins, file).is_some_and(|fault| !fault.is_empty()), "{file}: {plugins}");
    }
    assert!(fault_of(&plugins, "twice.wasm").expect("told").contains("forecaster-seasonal"), "{plugins}");
    assert_eq!(fault_of(&plugins, "driver-simulated.wasm"), None);
    let problem = api.get("/readyz").problem(503, "unavailable");
    assert!(text(&problem["detail"]).contains("6 plugins could not be loaded"), "{problem}");
    let doctor = host.command(&["doctor"]);
    assert_eq!(doctor.code, Some(1), "{}", doctor.output);
    for (file, _) in broken {
        assert!(doctor.output.contains(file), "{file} is missing in\n{}", doctor.output);
    }
    api.apply(&persona("web", 2, 2));
    warmed(&api, "web", 2);
}

#[test]
fn without_its_forecaster_a_host_falls_back_to_the_reactive_rule() {
    let host = Setup::quick().parameter("forecaster-seasonal", "no_such_parameter", 1).start();
    let api = host.api();
    let plugins = api.get("/v1/plugins").json();
    check(fault_of(&plugins, "forecaster-seasonal.wasm").expect("it does not fit its schema"), &["no_such_parameter"]);
    api.get("/readyz").problem(503, "unavailable");
    api.apply(&persona("web", 1, 9));
    let plan = eventually("a plan by the reactive rule", || {
        api.measure("web", 35.0);
        let plan = api.get("/v1/personas/web/plan");
        let plan = (plan.status == 200).then(|| plan.json())?;
        // The first plans may still miss the load, not the forecaster.
        let names_it = text(&plan["reasons"][0]["detail"]).contains("forecaster-seasonal");
        (plan["wanted"].as_u64()? >= 4 && names_it).then_some(plan)
    });
    assert_eq!(plan["policy"], "reactive");
    assert_eq!(plan["reasons"][0]["code"], "no_forecast", "{plan}");
    eventually("instances by the reactive rule", || {
        api.measure("web", 35.0);
        (api.standing("web")["stock"]["warm"].as_u64()? >= 4).then_some(())
    });
}

#[test]
fn without_its_driver_a_host_promises_nothing_warm_and_stays_up() {
    let host = Setup::quick().parameter("driver-simulated", "boot_seconds", "soon").start();
    let api = host.api();
    check(fault_of(&api.get("/v1/plugins").json(), "driver-simulated.wasm").expect("told"), &["boot_seconds"]);
    api.apply(&persona("web", 1, 9));
    let claimed = api.post("/v1/personas/web/claims", &json!({}));
    assert_eq!((claimed.status, &claimed.json()["state"]), (202, &json!("waiting")), "{}", claimed.body);
    assert_eq!(api.get("/healthz").status, 200);
}

#[test]
fn a_plugin_folder_that_is_not_there_is_told() {
    check(
        &refused(Setup::quick().plugins(Path::new("/nonexistent/plugins")), None, 1),
        &["/nonexistent/plugins", "FOREWARM_PLUGINS"],
    );
}

#[test]
fn a_database_that_is_none_is_told() {
    let host = Setup::quick().prepare();
    fs::write(host.data().join("forewarm.db"), "this is no database, but long enough to be looked at".repeat(100))
        .expect("written");
    let finished = host.up_to_the_end();
    assert_eq!(finished.code, Some(1), "{}", finished.errors);
    assert!(finished.errors.contains("forewarm.db"), "{}", finished.errors);
}

/// A file system of one's own, for who may mount one.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount(kib: u32) -> Option<Self> {
        let folder = TempDir::with_prefix("forewarm-disk-").expect("a temporary folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"]).arg(folder.path());
        mount.output().is_ok_and(|output| output.status.success()).then(|| Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(self.0.path()).status());
    }
}

#[test]
fn a_full_disk_refuses_writes_and_is_overcome() {
    let Some(disk) = SmallDisk::mount(48 << 10) else {
        eprintln!("not tested: mounting a small file system is not allowed here");
        return;
    };
    let data = disk.0.path().join("data");
    fs::create_dir(&data).expect("room");
    let mut host = Setup::quick().start_in(&data);
    let api = host.api();
    api.apply(&persona("web", 3, 6));
    warmed(&api, "web", 3);
    let claimed = api.post("/v1/personas/web/claims", &json!({})).json();

    let ballast = disk.0.path().join("ballast");
    drop(fs::write(&ballast, vec![1; 64 << 20]));
    // SQLite's log has room of its own for a while.
    let refused = eventually("a write to be refused", || {
        let answer = api.post("/v1/personas/web/claims", &json!({"lifetime_s": 1}));
        (answer.status >= 400 && answer.status != 429).then_some(answer)
    });
    refused.problem(503, "unavailable");
    assert_eq!(api.get("/healthz").status, 200);
    assert_eq!(api.get(&format!("/v1/claims/{}", text(&claimed["id"]))).json()["state"], "served");

    fs::remove_file(&ballast).expect("it is there");
    eventually("writes to be taken again", || {
        let answer = api.post("/v1/personas/web/claims", &json!({"lifetime_s": 1}));
        (answer.status < 300).then_some(())
    });
    host.start();
    let api = host.api();
    assert_eq!(api.get(&format!("/v1/claims/{}", text(&claimed["id"]))).json()["state"], "served");
    host.stop();
}
