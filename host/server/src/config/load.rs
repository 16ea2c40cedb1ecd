//! From defaults, file, environment and flags to one checked [`Config`]; the later of them wins.

use super::error::ConfigError;
use super::source::Place;
use super::{Config, Fault, Faults};
use figment::error::Kind;
use figment::providers::Serialized;
use figment::{Figment, Metadata};
use std::path::PathBuf;

/// Where a configuration is put together from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The TOML file; without it the environment variable `FOREWARM_CONFIG` may name one.
    pub file: Option<PathBuf>,
    /// The environment.
    pub environment: Vec<(String, String)>,
    /// Flags that set keys: the flag, the key, the value.
    pub flags: Vec<(&'static str, &'static str, String)>,
}

impl Sources {
    /// The file that was named, and the process' environment. Variables that are not text are left aside.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>) -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self { file, environment: std::env::vars_os().filter_map(text).collect(), flags: Vec::new() }
    }

    /// The same, and `flag` that sets `key` if it was given.
    #[must_use]
    pub fn with_flag(mut self, flag: &'static str, key: &'static str, value: Option<String>) -> Self {
        self.flags.extend(value.map(|value| (flag, key, value)));
        self
    }

    fn variable(&self, name: &str) -> Option<&str> {
        let found = self.environment.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
}

/// Puts a configuration together and checks all of it.
///
/// # Errors
/// [`ConfigError`] names the file, variable or flag, the key, and what would be right.
pub fn load(sources: &Sources) -> Result<Config, ConfigError> {
    let mut figment = Figment::from(Serialized::defaults(defaults(sources)));
    if let Some(path) = sources.file.clone().or_else(|| sources.variable("FOREWARM_CONFIG").map(PathBuf::from)) {
        let text = std::fs::read_to_string(&path).map_err(|cause| ConfigError::File { path: path.clone(), cause })?;
        figment = figment.merge(Place::toml(format!("file {}", path.display()), &text)?);
    }
    for (name, value) in &sources.environment {
        if let Some(place) = Place::variable(name, value) {
            figment = figment.merge(place);
        }
    }
    for (flag, key, value) in &sources.flags {
        figment = figment.merge(Place::flag(flag, key, value));
    }
    let mut config: Config = figment.extract().map_err(|error| translate(&error))?;
    if config.data_dir.as_os_str().is_empty() {
        return Err(ConfigError::NoHome);
    }
    config.plugins.installed_dir.get_or_insert_with(|| config.data_dir.join("plugins"));
    let faults = placed(&config.faults(), &figment);
    if faults.as_slice().is_empty() { Ok(config) } else { Err(ConfigError::OutOfRange(faults)) }
}

