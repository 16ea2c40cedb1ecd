//! Where this workspace and its build folder are, and which plugins it holds; as cargo sees them.

use std::{
    env,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    failure::{Failure, Result},
    process,
};

/// The workspace that contains the current folder.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Cargo's build folder: CARGO_TARGET_DIR or `target`.
    pub(crate) target: PathBuf,
    /// Package names of all folders in `plugins/`, sorted.
    pub(crate) plugins: Vec<String>,
    /// Package names of all folders in `tests/guests/`, sorted: components that tests load, and no host.
    pub(crate) guests: Vec<String>,
}

impl Workspace {
    pub(crate) fn load() -> Result<Self> {
        let here = env::current_dir().map_err(|error| Failure::io("find", Path::new("."), &error))?;
        let text = process::read(process::cargo(&here).args(["metadata", "--no-deps", "--format-version", "1"]))?;
        Self::parse(&text).ok_or_else(|| Failure::said("cargo metadata answered in an unknown form"))
    }

    /// Where the host looks for plugins in a checkout.
    pub(crate) fn plugins_folder(&self) -> PathBuf {
        self.target.join("plugins")
    }

    /// Where tests find the components that only they load.
    pub(crate) fn guests_folder(&self) -> PathBuf {
        self.target.join("guests")
    }

    /// The host's program, once it is built for the everyday loop.
    pub(crate) fn forewarm(&self) -> PathBuf {
        self.target.join("debug/forewarm")
    }

    fn parse(metadata: &str) -> Option<Self> {
        let metadata: Value = serde_json::from_str(metadata).ok()?;
        let path = |key: &str| metadata.get(key)?.as_str().map(PathBuf::from);
        let root = path("workspace_root")?;
        let (mut plugins, mut guests) = (Vec::new(), Vec::new());
        for package in metadata.get("packages")?.as_array()? {
            let manifest = Path::new(package.get("manifest_path")?.as_str()?);
            for (folder, names) in [("plugins", &mut plugins), ("tests/guests", &mut guests)] {
                if manifest.starts_with(root.join(folder)) {
                    names.push(package.get("name")?.as_str()?.to_owned());
                }
            }
        }
        plugins.sort();
        guests.sort();
        Some(Self { target: path("target_directory")?, root, plugins, guests })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_plugins_and_nothing_else() {
        let workspace = Workspace::parse(
            r#"{"workspace_root": "/w", "target_directory": "/t", "packages": [
                {"name": "z-plugin", "manifest_path": "/w/plugins/z/Cargo.toml"},
                {"name": "a-plugin", "manifest_path": "/w/plugins/a/Cargo.toml"},
                {"name": "wrong", "manifest_path": "/w/tests/guests/wrong/Cargo.toml"},
                {"name": "host", "manifest_path": "/w/host/server/Cargo.toml"}]}"#,
        )
        .expect("a known form");
        assert_eq!(workspace.plugins, ["a-plugin", "z-plugin"]);
        assert_eq!(
            (workspace.guests.as_slice(), workspace.guests_folder()),
            (&["wrong".to_owned()][..], "/t/guests".into())
        );
        assert_eq!(workspace.plugins_folder(), Path::new("/t/plugins"));
    }

    #[test]
    fn refuses_another_form() {
        assert!(Workspace::parse(r#"{"workspace_root": "/w"}"#).is_none());
    }
}
