//! Reads what a component says about itself, before anything of it is compiled or run.

use crate::error::LoadError;
use crate::manifest::Manifest;
use serde::Serialize;
use wasmparser::{Encoding, Parser, Payload};

/// The custom section that holds a manifest.
pub(crate) const MANIFEST_SECTION: &str = "forewarm:manifest";
/// The largest body of one function that is compiled. The compiler's time grows faster than a function's size: one of
/// 1.4 MB has been seen to keep it busy for a minute, which its limits would end; this says so at once.
const MAX_FUNCTION_BYTES: usize = 1 << 20;
const MAX_MANIFEST_BYTES: usize = 256 << 10;
/// Components and modules inside each other; a toolchain makes three or four levels.
const MAX_DEPTH: usize = 50;
/// Imports, and exports; a plugin of any language has a few dozen.
const MAX_NAMES: usize = 1_000;

/// What a component says about itself, without being compiled or run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComponentInfo {
    /// Its manifest.
    pub manifest: Manifest,
    /// BLAKE3 of the component, as 64 hexadecimal digits.
    pub digest: String,
    /// Its size.
    pub bytes: usize,
    /// The interfaces that it imports.
    pub imports: Vec<String>,
    /// The interfaces that it exports.
    pub exports: Vec<String>,
}

impl ComponentInfo {
    /// Reads a component of any size.
    ///
    /// # Errors
    /// [`LoadError`] when it is none, or its manifest is missing or malformed.
    pub fn read(component: &[u8]) -> Result<Self, LoadError> {
        let inspection = Inspection::read(component)?;
        let (manifest, digest) = (Manifest::of(&inspection)?, blake3::hash(component).to_hex().to_string());
        let Inspection { imports, exports, .. } = inspection;
        Ok(Self { manifest, digest, bytes: component.len(), imports, exports })
    }
}

/// What a component says about itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Inspection {
    /// The names of its own imports, such as `forewarm:plugin/host@0.1.0`.
    pub(crate) imports: Vec<String>,
    /// The names of its own exports.
    pub(crate) exports: Vec<String>,
    /// The manifest, one JSON object.
    pub(crate) manifest: Option<Vec<u8>>,
}

impl Inspection {
    /// Reads a component, modules and components inside it included.
    ///
    /// # Errors
    /// [`LoadError`] when it is none, is malformed, holds two manifests or an outsize function.
    pub(crate) fn read(component: &[u8]) -> Result<Self, LoadError> {
        if !component.starts_with(b"\0asm") {
            return Err(LoadError::NotWasm);
        }
        let mut seen = Self::default();
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(component) {
            let payload = payload.map_err(malformed)?;
            match &payload {
                Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => return Err(LoadError::CoreModule),
                Payload::Version { .. } if depth == MAX_DEPTH => {
                    return Err(LoadError::Malformed(format!("components inside it are nested over {MAX_DEPTH} deep")));
                }
                Payload::Version { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                _ => seen.section(&payload, depth == 1)?,
            }
        }
        Ok(seen)
    }

    fn section(&mut self, payload: &Payload<'_>, outermost: bool) -> Result<(), LoadError> {
        match payload {
            Payload::ComponentImportSection(imports) if outermost => {
                for import in imports.clone() {
                    keep(&mut self.imports, "imports", import.map_err(malformed)?.name.name)?;
                }
            }
            Payload::ComponentExportSection(exports) if outermost => {
                for export in exports.clone() {
                    keep(&mut self.exports, "exports", export.map_err(malformed)?.name.name)?;
                }
            }
            Payload::CodeSectionEntry(body) if body.as_bytes().len() > MAX_FUNCTION_BYTES => {
                return Err(LoadError::FunctionTooLarge { bytes: body.as_bytes().len(), max: MAX_FUNCTION_BYTES });
            }
            Payload::CustomSection(custom) if custom.name() == MANIFEST_SECTION => self.manifest(custom.data())?,
            _ => {}
        }
        Ok(())
    }

    fn manifest(&mut self, text: &[u8]) -> Result<(), LoadError> {
        if text.len() > MAX_MANIFEST_BYTES {
            return Err(LoadError::Manifest(format!("it has {} bytes, over {MAX_MANIFEST_BYTES}", text.len())));
        }
        if self.manifest.replace(text.to_owned()).is_some() {
            return Err(LoadError::Manifest(format!("there are two custom sections `{MANIFEST_SECTION}`")));
        }
        Ok(())
    }
}

fn keep(names: &mut Vec<String>, what: &str, name: &str) -> Result<(), LoadError> {
    if names.len() == MAX_NAMES {
        return Err(LoadError::Malformed(format!("it has over {MAX_NAMES} {what}")));
    }
    names.push(name.to_owned());
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "for use with map_err")]
fn malformed(error: wasmparser::BinaryReaderError) -> LoadError {
    LoadError::Malformed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wat: &str) -> Result<Inspection, LoadError> {
        Inspection::read(&wat::parse_str(wat).expect("valid text"))
    }

    #[test]
    fn what_is_no_component_is_refused_by_name() {
        assert_eq!(Inspection::read(b"GIF89a"), Err(LoadError::NotWasm));
        assert_eq!(Inspection::read(b""), Err(LoadError::NotWasm));
        assert!(matches!(Inspection::read(b"\0asm\x01"), Err(LoadError::Malformed(_))));
        assert_eq!(check("(module)"), Err(LoadError::CoreModule));
    }

    #[test]
    fn only_the_outermost_imports_and_exports_count() {
        let seen = check(
            r#"(component
                (import "a:b/c@0.1.0" (instance $i))
                (component (import "hidden:x/y@1.0.0" (instance)))
                (export "d:e/f@0.1.0" (instance $i)))"#,
        )
        .expect("a component");
        assert_eq!(seen.imports, ["a:b/c@0.1.0"]);
        assert_eq!(seen.exports, ["d:e/f@0.1.0"]);
    }

    #[test]
    fn a_manifest_is_found_in_a_nested_module() {
        let seen = check(r#"(component (core module (@custom "forewarm:manifest" "{}")))"#).expect("a component");
        assert_eq!(seen.manifest.as_deref(), Some(&b"{}"[..]));
        let twice = r#"(component (core module (@custom "forewarm:manifest" "{}"))
                                  (core module (@custom "forewarm:manifest" "{}")))"#;
        assert!(matches!(check(twice), Err(LoadError::Manifest(_))));
    }
}
