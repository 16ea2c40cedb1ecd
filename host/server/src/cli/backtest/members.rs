//! The members of a backtest: forecasters of the host's plugin folder, loaded with what the operator grants them.

use crate::app::sandbox;
use crate::cli::error::CliError;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::plugins;
use crate::replay::components_dir;
use forewarm_domain::forecast::Fan;
use forewarm_domain::plugin::{PluginError, PluginKind};
use forewarm_domain::series::Series;
use forewarm_runtime::{ComputeThread, Forecaster, Manifest, MemoryState, Model, Plugin, Runtime};
use serde_json::{Map, Value};
use std::path::Path;
use std::sync::Arc;

/// The beginning of a forecaster's name that may be left out.
const PREFIX: &str = "forecaster-";
/// Stands for those that a host would combine: `planning.day_forecasters`.
const ALL: &str = "all";
/// The parameter that day-clock forecasters take.
const SEASONS: &str = "season_lengths";

/// See the module's description.
pub(in crate::cli) struct Members {
    pub(in crate::cli) runtime: Runtime,
    pub(in crate::cli) all: Arc<Vec<Member>>,
    threads: usize,
}

/// One forecaster and what it is fitted with.
pub(in crate::cli) struct Member {
    pub(in crate::cli) name: String,
    pub(in crate::cli) version: String,
    forecaster: Forecaster,
    parameters: Value,
}

impl Member {
    /// Fits a model that is then told what follows.
    pub(in crate::cli) fn fit(&self, thread: &ComputeThread, mut history: Series) -> Result<Model, PluginError> {
        let most = self.forecaster.description().max_history as usize;
        let surplus = history.values.len().saturating_sub(most);
        history.values.drain(..surplus);
        history.start = history.start + history.step_ms * surplus as i64;
        self.forecaster.fit_on(thread, history, &self.parameters)
    }

    /// Fits the history and forecasts what follows, in a fresh instance.
    pub(in crate::cli) fn ask(
        &self,
        thread: &ComputeThread,
        history: Series,
        horizon: usize,
        levels: &[f64],
    ) -> Result<Fan, PluginError> {
        let (end, step_ms) = (history.end(), history.step_ms);
        let mut model = self.forecaster.fit_on(thread, history, &self.parameters)?;
        model.step_on(thread, &[], end, step_ms, horizon as u32, levels)
    }
}

impl Members {
    /// Series that are worked on at a time.
    pub(in crate::cli) fn threads(&self) -> usize {
        self.threads
    }

    /// Whether all of them reach this far.
    pub(in crate::cli) fn check_horizon(&self, horizon: usize) -> Result<(), CliError> {
        let short = self.all.iter().find(|member| (member.forecaster.description().max_horizon as usize) < horizon);
        short.map_or(Ok(()), |member| {
            let most = member.forecaster.description().max_horizon;
            Err(CliError::Usage(format!(
                "{} predicts up to {most} steps: lower --horizon, or leave it out",
                member.name
            )))
        })
    }
}

/// Loads what is meant by `wanted`.
pub(in crate::cli) async fn load(config: &Config, wanted: &[String], seasons: &[usize]) -> Result<Members, CliError> {
    let failed = |error: String| CliError::Failed(error);
    let sandbox = sandbox(config, Some(components_dir(&config.data_dir))).map_err(|error| failed(error.to_string()))?;
    let runtime = Runtime::new(sandbox, Arc::new(SystemClock), Arc::new(MemoryState::new()));
    let runtime = runtime.map_err(|error| failed(error.to_string()))?;
    let files = plugins::files(&config.plugins).map_err(|error| failed(error.to_string()))?;
    let (mut all, mut there) = (Vec::new(), Vec::new());
    let all_wanted = wanted.iter().any(|wanted| wanted == ALL);
    for file in files {
        let Ok(manifest) = manifest(&file) else { continue };
        if manifest.kind != PluginKind::Forecaster {
            continue;
        }
        let name = manifest.name.to_string();
        let named = wanted.iter().any(|wanted| is(&name, wanted));
        there.push(name.clone());
        let combined = all_wanted && config.planning.day_forecasters.contains(&manifest.name);
        if !named && !combined {
            continue;
        }
        let why = match plugins::load(&file, &config.plugins, &runtime).await {
            Ok(Some(Plugin::Forecaster(forecaster))) => {
                all.push(member(forecaster, config, &manifest, seasons));
                continue;
            }
            Ok(_) => "the configuration disables it".to_owned(),
            Err(why) => why,
        };
        let why = format!("{} can't be used: {why}", file.display());
        if named {
            return Err(CliError::Usage(why));
        }
        eprintln!("left out: {why}");
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    check_names(wanted, &there, &config.plugins.dir)?;
    if all.is_empty() {
        let dir = config.plugins.dir.display();
        let what = format!("{dir} has none of `planning.day_forecasters`");
        return Err(CliError::Usage(format!("{what}: name forecasters that are there with --models")));
    }
    Ok(Members { runtime, all: Arc::new(all), threads: plugins::compute_threads(&config.plugins) })
}

/// Every name has to be there, and the error tells which ones are.
fn check_names(wanted: &[String], there: &[String], dir: &Path) -> Result<(), CliError> {
    let unknown = wanted.iter().find(|wanted| *wanted != ALL && !there.iter().any(|name| is(name, wanted)));
    unknown.map_or(Ok(()), |unknown| {
        let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        let dir = dir.display();
        Err(CliError::Usage(format!("no forecaster is called `{unknown}`; in {dir} there are: {there}")))
    })
}

fn manifest(file: &Path) -> Result<Manifest, String> {
    let component = std::fs::read(file).map_err(|error| error.to_string())?;
    Manifest::read(&component).map_err(|error| error.to_string())
}

fn is(name: &str, wanted: &str) -> bool {
    name == wanted || name.strip_prefix(PREFIX) == Some(wanted)
}

/// A forecaster with its operator's parameters, and the seasons where it takes them.
fn member(forecaster: Forecaster, config: &Config, manifest: &Manifest, seasons: &[usize]) -> Member {
    let own: Map<String, Value> = config.plugins.settings_of(&manifest.name).parameters;
    let mut with = own.clone();
    with.insert(SEASONS.to_owned(), seasons.into());
    let (with, own) = (Value::Object(with), Value::Object(own));
    let parameters = if forecaster.check_parameters(&with).is_ok() { with } else { own };
    Member { name: manifest.name.to_string(), version: manifest.version.clone(), forecaster, parameters }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_be_short_and_unknown_ones_are_told() {
        assert!(
            is("forecaster-theta", "theta") && is("forecaster-theta", "forecaster-theta") && !is("theta2", "theta")
        );
        let there = ["forecaster-ets".to_owned(), "forecaster-theta".to_owned()];
        assert!(check_names(&["all".to_owned(), "ets".to_owned()], &there, Path::new("p")).is_ok());
        let told = check_names(&["prophet".to_owned()], &there, Path::new("p")).expect_err("unknown").to_string();
        assert_eq!(told, "no forecaster is called `prophet`; in p there are: forecaster-ets, forecaster-theta");
    }
}
