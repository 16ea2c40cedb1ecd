//! One version of one plugin, as `NAME@VERSION`: what a manifest says, what is installed, what is removed.

use forewarm_domain::id::PluginName;
use forewarm_runtime::Manifest;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The longest version.
const MAX_VERSION_BYTES: usize = 100;

/// A plugin's version, fit to be part of a file's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(String);

/// One version of one plugin.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Release {
    /// The plugin.
    pub name: PluginName,
    /// Its version.
    pub version: Version,
}

/// One plugin, in one version or in all of them: `NAME` or `NAME@VERSION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The plugin.
    pub name: PluginName,
    /// The version; without it, all of them.
    pub version: Option<Version>,
}

/// Why a text names no version of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRelease {
    /// The name is none.
    #[error(transparent)]
    Name(#[from] forewarm_domain::id::InvalidName),
    /// The version is none.
    #[error("`{0}` is no version: use 1 to 100 letters, digits and . + - _, beginning with a letter or digit")]
    Version(String),
    /// There is no version.
    #[error("`{0}` has no version: use NAME@VERSION")]
    NoVersion(String),
}

impl Version {
    /// The version as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Version {
    type Err = InvalidRelease;
    fn from_str(text: &str) -> Result<Self, InvalidRelease> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b".+-_".contains(&b);
        let fits = (1..=MAX_VERSION_BYTES).contains(&text.len())
            && text.bytes().all(plain)
            && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidRelease::Version(text.chars().take(80).collect())) }
    }
}

impl TryFrom<String> for Version {
    type Error = InvalidRelease;
    fn try_from(text: String) -> Result<Self, InvalidRelease> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Release {
    /// What a manifest says.
    ///
    /// # Errors
    /// [`InvalidRelease`] when its version can't be part of a file's name.
    pub fn of(manifest: &Manifest) -> Result<Self, InvalidRelease> {
        Ok(Self { name: manifest.name.clone(), version: manifest.version.parse()? })
    }
}

impl Selection {
    /// Whether `release` is meant.
    #[must_use]
    pub fn includes(&self, release: &Release) -> bool {
        self.name == release.name && self.version.as_ref().is_none_or(|version| *version == release.version)
    }
}

impl FromStr for Release {
    type Err = InvalidRelease;
    fn from_str(text: &str) -> Result<Self, InvalidRelease> {
        let (name, version) = text.split_once('@').ok_or_else(|| InvalidRelease::NoVersion(text.to_owned()))?;
        Ok(Self { name: name.parse()?, version: version.parse()? })
    }
}

impl FromStr for Selection {
    type Err = InvalidRelease;
    fn from_str(text: &str) -> Result<Self, InvalidRelease> {
        match text.split_once('@') {
            Some((name, version)) => Ok(Self { name: name.parse()?, version: Some(version.parse()?) }),
            None => Ok(Self { name: text.parse()?, version: None }),
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{}@{version}", self.name),
            None => write!(f, "{}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_a_name_and_a_version() {
        let release: Release = "a-1@1.2.0+build_5-rc.1".parse().expect("valid");
        assert_eq!((release.name.as_str(), release.version.as_str()), ("a-1", "1.2.0+build_5-rc.1"));
        assert_eq!(release.to_string(), "a-1@1.2.0+build_5-rc.1");
        for bad in
            ["a", "a@", "@1", "a@../x", "a@.1", "a@1/2", "A@1", "a@1@2", "a@1 2", &format!("a@{}", "1".repeat(101))]
        {
            assert!(bad.parse::<Release>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_selection_is_one_version_or_all() {
        let release = |text: &str| text.parse::<Release>().expect("valid");
        let all: Selection = "a".parse().expect("valid");
        let one: Selection = "a@2".parse().expect("valid");
        assert!(all.includes(&release("a@1")) && all.includes(&release("a@2")) && !all.includes(&release("b@1")));
        assert!(one.includes(&release("a@2")) && !one.includes(&release("a@1")));
    }
}
