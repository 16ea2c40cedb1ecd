//! Where a plugin is in a registry: `REGISTRY/REPOSITORY:TAG@sha256:DIGEST`, tag and digest each optional.

use crate::digest::Digest;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

const MAX_REFERENCE_BYTES: usize = 512;

/// See the module's description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Host and port, such as `ghcr.io` or `127.0.0.1:5000`.
    pub registry: String,
    /// The repository, such as `acme/forecaster-x`.
    pub repository: String,
    /// The tag.
    pub tag: Option<String>,
    /// The digest of the manifest.
    pub digest: Option<Digest>,
}

/// Why a text is not a reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no reference to a plugin: {why}; use REGISTRY/REPOSITORY:TAG or REGISTRY/REPOSITORY@sha256:DIGEST"
)]
pub struct InvalidReference {
    text: String,
    why: String,
}

impl Reference {
    /// The same, pinned.
    #[must_use]
    pub fn pinned(&self, digest: Digest) -> Self {
        Self { digest: Some(digest), ..self.clone() }
    }

    /// What a manifest is asked for by: the digest where there is one, else the tag.
    pub(super) fn wanted(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => "latest".to_owned(),
        }
    }

    /// Whether the registry is this machine.
    pub(super) fn is_loopback(&self) -> bool {
        let host = host(&self.registry);
        host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

/// Without the port.
fn host(registry: &str) -> &str {
    match registry.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => registry,
    }
}

impl FromStr for Reference {
    type Err = InvalidReference;
    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        parse(text).map_err(|why| InvalidReference { text: text.chars().take(100).collect(), why })
    }
}

fn parse(text: &str) -> Result<Reference, String> {
    if text.len() > MAX_REFERENCE_BYTES {
        return Err(format!("it has more than {MAX_REFERENCE_BYTES} bytes"));
    }
    if text.contains("://") {
        return Err("it has a scheme; leave that out".into());
    }
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest.parse::<Digest>().map_err(|error| error.to_string())?)),
        None => (text, None),
    };
    let (registry, path) = rest.split_once('/').ok_or("it names no registry")?;
    let (repository, tag) = match path.split_once(':') {
        Some((repository, tag)) => (repository, Some(tag)),
        None => (path, None),
    };
    if !is_registry(registry) {
        return Err(format!("`{registry}` is no registry: it needs a dot or a port, or is `localhost`"));
    }
    if !is_repository(repository) {
        return Err(format!(
            "`{repository}` is no repository: use lower-case letters, digits and single . _ - / between"
        ));
    }
    if tag.is_some_and(|tag| !is_tag(tag)) {
        return Err("its tag must have 1 to 128 letters, digits and any of _ . -".into());
    }
    let (registry, repository, tag) = (registry.to_owned(), repository.to_owned(), tag.map(str::to_owned));
    Ok(Reference { registry, repository, tag, digest })
}

fn is_registry(text: &str) -> bool {
    let name = host(text);
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
    let ip6 = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let ip6 = ip6.is_some_and(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok());
    let port = text.get(name.len() + 1..).map(str::parse::<u16>);
    let named = name == "localhost" || name.contains('.') || port.is_some() || ip6;
    !name.is_empty() && (plain || ip6) && named && port.is_none_or(|port| port.is_ok())
}

fn is_repository(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let part = |part: &str| {
        part.bytes().next().is_some_and(plain)
            && part.bytes().last().is_some_and(plain)
            && part.bytes().all(|b| plain(b) || b"._-".contains(&b))
            && !part.contains("..")
    };
    text.len() <= 255 && text.split('/').all(part)
}

fn is_tag(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
        && !text.starts_with(['.', '-'])
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_they_are_written() {
        let digest = Digest::of(b"");
        for (text, registry, repository, tag, loopback) in [
            ("ghcr.io/acme/forecaster-x:1.2".to_owned(), "ghcr.io", "acme/forecaster-x", Some("1.2"), false),
            (format!("127.0.0.1:5000/x@{digest}"), "127.0.0.1:5000", "x", None, true),
            (format!("localhost/x:v1@{digest}"), "localhost", "x", Some("v1"), true),
            ("[::1]:5000/a/b/c_d:1".to_owned(), "[::1]:5000", "a/b/c_d", Some("1"), true),
            ("registry:5000/x".to_owned(), "registry:5000", "x", None, false),
        ] {
            let read: Reference = text.parse().expect("valid");
            assert_eq!(
                (read.registry.as_str(), read.repository.as_str(), read.tag.as_deref()),
                (registry, repository, tag)
            );
            assert_eq!((read.to_string(), read.is_loopback()), (text, loopback));
        }
    }

    #[test]
    fn what_is_no_reference_says_what_would_be_right() {
        for bad in [
            "",
            "x",
            "x:1",
            "acme/x:1",
            "https://ghcr.io/x",
            "ghcr.io/X",
            "ghcr.io/x/../y",
            "ghcr.io/x:",
            "ghcr.io/x@sha256:1",
            "ghcr.io:99999/x",
            "ghcr.io/x?y",
            "user@ghcr.io/x",
            "ghcr.io/",
            &format!("ghcr.io/{}", "x".repeat(600)),
        ] {
            let error = bad.parse::<Reference>().expect_err(bad).to_string();
            assert!(error.contains("use REGISTRY/REPOSITORY:TAG"), "{error}");
        }
    }
}
