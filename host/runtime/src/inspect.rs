//! Reads what a component says about itself, before anything of it is compiled or run.

use crate::error::LoadError;
use wasmparser::{Encoding, Parser, Payload};

/// The custom section that holds a manifest.
pub(crate) const MANIFEST_SECTION: &str = "forewarm:manifest";
/// The largest body of one function that is compiled: the compiler's time grows faster than a function's size, and one
/// function of 1.4 MB has been seen to keep it busy for a minute.
const MAX_FUNCTION_BYTES: usize = 512 << 10;
const MAX_MANIFEST_BYTES: usize = 256 << 10;

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
                    self.imports.push(import.map_err(malformed)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(exports) if outermost => {
                for export in exports.clone() {
                    self.exports.push(export.map_err(malformed)?.name.name.to_owned());
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
