//! The peer: Extism, with the same work behind bytes.

use anyhow::bail;
use bench_work::{HORIZON, LEVELS};
use extism::{CompiledPlugin, Plugin, PluginBuilder, Wasm};
use walrus::{ExportItem, ImportKind, Module};

/// The compiled plugin.
pub(crate) struct Peer(CompiledPlugin);

impl Peer {
    pub(crate) fn compile(module: &[u8]) -> anyhow::Result<Self> {
        let module = without_wasi(module)?;
        let builder = PluginBuilder::new(extism::Manifest::new([Wasm::data(module)])).with_wasi(false);
        Ok(Self(CompiledPlugin::new(builder)?))
    }

    pub(crate) fn instance(&self) -> anyhow::Result<Plugin> {
        Plugin::new_from_compiled(&self.0)
    }
}

/// One call of an instance.
pub(crate) fn predict(plugin: &mut Plugin, values: &[u8]) -> anyhow::Result<Vec<u8>> {
    let answer: Vec<u8> = plugin.call("predict", values)?;
    if answer.len() != HORIZON * LEVELS.len() * 8 {
        bail!("Extism's guest answered {} bytes", answer.len());
    }
    Ok(answer)
}

/// The standard library of `wasm32-wasip2` leaves imports that are never called behind. They become functions that
/// trap, so that Extism has as little to link as for a guest of any other target.
fn without_wasi(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut module = Module::from_buffer(module)?;
    let unused = module.imports.iter().filter(|import| import.module.starts_with("wasi:"));
    let unused: Vec<_> = unused
        .filter_map(|import| match import.kind {
            ImportKind::Function(function) => Some(function),
            _ => None,
        })
        .collect();
    for function in unused {
        module.replace_imported_func(function, |(body, _)| {
            body.unreachable();
        })?;
    }
    let of_components = module.exports.iter().filter(|export| export.name == "cabi_realloc");
    let of_components: Vec<_> = of_components.filter(|export| matches!(export.item, ExportItem::Function(_))).collect();
    let ids: Vec<_> = of_components.iter().map(|export| export.id()).collect();
    ids.into_iter().for_each(|id| module.exports.delete(id));
    walrus::passes::gc::run(&mut module);
    Ok(module.emit_wasm())
}
