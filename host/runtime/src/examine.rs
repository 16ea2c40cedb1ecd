//! All that can be told of a component without compiling or running it: every fault at once, each with what would be
//! right. [`Runtime::load`](crate::Runtime::load) stops at the first; an author wants them all.

use crate::config::{Capability, Grant, Limits, RuntimeConfig, WantedLimits};
use crate::error::LoadError;
use crate::inspect::Inspection;
use crate::load::{check_assets, check_bytes, check_exports, check_import};
use crate::manifest::Manifest;
use crate::parameters::Schema;
use forewarm_domain::id::PluginName;
use forewarm_domain::plugin::PluginKind;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The keys of a manifest.
const KEYS: [&str; 8] = ["name", "version", "kind", "summary", "parameters", "capabilities", "assets", "limits"];

/// What an import asks of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "of")]
pub enum Need {
    /// Every plugin has it.
    Nothing,
    /// This capability, in the manifest and in the grant.
    Capability(Capability),
    /// No grant of this host offers it.
    Refused,
}

/// One import of a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Import {
    /// Its name, such as `forewarm:plugin/host@0.1.0`.
    pub name: String,
    /// What it asks of the host.
    pub needs: Need,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Examination {
    /// The component's imports.
    pub imports: Vec<Import>,
    /// The component's exports.
    pub exports: Vec<String>,
    /// Its manifest, where it can be read.
    pub manifest: Option<Manifest>,
    /// Everything that keeps it from being loaded under the grant.
    pub faults: Vec<LoadError>,
    /// What would be loaded, but hardly be meant.
    pub hints: Vec<String>,
}

impl Examination {
    /// Examines a component under a grant; the runtime's figures are the defaults.
    #[must_use]
    pub fn of(component: &[u8], grant: &Grant) -> Self {
        let mut seen = Self::default();
        let config = RuntimeConfig::default();
        seen.keep(check_bytes(component, config.max_component_bytes));
        if seen.faults.contains(&LoadError::Precompiled) {
            return seen;
        }
        let inspection = match Inspection::read(component) {
            Ok(inspection) => inspection,
            Err(fault) => {
                seen.faults.push(fault);
                return seen;
            }
        };
        seen.manifest(&inspection);
        if let Some(manifest) = seen.manifest.clone() {
            seen.keep(check_exports(&manifest, &inspection.exports));
            for import in &inspection.imports {
                seen.keep(check_import(&manifest, import, grant));
            }
            seen.keep(check_assets(&manifest, grant));
            seen.parameters(&manifest, grant);
            seen.limits(manifest.limits, grant.limits.unwrap_or(config.default_limits));
            seen.surplus(&manifest, &inspection);
        }
        seen.imports = inspection.imports.iter().map(|name| Import { needs: need(name), name: name.clone() }).collect();
        seen.exports = inspection.exports;
        seen
    }

    fn keep(&mut self, result: Result<(), LoadError>) {
        self.faults.extend(result.err());
    }

    fn manifest(&mut self, inspection: &Inspection) {
        match Manifest::of(inspection) {
            Ok(manifest) => self.manifest = Some(manifest),
            Err(fault) => {
                let each = inspection.manifest.as_deref().map(manifest_faults).unwrap_or_default();
                let each: Vec<_> = each.into_iter().map(LoadError::Manifest).collect();
                // A fault of another sort, such as an unknown capability, stands for itself.
                if each.is_empty() || !matches!(fault, LoadError::Manifest(_)) {
                    self.faults.push(fault);
                }
                self.faults.extend(each);
            }
        }
        let keys = inspection.manifest.as_deref().and_then(|text| serde_json::from_slice::<Map<_, _>>(text).ok());
        for key in keys.iter().flat_map(Map::keys).filter(|key| !KEYS.contains(&key.as_str())) {
            self.hints.push(format!("the manifest's `{key}` is not known and ignored; it knows {}", KEYS.join(", ")));
        }
    }

    fn parameters(&mut self, manifest: &Manifest, grant: &Grant) {
        match Schema::new(&manifest.parameters) {
            Err(fault) => self.faults.push(fault),
            Ok(schema) => {
                self.keep(schema.check(&grant.parameters).map_err(LoadError::Parameters));
                self.defaults(manifest, &schema);
            }
        }
        if manifest.parameters.get("additionalProperties") != Some(&Value::Bool(false)) {
            let hint =
                "the parameters' schema lets unknown names pass: `\"additionalProperties\": false` finds typing errors";
            self.hints.push(hint.to_owned());
        }
    }

    /// The defaults of a schema's properties have to fit it.
    fn defaults(&mut self, manifest: &Manifest, schema: &Schema) {
        let properties = manifest.parameters.get("properties").and_then(Value::as_object);
        let defaults = properties.into_iter().flatten().filter_map(|(name, of)| Some((name, of.get("default")?)));
        for (name, default) in defaults {
            let alone = Value::Object(Map::from_iter([(name.clone(), default.clone())]));
            let misfits = schema.check(&alone).err().map(|error| error.errors).unwrap_or_default();
            let place = format!("/{name}");
            if let Some(misfit) = misfits.into_iter().find(|misfit| misfit.path.starts_with(&place)) {
                let fault =
                    format!("the default of the parameter `{name}`, {default}, does not fit it: {}", misfit.expected);
                self.faults.push(LoadError::Schema(fault));
            }
        }
    }

