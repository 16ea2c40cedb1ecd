//! The CNCF layout of WebAssembly in OCI registries: an image manifest whose configuration says `wasm` and whose one
//! layer is the component. Other tools read and write the same.

use super::error::RegistryError;
use super::reference::Reference;
use crate::annotation;
use crate::digest::Digest;
use crate::signature::Signature;
use forewarm_runtime::Description;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const CONFIG: &str = "application/vnd.wasm.config.v0+json";
pub(super) const COMPONENT: &str = "application/wasm";
/// The annotations that are kept, and the longest of them.
const MAX_ANNOTATIONS: usize = 64;
const MAX_ANNOTATION_BYTES: usize = 8 << 10;

/// A plugin in a registry: what its manifest says, which is pinned by its digest.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// Where it is, with the digest of its manifest.
    pub reference: Reference,
    /// The digest of the component.
    pub component: Digest,
    /// The component's size in bytes.
    pub bytes: u64,
    /// The signature that came with it.
    pub signature: Option<Signature>,
    /// What its author said of it.
    pub annotations: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    schema_version: u32,
    #[serde(default)]
    media_type: Option<String>,
    config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
}

/// The configuration: for tools that choose among artifacts without fetching components.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    created: String,
    author: Option<&'a str>,
    architecture: &'static str,
    os: &'static str,
    layer_digests: [Digest; 1],
    component: Interfaces<'a>,
}

#[derive(Serialize)]
struct Interfaces<'a> {
    exports: &'a [String],
    imports: &'a [String],
    target: Option<&'a str>,
}

impl Descriptor {
    pub(super) fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self { media_type: media_type.to_owned(), digest: Digest::of(bytes).to_string(), size: bytes.len() as u64 }
    }
}

/// The configuration of a component. The same component gives the same bytes, unless `SOURCE_DATE_EPOCH` differs.
pub(super) fn config(description: &Description, component: Digest, created_s: i64) -> Vec<u8> {
    let created = OffsetDateTime::from_unix_timestamp(created_s).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let config = Config {
        created: created.format(&Rfc3339).unwrap_or_default(),
        author: None,
        architecture: "wasm",
        os: "wasip2",
        layer_digests: [component],
        component: Interfaces { exports: &description.exports, imports: &description.imports, target: None },
    };
    serde_json::to_vec(&config).unwrap_or_default()
}

/// The manifest of a component.
pub(super) fn manifest(config: &[u8], component: &[u8], annotations: BTreeMap<String, String>) -> Vec<u8> {
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(MANIFEST.to_owned()),
        config: Descriptor::of(CONFIG, config),
        layers: vec![Descriptor::of(COMPONENT, component)],
        annotations,
    };
    serde_json::to_vec(&manifest).unwrap_or_default()
}

impl Artifact {
    /// Reads a manifest whose digest was verified.
    pub(super) fn parse(reference: &Reference, text: &[u8]) -> Result<Self, RegistryError> {
        read(reference, text).map_err(|why| RegistryError::NotAPlugin { reference: reference.to_string(), why })
    }
}

fn read(reference: &Reference, text: &[u8]) -> Result<Artifact, String> {
    let manifest: Manifest =
        serde_json::from_slice(text).map_err(|error| format!("its manifest is no OCI image manifest ({error})"))?;
    let Manifest { schema_version, media_type, config, layers, annotations } = manifest;
    if schema_version != 2 || media_type.as_deref().is_some_and(|media_type| media_type != MANIFEST) {
        return Err(format!("its manifest is a {}, version {schema_version}", media_type.unwrap_or_default()));
    }
    if config.media_type != CONFIG {
        return Err(format!("its configuration is a {}, not a {CONFIG}", shown(&config.media_type)));
    }
    let [layer] = layers.as_slice() else {
        return Err(format!("it has {} layers, a component is one", layers.len()));
    };
    if layer.media_type != COMPONENT {
        return Err(format!("its layer is a {}, not {COMPONENT}", shown(&layer.media_type)));
    }
    let component = layer.digest.parse().map_err(|error: crate::InvalidDigest| error.to_string())?;
    let mut annotations = checked(annotations)?;
    let signature = annotations.remove(annotation::SIGNATURE).map(|text| text.parse()).transpose();
    let signature = signature.map_err(|error: crate::SignatureError| error.to_string())?;
    Ok(Artifact { reference: reference.clone(), component, bytes: layer.size, signature, annotations })
}

/// They end up on terminals and in records.
fn checked(annotations: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, String> {
    if annotations.len() > MAX_ANNOTATIONS {
        return Err(format!("it has {} annotations, at most {MAX_ANNOTATIONS} are accepted", annotations.len()));
    }
    let too_long = |(key, value): &(&String, &String)| key.len().max(value.len()) > MAX_ANNOTATION_BYTES;
    if let Some((key, _)) = annotations.iter().find(too_long) {
        return Err(format!("its annotation {} has more than {MAX_ANNOTATION_BYTES} bytes", shown(key)));
    }
    let plain = |text: String| text.chars().filter(|c| *c == '\n' || !c.is_control()).collect::<String>();
    Ok(annotations.into_iter().map(|(key, value)| (plain(key), plain(value))).collect())
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut serde_json::Value)) -> Result<Artifact, String> {
        let bytes =
            manifest(b"{}", b"component", BTreeMap::from([(annotation::SBOM.to_owned(), "oci://x".to_owned())]));
        let mut value: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
        change(&mut value);
        let reference = "r.example/x:1".parse().expect("a reference");
        Artifact::parse(&reference, value.to_string().as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_written_is_read() {
        let artifact = check(|_| ()).expect("a plugin");
        assert_eq!((artifact.component, artifact.bytes), (Digest::of(b"component"), 9));
        assert_eq!(artifact.annotations[annotation::SBOM], "oci://x");
        assert!(artifact.signature.is_none());
    }

    #[test]
    fn what_is_no_plugin_says_why() {
        let layers = |manifest: &mut serde_json::Value| {
            let layer = manifest["layers"][0].clone();
            manifest["layers"].as_array_mut().expect("a list").push(layer);
        };
        assert!(check(layers).is_err_and(|why| why.contains("2 layers")));
        assert!(check(|m| m["layers"] = serde_json::json!([])).is_err_and(|why| why.contains("0 layers")));
        let image = "application/vnd.oci.image.config.v1+json";
        assert!(check(|m| m["config"]["mediaType"] = image.into()).is_err_and(|why| why.contains(image)));
        assert!(
            check(|m| m["layers"][0]["mediaType"] = "text/html".into()).is_err_and(|why| why.contains("text/html"))
        );
        assert!(check(|m| m["layers"][0]["digest"] = "md5:1".into()).is_err_and(|why| why.contains("sha256")));
        assert!(check(|m| m["layers"][0]["size"] = (-1).into()).is_err());
        assert!(check(|m| m["schemaVersion"] = 1.into()).is_err());
        assert!(check(|m| m["mediaType"] = "application/vnd.oci.image.index.v1+json".into()).is_err());
        assert!(check(|m| m["annotations"]["x"] = "x".repeat(9_000).into()).is_err_and(|why| why.contains("bytes")));
        assert!(check(|m| m["annotations"][annotation::SIGNATURE] = "x".into()).is_err_and(|why| why.contains("sign")));
    }

    #[test]
    fn annotations_can_not_steer_a_terminal() {
        let artifact = check(|m| m["annotations"]["x"] = "a\u{1b}[2Jb".into()).expect("a plugin");
        assert_eq!(artifact.annotations["x"], "a[2Jb");
    }
}
