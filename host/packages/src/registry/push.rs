//! Pushing: the blobs that the registry lacks, then the manifest that names them.

use super::artifact::{self, MANIFEST};
use super::body;
use super::client::{Action, Registry};
use super::error::RegistryError;
use super::reference::Reference;
use crate::digest::Digest;
use bytes::Bytes;
use forewarm_runtime::Description;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use reqwest::{Method, StatusCode};
use std::collections::BTreeMap;

/// What was pushed.
#[derive(Debug, Clone)]
pub struct Pushed {
    /// Where it is, with the digest of its manifest.
    pub reference: Reference,
    /// The digest of the component.
    pub component: Digest,
}

impl Registry {
    /// Pushes a component under the reference's tag, or by digest alone without one. `created_s` is in seconds since 1970.
    ///
    /// # Errors
    /// [`RegistryError`]; the tag then stands for what it stood for before.
    pub async fn push(
        &mut self,
        component: Vec<u8>,
        description: &Description,
        annotations: BTreeMap<String, String>,
        created_s: i64,
    ) -> Result<Pushed, RegistryError> {
        let digest = Digest::of(&component);
        let config = artifact::config(description, digest, created_s);
        let manifest = artifact::manifest(&config, &component, annotations);
        self.push_blob(component.into(), digest).await?;
        let config_digest = Digest::of(&config);
        self.push_blob(config.into(), config_digest).await?;
        let pinned = self.reference.pinned(Digest::of(&manifest));
        self.push_manifest(manifest.into(), &pinned).await?;
        Ok(Pushed { reference: pinned, component: digest })
    }

    async fn push_blob(&mut self, blob: Bytes, digest: Digest) -> Result<(), RegistryError> {
        let there = self.url(&format!("blobs/{digest}"))?;
        let there = self.send(Action::Push, Method::HEAD, there, |request| request).await?;
        if there.status() == StatusCode::OK {
            return Ok(());
        }
        let begin = self.url("blobs/uploads/")?;
        let begun = self.send(Action::Push, Method::POST, begin, |request| request.header(CONTENT_LENGTH, 0)).await?;
        let begun = body::expect(begun, "an upload", &[StatusCode::ACCEPTED]).await?;
        let location = begun.headers().get(LOCATION).and_then(|location| location.to_str().ok()).unwrap_or_default();
        let mut url = self.given(location)?;
        url.query_pairs_mut().append_pair("digest", &digest.to_string());
        let put = self.send(Action::Push, Method::PUT, url, |request| {
            request.header(CONTENT_TYPE, "application/octet-stream").body(blob.clone())
        });
        body::expect(put.await?, "an upload", &[StatusCode::CREATED]).await.map(drop)
    }

    async fn push_manifest(&mut self, manifest: Bytes, pinned: &Reference) -> Result<(), RegistryError> {
        let name = self.reference.tag.clone().unwrap_or_else(|| Reference { tag: None, ..pinned.clone() }.wanted());
        let url = self.url(&format!("manifests/{name}"))?;
        let put = self.send(Action::Push, Method::PUT, url, |request| {
            request.header(CONTENT_TYPE, MANIFEST).body(manifest.clone())
        });
        body::expect(put.await?, "the manifest's upload", &[StatusCode::CREATED]).await.map(drop)
    }
}