    fn limits(&mut self, wanted: WantedLimits, allowed: Limits) {
        let granted = allowed.granted(wanted);
        let memory = wanted.memory_mib.map(|mib| u64::from(mib) << 20);
        if memory.is_some_and(|memory| memory > granted.memory_bytes) {
            let hint =
                format!("it wants more memory than a host grants by default ({} MiB)", granted.memory_bytes >> 20);
            self.hints.push(hint);
        }
        if wanted.call_ms.is_some_and(|ms| u128::from(ms) > granted.call.as_millis()) {
            let ms = granted.call.as_millis();
            self.hints.push(format!("it wants more time per call than a host grants by default ({ms} ms)"));
        }
        for (name, absent) in [("memory_mib", memory.is_none()), ("call_ms", wanted.call_ms.is_none())] {
            if absent {
                self.hints.push(format!(
                    "the manifest asks for no `{name}`: what the plugin needs is a promise to its operator"
                ));
            }
        }
    }

    fn surplus(&mut self, manifest: &Manifest, inspection: &Inspection) {
        for capability in &manifest.capabilities {
            if !inspection.imports.iter().any(|import| need(import) == Need::Capability(*capability)) {
                self.hints.push(format!("the manifest asks for the capability `{capability}`, which nothing imports"));
            }
        }
    }
}

fn need(import: &str) -> Need {
    if import.starts_with("forewarm:plugin/state@") {
        return Need::Capability(Capability::State);
    }
    if import.starts_with(crate::assets::OFFERED) {
        return Need::Capability(Capability::Assets);
    }
    if crate::http::OFFERED.iter().any(|offered| import.starts_with(offered)) {
        return Need::Capability(Capability::Http);
    }
    let plain = ["forewarm:plugin/types@", "forewarm:plugin/host@"].into_iter().chain(crate::wasi::OFFERED);
    if plain.into_iter().any(|offered| import.starts_with(offered)) { Need::Nothing } else { Need::Refused }
}

/// Each part of a manifest that can't be read, by its name.
fn manifest_faults(text: &[u8]) -> Vec<String> {
    let object: Map<String, Value> = match serde_json::from_slice(text) {
        Ok(object) => object,
        Err(error) => return vec![format!("it is not one JSON object: {error}")],
    };
    let mut faults = Vec::new();
    part::<PluginName>(&mut faults, &object, "name", true);
    part::<String>(&mut faults, &object, "version", true);
    part::<PluginKind>(&mut faults, &object, "kind", true);
    part::<String>(&mut faults, &object, "summary", false);
    part::<Vec<String>>(&mut faults, &object, "capabilities", false);
    part::<Vec<String>>(&mut faults, &object, "assets", false);
    part::<WantedLimits>(&mut faults, &object, "limits", false);
    if let Some(Value::String(version)) = object.get("version")
        && !(1..=100).contains(&version.len())
    {
        faults.push("`version` must have 1 to 100 bytes".to_owned());
    }
    faults
}

fn part<T: DeserializeOwned>(faults: &mut Vec<String>, object: &Map<String, Value>, key: &str, needed: bool) {
    match object.get(key) {
        None if needed => faults.push(format!("`{key}` is missing")),
        None => {}
        Some(value) => {
            if let Err(error) = serde_json::from_value::<T>(value.clone()) {
                faults.push(format!("`{key}`: {error}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examine(wat: &str) -> Examination {
        Examination::of(&wat::parse_str(wat).expect("valid text"), &Grant::default())
    }

    fn texts(seen: &Examination) -> Vec<String> {
        seen.faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn all_faults_of_a_manifest_are_told_at_once() {
        let seen = examine(
            r#"(component (core module (@custom "forewarm:manifest"
                "{\"name\":\"X y\",\"kind\":\"oracle\",\"limits\":{\"memory\":1},\"licence\":\"MIT\"}")))"#,
        );
        let faults = texts(&seen).join("\n");
        for part in ["`name`", "`version` is missing", "`kind`", "`limits`"] {
            assert!(faults.contains(part), "{part} in {faults}");
        }
        assert!(seen.hints[0].contains("`licence`"), "{:?}", seen.hints);
    }

    #[test]
    fn imports_exports_and_defaults_are_told_together() {
        let seen = examine(
            r#"(component
                (import "forewarm:plugin/state@0.1.0" (instance))
                (import "wasi:http/outgoing-handler@0.2.0" (instance))
                (core module (@custom "forewarm:manifest"
                "{\"name\":\"x\",\"version\":\"1\",\"kind\":\"driver\",\"parameters\":{\"properties\":{\"n\":{\"type\":\"integer\",\"default\":\"three\"}}}}")))"#,
        );
        let faults = texts(&seen).join("\n");
        for part in ["has to export forewarm:plugin/driver", "`state`", "wasi:http", "default of the parameter `n`"] {
            assert!(faults.contains(part), "{part} in {faults}");
        }
        assert_eq!(seen.imports[0].needs, Need::Capability(Capability::State));
        assert_eq!(seen.imports[1].needs, Need::Capability(Capability::Http));
    }

    #[test]
    fn what_is_no_component_has_one_fault() {
        assert_eq!(Examination::of(b"text", &Grant::default()).faults, [LoadError::NotWasm]);
        assert_eq!(examine("(component)").faults, [LoadError::NoManifest]);
    }
}
