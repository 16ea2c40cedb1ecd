//! Measurements in the release profile.

pub(crate) mod market;

use std::path::{self, Path, PathBuf};
use std::process::Command;

use crate::{
    failure::{Failure, Result},
    plugins, process, setup,
    workspace::Workspace,
};

/// Runs the measuring program against the release build of `forewarm`, with the same servers as the tests.
pub(crate) fn host(workspace: &Workspace, json: Option<PathBuf>) -> Result<()> {
    let tests = setup::tests(workspace)?;
    process::run(process::cargo(&workspace.root).args(["build", "--release", "-p", "forewarm-server"]))?;
    let mut driver = process::cargo(&workspace.root);
    driver.args(["run", "--release", "-p", "forewarm-tests", "--example", "bench-host", "--"]);
    json_argument(&mut driver, json)?;
    tests.apply(&mut driver);
    // Tests drive the everyday build; figures are those of the release.
    driver.env("FOREWARM_BIN", workspace.target.join("release/forewarm"));
    process::become_program(&mut driver)
}

/// Runs the measuring program of the plugin runtime. Program and guests are a workspace of their own, since what they
/// compare with brings another version of wasmtime; its build folder lies inside ours.
pub(crate) fn runtime(workspace: &Workspace, json: Option<PathBuf>) -> Result<()> {
    let guest = setup::wasm::provide(workspace)?;
    let platform = setup::platform(workspace)?;
    let (folder, target) = (workspace.root.join("benches/runtime"), workspace.target.join("bench-runtime"));
    let guests = |verb: &[&str]| {
        let mut cargo = plugins::guest_cargo(&folder, &guest);
        cargo.args(verb).args(["--profile", "plugin", "--target", &guest.target]).env("CARGO_TARGET_DIR", &target);
        cargo
    };
    let components = ["-p", "bench-forecaster", "-p", "bench-spinner"];
    process::build(guests(&["build"]).args(components), "building the guests that are measured")?;
    // Extism takes core modules: the linker is told to stop before it makes a component.
    let mut module = guests(&["rustc"]);
    module.args(["-p", "bench-extism", "--", "-Clink-arg=--skip-wit-component"]);
    process::build(&mut module, "building Extism's guest")?;
    let mut cargo = process::cargo(&folder);
    cargo.args(["run", "--release", "--"]).env("CARGO_TARGET_DIR", &target);
    cargo.arg("--guests").arg(target.join(&guest.target).join("plugin"));
    json_argument(&mut cargo, json)?;
    platform.apply(&mut cargo);
    process::become_program(&mut cargo)
}

/// Runs the measuring program of the anomaly detector against the component that a host would load.
pub(crate) fn anomalies(workspace: &Workspace, json: Option<PathBuf>) -> Result<()> {
    plugin_bench(workspace, "bench-anomalies", &workspace.plugins_folder().join("anomaly-robust.wasm"), json)
}

/// Runs the measuring program of the forecasters against the components that a host would load.
pub(crate) fn forecast(workspace: &Workspace, json: Option<PathBuf>) -> Result<()> {
    plugin_bench(workspace, "bench-forecast", &workspace.plugins_folder(), json)
}

/// Runs the measuring program of planning, beside the release build of `forewarm`, which simulates the month.
pub(crate) fn plan(workspace: &Workspace, json: Option<PathBuf>) -> Result<()> {
    let guest = setup::wasm::provide(workspace)?;
    plugins::build(workspace, &guest)?;
    let platform = setup::platform(workspace)?;
    process::run(process::cargo(&workspace.root).args(["build", "--release", "-p", "forewarm-server"]))?;
    let mut cargo = process::cargo(&workspace.root);
    cargo.args(["run", "--release", "-p", "forewarm-simulator", "--example", "bench-plan", "--"]);
    cargo.arg(workspace.plugins_folder());
    json_argument(&mut cargo, json)?;
    platform.apply(&mut cargo);
    cargo.env("FOREWARM_BIN", workspace.target.join("release/forewarm"));
    process::become_program(&mut cargo)
}

fn plugin_bench(workspace: &Workspace, example: &str, plugins: &Path, json: Option<PathBuf>) -> Result<()> {
    let guest = setup::wasm::provide(workspace)?;
    plugins::build(workspace, &guest)?;
    let platform = setup::platform(workspace)?;
    let mut cargo = process::cargo(&workspace.root);
    cargo.args(["run", "--release", "-p", "forewarm-testkit", "--example", example, "--"]).arg(plugins);
    json_argument(&mut cargo, json)?;
    platform.apply(&mut cargo);
    process::become_program(&mut cargo)
}

/// The program does not run where the reader stands.
fn json_argument(command: &mut Command, json: Option<PathBuf>) -> Result<()> {
    if let Some(file) = json {
        let file = path::absolute(&file).map_err(|error| Failure::io("find", &file, &error))?;
        command.arg("--json").arg(file);
    }
    Ok(())
}
