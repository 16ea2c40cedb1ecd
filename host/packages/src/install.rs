//! From a component that was found somewhere to one that is installed: described, judged, put in place.

use crate::digest::Digest;
use crate::record::Record;
use crate::release::{InvalidRelease, Release};
use crate::signature::{Signature, SignatureError};
use crate::store::{Change, Store, StoreError};
use crate::trust::{Trust, TrustError, TrustPolicy};
use forewarm_runtime::{Description, LoadError};
use std::collections::BTreeMap;

/// A component that may become installed.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its bytes.
    pub component: Vec<u8>,
    /// Where it came from: a reference pinned by its digest, or a file.
    pub source: String,
    /// Its detached signature.
    pub signature: Option<Signature>,
    /// What its author said of it.
    pub annotations: BTreeMap<String, String>,
}

/// What whoever installs has said.
#[derive(Debug, Clone, Copy, Default)]
pub struct InstallOptions {
    /// Accept a component that no trusted key has signed; the record keeps that.
    pub accept_unsigned: bool,
    /// Replace another component of the same name and version.
    pub replace: bool,
}

/// What was installed.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What is known about it.
    pub record: Record,
    /// What the component says about itself.
    pub description: Description,
    /// Why it will be loaded.
    pub trust: Trust,
    /// What was done.
    pub change: Change,
}

/// Why nothing was installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// This host could not load it.
    #[error(transparent)]
    Component(#[from] LoadError),
    /// Its version can't be part of a file's name.
    #[error("its manifest can't be used: {0}")]
    Release(#[from] InvalidRelease),
    /// Nobody whom the operator trusts vouches for it.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Checks a component against the contract and the policy, then puts it in place.
///
/// # Errors
/// [`InstallError`]; nothing is in place then that was not before.
pub fn install(
    store: &Store,
    policy: &TrustPolicy,
    candidate: Candidate,
    options: InstallOptions,
) -> Result<Outcome, InstallError> {
    let description = Description::read(&candidate.component)?;
    let Release { name, version } = Release::of(&description.manifest)?;
    let trust = judge(policy, &candidate, options.accept_unsigned)?;
    let record = Record {
        name,
        version,
        digest: Digest::of(&candidate.component),
        bytes: candidate.component.len() as u64,
        source: candidate.source,
        signature: candidate.signature,
        accepted_unsigned: trust == Trust::Accepted,
        annotations: candidate.annotations,
    };
    let change = store.install(&candidate.component, &record, options.replace)?;
    Ok(Outcome { record, description, trust, change })
}

/// An acceptance stands in for a missing signature, never for one that does not hold.
fn judge(policy: &TrustPolicy, candidate: &Candidate, accept_unsigned: bool) -> Result<Trust, TrustError> {
    match policy.check(&candidate.component, candidate.signature.as_ref()) {
        Ok(Trust::Unsigned) if accept_unsigned => Ok(Trust::Accepted),
        Err(TrustError::Unsigned | TrustError::Signature(SignatureError::UnknownKey)) if accept_unsigned => {
            Ok(Trust::Accepted)
        }
        verdict => verdict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::{KeyPair, sign};

    const FORECASTER: &str = r#"(component
        (core module (@custom "forewarm:manifest" "{\"name\":\"a\",\"version\":\"1.0.0\",\"kind\":\"forecaster\"}"))
        (instance $i)
        (export "forewarm:plugin/forecaster@VERSION" (instance $i)))"#;

    fn component(version: &str) -> Vec<u8> {
        wat::parse_str(FORECASTER.replace("VERSION", version)).expect("valid text")
    }

    fn candidate(component: Vec<u8>, signature: Option<Signature>) -> Candidate {
        Candidate { component, source: "test".into(), signature, annotations: BTreeMap::new() }
    }

    fn check(candidate: Candidate, keys: &[&KeyPair], accept_unsigned: bool) -> (Result<Outcome, InstallError>, usize) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::new(folder.path().join("plugins"));
        let keys = keys.iter().map(|pair| pair.public_key().parse().expect("a key")).collect();
        let policy = TrustPolicy { keys, allow_unsigned: false };
        let options = InstallOptions { accept_unsigned, replace: false };
        let outcome = install(&store, &policy, candidate, options);
        let installed = store.list().expect("lists");
        for one in &installed {
            let bytes = std::fs::read(&one.file).expect("there");
            policy.check_file(&one.file, &bytes).expect("what is installed is loaded");
        }
        (outcome, installed.len())
    }

    #[test]
    fn what_is_signed_by_a_trusted_key_is_installed() {
        let pair = KeyPair::generate(None).expect("a key");
        let component = component("0.1.0");
        let signature = sign(&component, &pair.secret, None, "a@1.0.0").expect("signs");
        let (outcome, installed) = check(candidate(component, Some(signature)), &[&pair], false);
        let outcome = outcome.expect("installs");
        assert!(matches!(outcome.trust, Trust::Signed(_)) && outcome.change == Change::Added && installed == 1);
        assert!(!outcome.record.accepted_unsigned);
    }

    #[test]
    fn what_is_unsigned_is_installed_only_when_accepted() {
        let (refused, installed) = check(candidate(component("0.1.0"), None), &[], false);
        assert!(matches!(refused, Err(InstallError::Trust(TrustError::Unsigned))) && installed == 0);
        let (outcome, installed) = check(candidate(component("0.1.0"), None), &[], true);
        assert!(outcome.expect("accepted").trust == Trust::Accepted && installed == 1);
    }

    #[test]
    fn a_signature_that_does_not_hold_is_refused_whatever_is_accepted() {
        let pair = KeyPair::generate(None).expect("a key");
        let signature = sign(b"another", &pair.secret, None, "a@1.0.0").expect("signs");
        let (refused, installed) = check(candidate(component("0.1.0"), Some(signature)), &[&pair], true);
        assert!(matches!(refused, Err(InstallError::Trust(TrustError::Signature(SignatureError::Wrong)))));
        assert_eq!(installed, 0);
    }

    #[test]
    fn what_this_host_could_not_load_is_not_installed() {
        let (refused, installed) = check(candidate(component("9.0.0"), None), &[], true);
        let refused = refused.expect_err("another contract");
        assert!(matches!(refused, InstallError::Component(LoadError::NeedsNewerHost { .. })), "{refused}");
        assert_eq!(installed, 0);
        let escaping = FORECASTER.replace("VERSION", "0.1.0").replace("1.0.0", "../../x");
        let (refused, installed) = check(candidate(wat::parse_str(escaping).expect("valid text"), None), &[], true);
        assert!(matches!(refused, Err(InstallError::Release(_))) && installed == 0);
    }
}
