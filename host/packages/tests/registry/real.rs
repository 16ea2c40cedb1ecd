//! Pushing to and pulling from a real registry.

use crate::{MAX, client, component};
use forewarm_packages::{Access, Credentials, Digest, KeyPair, Reference, RegistryError, annotation, sign};
use forewarm_runtime::Description;
use forewarm_tests::Registry;
use forewarm_tests::registry::{PASSWORD, USER};
use std::collections::BTreeMap;

async fn push(to: &str, access: Access, annotations: BTreeMap<String, String>) -> Result<Reference, RegistryError> {
    let component = component();
    let description = Description::read(&component).expect("a plugin");
    client(to, access).push(component, &description, annotations, 0).await.map(|pushed| pushed.reference)
}

fn ann(password: &str) -> Access {
    let credentials = Credentials::Password { user: USER.into(), password: password.into() };
    Access { plain_http: false, credentials: Some(credentials) }
}

#[tokio::test]
async fn what_is_pushed_comes_back_with_its_signature() {
    let (registry, folder) = (Registry::start(), tempfile::tempdir().expect("a folder"));
    let pair = KeyPair::generate(None).expect("a key");
    let signature = sign(&component(), &pair.secret, None, "a@1.0.0").expect("signs");
    let annotations = BTreeMap::from([
        (annotation::SIGNATURE.to_owned(), signature.as_str().to_owned()),
        (annotation::SBOM.to_owned(), "oci://sbom".to_owned()),
    ]);
    let to = format!("{}/acme/a:1.0.0", registry.address());
    let pinned = push(&to, Access::default(), annotations.clone()).await.expect("pushes");
    assert_eq!(push(&to, Access::default(), annotations).await.expect("again"), pinned, "the same gives the same");

    for reference in [to, pinned.to_string(), Reference { tag: None, ..pinned.clone() }.to_string()] {
        let pulled = crate::pull(&reference, folder.path()).await.expect("pulls");
        assert!(pulled.component == component());
        assert_eq!(pulled.signature.as_ref().map(forewarm_packages::Signature::as_str), Some(signature.as_str()));
        assert_eq!(pulled.annotations, BTreeMap::from([(annotation::SBOM.to_owned(), "oci://sbom".to_owned())]));
        assert!(pulled.source.ends_with(&pinned.digest.expect("pinned").to_string()), "{}", pulled.source);
    }
}

#[tokio::test]
async fn a_blob_that_was_damaged_in_the_registry_is_refused() {
    let (registry, folder) = (Registry::start(), tempfile::tempdir().expect("a folder"));
    let to = format!("{}/acme/a:1.0.0", registry.address());
    push(&to, Access::default(), BTreeMap::new()).await.expect("pushes");
    let blob = registry.blob(&Digest::of(&component()).hex());
    let mut damaged = std::fs::read(&blob).expect("there");
    damaged[5_000] ^= 1;
    std::fs::write(&blob, damaged).expect("writes");
    let error = crate::pull(&to, folder.path()).await.expect_err("refused");
    assert!(matches!(error, RegistryError::Digest { .. }), "{error}");
}

#[tokio::test]
async fn a_registry_with_a_lock_wants_its_password() {
    let registry = Registry::start_locked();
    let to = format!("{}/acme/a:1.0.0", registry.address());
    push(&to, ann(PASSWORD), BTreeMap::new()).await.expect("pushes");
    let mut reader = client(&to, ann(PASSWORD));
    let artifact = reader.resolve().await.expect("resolves");
    let folder = tempfile::tempdir().expect("a folder");
    assert!(reader.fetch(&artifact, &folder.path().join("partial"), MAX).await.expect("fetches") == component());

    for (access, why) in
        [(Access::default(), "wants a user and a password"), (ann("battery-staple"), "refuses the credentials")]
    {
        let error = push(&to, access.clone(), BTreeMap::new()).await.expect_err("refused").to_string();
        assert!(error.contains(why) && error.contains("docker login") && !error.contains("battery"), "{error}");
        let error = client(&to, access).resolve().await.expect_err("refused").to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let registry = Registry::start();
    let error = client(&format!("{}/acme/a:2", registry.address()), Access::default()).resolve().await;
    let error = error.expect_err("nothing was pushed").to_string();
    assert!(error.contains("/acme/a:2 is not there"), "{error}");
}
