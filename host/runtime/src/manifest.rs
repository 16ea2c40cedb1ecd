//! What a plugin says about itself: one JSON object in the custom section `forewarm:manifest`.

use crate::assets::{ASSETS_MAX, is_name};
use crate::config::{Capability, WantedLimits};
use crate::convert::MAX_TEXT;
use crate::error::LoadError;
use crate::failure::clean;
use crate::inspect::Inspection;
use forewarm_domain::id::PluginName;
use forewarm_domain::plugin::PluginKind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a plugin says about itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Manifest {
    /// Its name.
    pub name: PluginName,
    /// Its own version.
    pub version: String,
    /// What it is for.
    pub kind: PluginKind,
    /// What it does, in a sentence.
    pub summary: String,
    /// A JSON Schema of its parameters.
    pub parameters: serde_json::Value,
    /// What it needs beyond what every plugin has.
    pub capabilities: BTreeSet<Capability>,
    /// The names of the files that it reads, with the capability `assets`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assets: Vec<String>,
    /// What it wants to use at most.
    pub limits: WantedLimits,
}

/// The section as it is written. Unknown keys are ignored, so that a newer SDK's manifest can be read.
#[derive(Deserialize)]
struct Written {
    name: PluginName,
    version: String,
    kind: PluginKind,
    #[serde(default)]
    summary: String,
    #[serde(default = "anything")]
    parameters: serde_json::Value,
    #[serde(default)]
    capabilities: Vec<String>,
    #[serde(default)]
    assets: Vec<String>,
    #[serde(default)]
    limits: WantedLimits,
}

fn anything() -> serde_json::Value {
    serde_json::json!({ "type": "object" })
}

impl Manifest {
    /// Reads the manifest of a component, wherever in it the section lies.
    ///
    /// # Errors
    /// [`LoadError`] when this is no component, or its manifest is missing or malformed.
    pub fn read(component: &[u8]) -> Result<Self, LoadError> {
        Self::of(&Inspection::read(component)?)
    }

    pub(crate) fn of(inspection: &Inspection) -> Result<Self, LoadError> {
        let text = inspection.manifest.as_deref().ok_or(LoadError::NoManifest)?;
        let written: Written = serde_json::from_slice(text).map_err(|error| LoadError::Manifest(error.to_string()))?;
        let printable = written.version.bytes().all(|byte| byte.is_ascii_graphic());
        if !(1..=100).contains(&written.version.len()) || !printable {
            return Err(LoadError::Manifest("`version` must be 1 to 100 printable ASCII characters".into()));
        }
        let capabilities = written.capabilities.iter().map(|name| capability(name)).collect::<Result<_, _>>()?;
        let Written { name, version, kind, summary, parameters, assets, limits, .. } = written;
        let summary = clean(&summary, MAX_TEXT);
        let manifest = Self { name, version, kind, summary, parameters, capabilities, assets, limits };
        manifest.check_capabilities()?.check_assets()
    }

    /// All but files are for drivers alone.
    fn check_capabilities(self) -> Result<Self, LoadError> {
        let for_drivers = |capability: &&Capability| **capability != Capability::Assets;
        match self.capabilities.iter().find(for_drivers) {
            Some(capability) if self.kind != PluginKind::Driver => {
                Err(LoadError::WrongCapability { capability: *capability, kind: self.kind })
            }
            _ => Ok(self),
        }
    }

    /// Names and capability come together.
    fn check_assets(self) -> Result<Self, LoadError> {
        let fault = |text: String| Err(LoadError::Manifest(text));
        if let Some(name) = self.assets.iter().find(|name| !is_name(name)) {
            let shown: String = name.chars().take(80).collect();
            return fault(format!(
                "`assets`: a name has 1 to 64 lower-case letters, digits and hyphens, got `{shown}`"
            ));
        }
        if self.assets.len() > ASSETS_MAX {
            return fault(format!("`assets`: {} names, at most {ASSETS_MAX} are taken", self.assets.len()));
        }
        if self.assets.is_empty() == self.capabilities.contains(&Capability::Assets) {
            return fault("`assets` names files exactly where `capabilities` has `assets`".to_owned());
        }
        Ok(self)
    }
}

fn capability(name: &str) -> Result<Capability, LoadError> {
    let known = Capability::ALL.into_iter().find(|capability| capability.as_str() == name);
    known.ok_or_else(|| LoadError::UnknownCapability(name.chars().take(80).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> Result<Manifest, LoadError> {
        Manifest::of(&Inspection { manifest: Some(json.into()), ..Inspection::default() })
    }

    #[test]
    fn a_full_manifest_is_read() {
        let manifest = check(
            r#"{"name":"driver-x","version":"1.2.0","kind":"driver","summary":"Drives x.","future":1,
                "parameters":{"type":"object"},"capabilities":["state"],"limits":{"memory_mib":64,"call_ms":500}}"#,
        )
        .expect("valid");
        assert_eq!((manifest.name.as_str(), manifest.kind), ("driver-x", PluginKind::Driver));
        assert_eq!(manifest.capabilities, BTreeSet::from([Capability::State]));
        assert_eq!((manifest.limits.memory_mib, manifest.limits.log_kib), (Some(64), None));
    }

    #[test]
    fn files_are_named_with_their_capability() {
        let of = |rest: &str| check(&format!(r#"{{"name":"x","version":"1","kind":"forecaster",{rest}}}"#));
        let manifest = of(r#""capabilities":["assets"],"assets":["weights"]"#).expect("valid");
        assert_eq!(manifest.assets, ["weights"]);
        for (rest, part) in [
            (r#""capabilities":["assets"]"#, "exactly where"),
            (r#""assets":["weights"]"#, "exactly where"),
            (r#""capabilities":["assets"],"assets":["../x"]"#, "`../x`"),
        ] {
            assert!(of(rest).is_err_and(|error| error.to_string().contains(part)), "{rest}");
        }
        let many = vec!["\"a\""; 17].join(",");
        assert!(of(&format!(r#""capabilities":["assets"],"assets":[{many}]"#)).is_err());
    }

    #[test]
    fn faults_are_named() {
        let unknown = r#"{"name":"x","version":"1","kind":"driver","capabilities":["root"]}"#;
        assert_eq!(check(unknown), Err(LoadError::UnknownCapability("root".into())));
        let wrong = r#"{"name":"x","version":"1","kind":"profiler","capabilities":["state"]}"#;
        assert!(matches!(check(wrong), Err(LoadError::WrongCapability { .. })));
        for bad in
            ["", "{}", r#"{"name":"X","version":"1","kind":"driver"}"#, r#"{"name":"x","version":"1","kind":"x"}"#]
        {
            assert!(matches!(check(bad), Err(LoadError::Manifest(_))), "{bad}");
        }
        assert_eq!(Manifest::of(&Inspection::default()), Err(LoadError::NoManifest));
    }
}
