//! What stands in the brackets of an attribute.

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Expr, Ident, Lit, LitStr, MetaNameValue, Token};

/// The parsed arguments of an attribute.
#[derive(Default)]
pub(crate) struct Arguments {
    /// What the plugin is for, in a sentence.
    pub(crate) summary: String,
    /// Path of the JSON Schema of its parameters, from the folder of `Cargo.toml`.
    pub(crate) parameters: Option<LitStr>,
    /// Capabilities that it wants.
    pub(crate) capabilities: Vec<String>,
    /// Names of the files that it reads.
    pub(crate) assets: Vec<String>,
    /// Limits that it asks for, by their name in the manifest.
    pub(crate) limits: Vec<(&'static str, u32)>,
}

/// The limits that a manifest may name.
const LIMITS: [&str; 4] = ["memory_mib", "call_ms", "log_kib", "host_calls"];
/// The capabilities that a manifest may name.
const CAPABILITIES: [&str; 3] = ["assets", "http", "state"];

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut arguments = Self::default();
        let mut seen: Vec<Ident> = Vec::new();
        for pair in Punctuated::<MetaNameValue, Token![,]>::parse_terminated(input)? {
            let name = pair.path.require_ident()?.clone();
            if seen.contains(&name) {
                return Err(syn::Error::new(name.span(), format!("`{name}` is given twice")));
            }
            arguments.take(&name, &pair.value)?;
            seen.push(name);
        }
        if arguments.summary.trim().is_empty() {
            return Err(syn::Error::new(Span::call_site(), "say what the plugin is for: `summary = \"...\"`"));
        }
        Ok(arguments)
    }
}

impl Arguments {
    fn take(&mut self, name: &Ident, value: &Expr) -> syn::Result<()> {
        let text = name.to_string();
        if let Some(limit) = LIMITS.iter().find(|limit| **limit == text) {
            self.limits.push((limit, number(value)?));
            return Ok(());
        }
        match text.as_str() {
            "summary" => self.summary = string(value)?.value(),
            "parameters" => self.parameters = Some(string(value)?),
            "capabilities" => self.capabilities = capabilities(value)?,
            "assets" => self.assets = strings(value, "[\"weights\"]")?.iter().map(LitStr::value).collect(),
            _ => {
                let known = "summary, parameters, capabilities, assets, memory_mib, call_ms, log_kib, host_calls";
                return Err(syn::Error::new(name.span(), format!("`{name}` is not known here; known: {known}")));
            }
        }
        Ok(())
    }
}

fn capabilities(value: &Expr) -> syn::Result<Vec<String>> {
    let one = |item: LitStr| {
        let name = item.value();
        if CAPABILITIES.contains(&name.as_str()) {
            return Ok(name);
        }
        Err(syn::Error::new_spanned(item, format!("`{name}` is no capability; known: {}", CAPABILITIES.join(", "))))
    };
    strings(value, "[\"state\"]")?.into_iter().map(one).collect()
}

fn strings(value: &Expr, example: &str) -> syn::Result<Vec<LitStr>> {
    match value {
        Expr::Array(array) => array.elems.iter().map(string).collect(),
        other => Err(syn::Error::new_spanned(other, format!("expected a list such as {example}"))),
    }
}

fn string(value: &Expr) -> syn::Result<LitStr> {
    match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Ok(text.clone()),
            other => Err(syn::Error::new_spanned(other, "expected a string")),
        },
        other => Err(syn::Error::new_spanned(other, "expected a string")),
    }
}

fn number(value: &Expr) -> syn::Result<u32> {
    match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(number) => match number.base10_parse()? {
                0 => Err(syn::Error::new_spanned(number, "expected at least 1")),
                number => Ok(number),
            },
            other => Err(syn::Error::new_spanned(other, "expected a whole number")),
        },
        other => Err(syn::Error::new_spanned(other, "expected a whole number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Arguments, String> {
        syn::parse_str::<Arguments>(text).map_err(|error| error.to_string())
    }

    #[test]
    fn all_arguments_are_read() {
        let arguments = parse(
            r#"summary = "Does it", parameters = "p.json", capabilities = ["state", "assets"], assets = ["weights"], memory_mib = 16, host_calls = 9"#,
        )
        .expect("valid");
        assert_eq!(arguments.summary, "Does it");
        assert_eq!(arguments.parameters.map(|path| path.value()), Some("p.json".to_owned()));
        assert_eq!(
            (arguments.capabilities, arguments.assets),
            (vec!["state".into(), "assets".into()], vec!["weights".into()])
        );
        assert_eq!(arguments.limits, [("memory_mib", 16), ("host_calls", 9)]);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, expected) in [
            ("", "summary"),
            (r#"summary = "x", colour = 3"#, "`colour` is not known"),
            (r#"summary = "x", summary = "y""#, "twice"),
            (r#"summary = "x", capabilities = ["root"]"#, "no capability"),
            (r#"summary = "x", memory_mib = 0"#, "at least 1"),
            (r#"summary = "x", memory_mib = "16""#, "whole number"),
        ] {
            let error = parse(text).err().expect(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