/// The defaults of this machine: both directories depend on it.
fn defaults(sources: &Sources) -> Config {
    let data = sources
        .variable("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|dir| dir.is_absolute())
        .or_else(|| sources.variable("HOME").map(|home| PathBuf::from(home).join(".local/share")))
        .map(|share| share.join("forewarm"));
    let beside = || Some(std::env::current_exe().ok()?.parent()?.join("plugins"));
    let plugins = sources.variable("FOREWARM_PLUGINS").map(PathBuf::from).or_else(beside);
    Config::new(data.unwrap_or_default(), plugins.unwrap_or_else(|| "plugins".into()))
}

/// The faults, each with the place that its value came from.
fn placed(faults: &Faults, figment: &Figment) -> Faults {
    let mut placed = Faults::default();
    for Fault { key, problem, help } in faults.as_slice() {
        let plain = key.split('[').next().unwrap_or(key);
        let place = place_of(figment.find_metadata(plain));
        placed.push(key, format!("{problem} ({place})"), help.clone());
    }
    placed
}

fn place_of(metadata: Option<&Metadata>) -> String {
    match metadata {
        Some(metadata) if metadata.name.contains("Serialized") || metadata.name.contains("Config") => "default".into(),
        Some(metadata) => metadata.name.clone().into_owned(),
        None => "the configuration".into(),
    }
}

fn translate(error: &figment::Error) -> ConfigError {
    let place = place_of(error.metadata.as_ref());
    let key = error.path.join(".");
    match &error.kind {
        Kind::UnknownField(field, known) => {
            let parent = error.path.split_last().filter(|(last, _)| *last == field).map_or(&error.path[..], |(_, p)| p);
            let full = |name: &str| parent.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join(".");
            ConfigError::UnknownKey {
                key: full(field),
                place,
                nearest: nearest(field, known).map(full),
                known: known.iter().map(|name| (*name).to_owned()).collect(),
            }
        }
        kind => ConfigError::Value { key, place, message: kind.to_string() },
    }
}

/// The name in `known` that is most like `wanted`, if any is like it at all.
fn nearest<'a>(wanted: &str, known: &[&'a str]) -> Option<&'a str> {
    let scored = known.iter().map(|name| (strsim::jaro_winkler(wanted, name), *name));
    scored.filter(|(score, _)| *score > 0.75).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(environment: &[(&str, &str)]) -> Sources {
        let mut sources = Sources::default();
        sources.environment.push(("HOME".into(), "/home/ann".into()));
        sources.environment.extend(environment.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        sources
    }

    fn with_file(text: &str, sources: Sources) -> Result<Config, String> {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("forewarm.toml");
        std::fs::write(&path, text).expect("written");
        let sources = Sources { file: Some(path), ..sources };
        load(&sources).map_err(|error| error.to_string().replace(&dir.path().display().to_string(), "DIR"))
    }

    #[test]
    fn the_later_source_wins() {
        let file = "[http]\nlisten = \"127.0.0.1:1\"\nbody_limit_kib = 1\nrequest_timeout_s = 1\n";
        let environment =
            sources(&[("FOREWARM__HTTP__LISTEN", "127.0.0.1:2"), ("FOREWARM__HTTP__BODY_LIMIT_KIB", "2")]);
        let sources = environment.with_flag("--listen", "http.listen", Some("127.0.0.1:3".into()));
        let config = with_file(file, sources).expect("valid");
        let http = &config.http;
        assert_eq!((http.listen.port(), http.body_limit_kib, http.request_timeout_s), (3, 2, 1));
        assert_eq!(config.data_dir, PathBuf::from("/home/ann/.local/share/forewarm"));
    }

    #[test]
    fn unknown_keys_name_their_place_and_the_nearest_key() {
        let error = with_file("[http]\nlisten_on = \"x\"\n", sources(&[])).expect_err("unknown");
        assert_eq!(error, "unknown key `http.listen_on` in file DIR/forewarm.toml: did you mean `http.listen`?");
        let error = load(&sources(&[("FOREWARM__PLANING__STEP_S", "1")])).expect_err("unknown").to_string();
        let place = "environment variable FOREWARM__PLANING__STEP_S";
        assert_eq!(error, format!("unknown key `planing` in {place}: did you mean `planning`?"));
    }

    #[test]
    fn wrong_types_and_broken_files_name_their_place() {
        let error = with_file("[planning]\nstep_s = \"often\"\n", sources(&[])).expect_err("type");
        assert!(error.starts_with("`planning.step_s` in file DIR/forewarm.toml: invalid type"), "{error}");
        let error = with_file("[planning]\nstep_s = = 3\n", sources(&[])).expect_err("syntax");
        assert!(error.starts_with("file DIR/forewarm.toml is not valid TOML") && error.contains("line 2"), "{error}");
        let error = load(&Sources { file: Some("/no/such".into()), ..sources(&[]) }).expect_err("missing");
        assert!(error.to_string().contains("/no/such"), "{error}");
    }

    #[test]
    fn values_out_of_range_are_told_together() {
        let environment = sources(&[("FOREWARM__PLANNING__STEP_S", "0"), ("FOREWARM__STORE__URL", "mysql://x")]);
        let error = load(&environment).expect_err("out of range").to_string();
        assert!(error.contains("store.url is `mysql://x` (environment variable FOREWARM__STORE__URL)"), "{error}");
        assert!(error.contains("planning.step_s is 0, out of range"), "{error}");
    }

    #[test]
    fn single_plugins_are_set_by_name() {
        let file = "[plugins.settings.driver-simulated]\ncapabilities = [\"state\"]\n\
                    [plugins.settings.driver-simulated.parameters]\nboot_s = 90\n";
        let config = with_file(file, sources(&[])).expect("valid");
        let settings = config.plugins.settings_of(&"driver-simulated".parse().expect("valid"));
        assert!(settings.enabled);
        assert_eq!(settings.parameters["boot_s"], 90);
        let error =
            with_file("[plugins.settings.a]\ncapabilities = [\"network\"]\n", sources(&[])).expect_err("unknown");
        assert!(error.contains("plugins.settings.a.capabilities names `network`"), "{error}");
    }

    #[test]
    fn without_a_home_the_data_directory_must_be_set() {
        assert!(matches!(load(&Sources::default()), Err(ConfigError::NoHome)));
        let sources = Sources::default().with_flag("--data-dir", "data_dir", Some("/data".into()));
        assert_eq!(load(&sources).expect("valid").data_dir, PathBuf::from("/data"));
    }
}
