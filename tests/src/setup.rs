//! How a host of a test is set up: settings, plugins, arguments.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{components, environment, host::Host, keeper, trial::Trial};

/// Settings of a host; [`start`](Self::start) runs one with a data folder of its own.
#[derive(Debug, Clone)]
pub struct Setup {
    settings: BTreeMap<String, Value>,
    parameters: BTreeMap<String, BTreeMap<String, Value>>,
    quotas: BTreeMap<String, u32>,
    args: Vec<String>,
    plugins: PathBuf,
    /// What the host looks at, where it is tried.
    trial: Option<PathBuf>,
}

impl Setup {
    /// The host's own defaults.
    #[must_use]
    pub fn plain() -> Self {
        let settings = [("log.level".into(), "warn,forewarm_server=info".into())];
        Self {
            settings: settings.into(),
            parameters: BTreeMap::new(),
            quotas: BTreeMap::new(),
            args: Vec::new(),
            plugins: environment::plugins_dir(),
            trial: None,
        }
    }

    /// Plans every second; instances boot in half a second and are wiped as fast.
    #[must_use]
    pub fn quick() -> Self {
        Self::plain()
            .set("planning.step_s", 1)
            .set("planning.metric_lag_s", 0)
            .set("planning.assumed_boot_s", 1)
            .parameter("driver-simulated", "boot_seconds", 0.5)
            .parameter("driver-simulated", "reset_seconds", 0.5)
            .parameter("driver-simulated", "park_seconds", 0.3)
            .parameter("driver-simulated", "start_seconds", 0.3)
            .parameter("driver-simulated", "specialise_seconds", 0.3)
    }

    /// Sets a key of the configuration, such as `planning.step_s`.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.settings.insert(key.to_owned(), value.into());
        self
    }

    /// Sets a parameter of a plugin.
    #[must_use]
    pub fn parameter(mut self, plugin: &str, name: &str, value: impl Into<Value>) -> Self {
        self.parameters.entry(plugin.to_owned()).or_default().insert(name.to_owned(), value.into());
        self
    }

    /// Sets how many instances a driver may have at a time.
    #[must_use]
    pub fn quota(mut self, driver: &str, most: u32) -> Self {
        self.quotas.insert(driver.to_owned(), most);
        self
    }

    /// Adds arguments of `forewarm up`.
    #[must_use]
    pub fn args<'a>(mut self, args: impl IntoIterator<Item = &'a str>) -> Self {
        self.args.extend(args.into_iter().map(str::to_owned));
        self
    }

    /// Runs the program that is tried, steered by `trial`.
    #[must_use]
    pub fn tried(mut self, trial: &Trial) -> Self {
        self.trial = Some(trial.folder().to_owned());
        self
    }

    /// Takes the plugins from another folder.
    #[must_use]
    pub fn plugins(mut self, folder: &Path) -> Self {
        folder.clone_into(&mut self.plugins);
        self
    }

    /// Runs a host and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn start(self) -> Host {
        let mut host = Host::new(self);
        host.start();
        host
    }

    /// Runs a host on the data of another one that has ended, and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn start_in(self, data: &Path) -> Host {
        let mut host = Host::in_folder(self, data);
        host.start();
        host
    }

    /// Makes a data folder for a host that is started later.
    #[must_use]
    pub fn prepare(self) -> Host {
        Host::new(self)
    }

    /// Fills a new data folder.
    pub(crate) fn lay_out(&self, data: &Path) {
        components::give(data);
        let mut config = String::new();
        for (driver, most) in &self.quotas {
            let _ = writeln!(config, "[plugins.settings.{driver}]\nquota = {most}");
        }
        for (plugin, parameters) in &self.parameters {
            let _ = writeln!(config, "[plugins.settings.{plugin}.parameters]");
            for (name, value) in parameters {
                let _ = writeln!(config, "{name} = {}", toml(value));
            }
        }
        fs::write(data.join("config.toml"), config).expect("a folder of ours");
    }

    /// `forewarm ARGS` in this set-up, tied to the life of the test.
    pub(crate) fn command(&self, data: &Path, args: &[&str]) -> Command {
        let program = self.trial.as_ref().map_or_else(environment::forewarm, |_| environment::forewarm_tried());
        let mut command = keeper::tied(program, None);
        if let Some(trial) = &self.trial {
            command.env("FOREWARM_TRIED", trial);
        }
        command.args(args).arg("--data-dir").arg(data).arg("--config").arg(data.join("config.toml"));
        for name in ["FOREWARM_CONFIG", "FOREWARM_URL", "FOREWARM_TOKEN"] {
            command.env_remove(name);
        }
        command.env("FOREWARM_PLUGINS", &self.plugins);
        for (key, value) in &self.settings {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            command.env(format!("FOREWARM__{}", key.replace('.', "__").to_uppercase()), text);
        }
        command
    }

    /// `forewarm up` on a port that the system chooses, unless the arguments name one.
    pub(crate) fn up(&self, data: &Path) -> Command {
        let mut args = vec!["up"];
        if !self.args.iter().any(|arg| arg == "--listen") {
            args.extend(["--listen", "127.0.0.1:0"]);
        }
        args.extend(self.args.iter().map(String::as_str));
        self.command(data, &args)
    }
}

/// Numbers, texts and flags are written alike in TOML and in JSON, objects are not.
fn toml(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{name} = {}", toml(value)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
