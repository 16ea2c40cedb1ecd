//! From the annotated `impl` to the component's exports.

use crate::arguments::Arguments;
use crate::kind::Kind;
use crate::manifest::manifest;
use proc_macro2::{Literal, TokenStream};
use quote::quote;
use std::path::PathBuf;
use syn::{ItemImpl, Type};

/// Gives the `impl` back, followed by what makes a component of it; or by a compile error.
pub(crate) fn expand(kind: Kind, arguments: TokenStream, item: &TokenStream) -> TokenStream {
    match try_expand(kind, arguments, item) {
        Ok(addition) => quote! { #item #addition },
        Err(error) => {
            let error = error.to_compile_error();
            quote! { #item #error }
        }
    }
}

fn try_expand(kind: Kind, arguments: TokenStream, item: &TokenStream) -> syn::Result<TokenStream> {
    let arguments: Arguments = syn::parse2(arguments)?;
    let item: ItemImpl = syn::parse2(item.clone())?;
    let plugin = implementor(kind, &item)?;
    let (schema, tracked) = schema(&arguments)?;
    let (name, version) = (package("CARGO_PKG_NAME")?, package("CARGO_PKG_VERSION")?);
    let manifest = manifest(kind, &name, &version, &arguments, schema.as_deref())
        .map_err(|text| syn::Error::new_spanned(&arguments.parameters, text))?;
    Ok(exports(kind, plugin, &arguments.summary, &name, &version, &manifest, &tracked))
}

fn exports(
    kind: Kind,
    plugin: &Type,
    summary: &str,
    name: &str,
    version: &str,
    manifest: &str,
    tracked: &TokenStream,
) -> TokenStream {
    let (glue, export) = (kind.glue(), kind.export_macro());
    let (bytes, length) = (Literal::byte_string(manifest.as_bytes()), manifest.len());
    quote! {
        impl ::forewarm_sdk::Plugin for #plugin {
            const NAME: &'static str = #name;
            const VERSION: &'static str = #version;
            const SUMMARY: &'static str = #summary;
        }

        #tracked

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type ForewarmPlugin = ::forewarm_sdk::#glue<#plugin>;
            ::forewarm_sdk::export::#export!(ForewarmPlugin);

            #[used]
            #[unsafe(link_section = "forewarm:manifest")]
            static MANIFEST: [u8; #length] = *#bytes;
        };
    }
}

fn implementor(kind: Kind, item: &ItemImpl) -> syn::Result<&Type> {
    let wanted = format!("put this on an `impl {} for ...`", kind.trait_name());
    let Some((_, path, _)) = &item.trait_ else {
        return Err(syn::Error::new_spanned(&item.self_ty, wanted));
    };
    if !item.generics.params.is_empty() {
        return Err(syn::Error::new_spanned(&item.generics, "a plugin is one type, without generics"));
    }
    match path.segments.last() {
        Some(last) if last.ident == kind.trait_name() => Ok(&item.self_ty),
        _ => Err(syn::Error::new_spanned(path, wanted)),
    }
}

/// Reads the schema that the arguments name, and gives the tokens that make the compiler watch that file.
fn schema(arguments: &Arguments) -> syn::Result<(Option<String>, TokenStream)> {
    let Some(path) = &arguments.parameters else { return Ok((None, TokenStream::new())) };
    let file = PathBuf::from(package("CARGO_MANIFEST_DIR")?).join(path.value());
    let text = std::fs::read_to_string(&file)
        .map_err(|error| syn::Error::new_spanned(path, format!("{} can't be read: {error}", file.display())))?;
    let relative = format!("/{}", path.value());
    Ok((Some(text), quote! { const _: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), #relative)); }))
}

fn package(variable: &str) -> syn::Result<String> {
    std::env::var(variable).map_err(|_| {
        syn::Error::new(proc_macro2::Span::call_site(), format!("{variable} is not set: build plugins with cargo"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(arguments: &str, item: &str) -> String {
        let (arguments, item) = (arguments.parse().expect("tokens"), item.parse().expect("tokens"));
        expand(Kind::Forecaster, arguments, &item).to_string()
    }

    #[test]
    fn the_impl_stays_and_exports_follow() {
        let text = expanded(r#"summary = "Does it""#, "impl Forecaster for Last {}");
        assert!(text.starts_with("impl Forecaster for Last"));
        assert!(text.contains("export_forecaster") && text.contains("forewarm:manifest"));
        assert!(!text.contains("export_driver"));
    }

    #[test]
    fn misuse_is_a_compile_error() {
        for item in ["impl Last {}", "impl Driver for Last {}", "impl<T> Forecaster for Last<T> {}", "struct Last;"] {
            assert!(expanded(r#"summary = "x""#, item).contains("compile_error"), "{item}");
        }
        assert!(
            expanded(r#"summary = "x", parameters = "no-such-file.json""#, "impl Forecaster for L {}")
                .contains("can't be read")
        );
    }
}
