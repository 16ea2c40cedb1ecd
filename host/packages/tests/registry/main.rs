//! Registries that keep their word, and registries that do not.
#![expect(clippy::expect_used, reason = "helpers of tests fail like tests")]

mod interrupted;
mod liar;
mod lying;
mod real;

use forewarm_packages::{Access, Candidate, Reference, Registry, RegistryError};
use std::path::Path;

/// More than any component of these tests.
const MAX: u64 = 1 << 20;

/// A forecaster that no host would run for long, of a few hundred kilobytes.
fn component() -> Vec<u8> {
    let padding = "x".repeat(300_000);
    let text = format!(
        r#"(component
            (core module (@custom "padding" "{padding}")
                (@custom "forewarm:manifest" "{{\"name\":\"a\",\"version\":\"1.0.0\",\"kind\":\"forecaster\"}}"))
            (instance $i)
            (export "forewarm:plugin/forecaster@0.1.0" (instance $i)))"#
    );
    wat::parse_str(text).expect("valid text")
}

fn client(reference: &str, access: Access) -> Registry {
    // The first test of the process decides for all.
    drop(rustls::crypto::ring::default_provider().install_default());
    let reference: Reference = reference.parse().expect("a reference");
    Registry::new(&reference, access).expect("a client")
}

async fn pull(reference: &str, folder: &Path) -> Result<Candidate, RegistryError> {
    let mut registry = client(reference, Access::default());
    let artifact = registry.resolve().await?;
    let component = registry.fetch(&artifact, &folder.join("partial"), MAX).await?;
    let source = artifact.reference.to_string();
    Ok(Candidate { component, source, signature: artifact.signature, annotations: artifact.annotations })
}
