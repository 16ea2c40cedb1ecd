//! `forewarm plugin installed`: what lies in this machine's folder of installed plugins.

use super::files::store;
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::{show, table, text};
use forewarm_packages::Installed;
use forewarm_packages::annotation::{PROVENANCE, SBOM};
use serde_json::{Value, json};

pub(super) fn run(global: &Global) -> Result<(), CliError> {
    let (_, store) = store(global)?;
    let installed = store.list().map_err(|error| CliError::Failed(error.to_string()))?;
    let shown: Vec<Value> = installed.iter().map(shown).collect();
    show(global.output, &shown, |_| rows(&installed));
    Ok(())
}

fn shown(installed: &Installed) -> Value {
    let Installed { file, release, record } = installed;
    match record {
        Ok(record) => json!({ "file": file, "record": record }),
        Err(why) => {
            json!({ "file": file, "record": { "name": release.name, "version": release.version }, "error": why })
        }
    }
}

fn rows(installed: &[Installed]) -> String {
    let mut rows = table(&["NAME", "VERSION", "DIGEST", "SIGNATURE", "SOURCE", "SBOM", "PROVENANCE"]);
    for Installed { release, record, .. } in installed {
        let (name, version) = (release.name.to_string(), release.version.to_string());
        match record {
            Ok(record) => {
                let signature = match (&record.signature, record.accepted_unsigned) {
                    (_, true) => "accepted without",
                    (Some(_), false) => "yes",
                    (None, false) => "no",
                };
                let annotation = |key: &str| record.annotations.get(key).cloned().unwrap_or_else(|| "-".into());
                let digest = record.digest.to_string().chars().take(19).collect();
                let source = record.source.clone();
                let (sbom, provenance) = (annotation(SBOM), annotation(PROVENANCE));
                rows.add_row([name, version, digest, signature.into(), source, sbom, provenance])
            }
            Err(why) => rows.add_row([name, version, "-".into(), why.clone(), "-".into(), "-".into(), "-".into()]),
        };
    }
    text(&rows, "nothing is installed here: `forewarm plugin install` does that")
}
