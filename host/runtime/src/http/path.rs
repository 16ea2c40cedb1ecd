//! Paths: what a destination may be limited to, and paths that a server could read as another one.

use super::HttpGrantError;
use percent_encoding::percent_decode_str;
use std::fmt;
use std::str::FromStr;

/// Paths are decoded until nothing changes, at most this often: some servers decode more than once.
const MAX_DECODINGS: usize = 4;

/// The beginning of the paths that a destination allows, whole segments of it: `/v1` allows `/v1` and `/v1/pods`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPrefix(String);

impl PathPrefix {
    pub(super) fn allows(&self, path: &str) -> bool {
        match path.strip_prefix(self.0.as_str()) {
            Some(rest) => rest.is_empty() || self.0.ends_with('/') || rest.starts_with('/'),
            None => false,
        }
    }
}

impl Default for PathPrefix {
    /// Every path.
    fn default() -> Self {
        Self("/".to_owned())
    }
}

impl FromStr for PathPrefix {
    type Err = HttpGrantError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\\".contains(&byte));
        if text.starts_with('/') && plain && !climbs(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(HttpGrantError(format!("`{text}` is no beginning of a path, such as /v1/")))
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a server could read `path` as one that leads upwards: it has a segment `.` or `..`, encoded in whatever way,
/// or with parameters.
pub(super) fn climbs(path: &str) -> bool {
    let mut path = path.to_owned();
    for _ in 0..MAX_DECODINGS {
        if path.split(['/', '\\']).any(|segment| matches!(segment.split(';').next(), Some("." | ".."))) {
            return true;
        }
        let decoded = percent_decode_str(&path).decode_utf8_lossy().into_owned();
        if decoded == path {
            return false;
        }
        path = decoded;
    }
    // Encoded so often that nobody can tell what it stands for.
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_at_a_segment() {
        let check = |prefix: &str, path: &str| prefix.parse::<PathPrefix>().expect("a prefix").allows(path);
        assert!(check("/v1", "/v1") && check("/v1", "/v1/pods") && check("/v1/", "/v1/pods") && check("/", "/x"));
        assert!(!check("/v1", "/v10") && !check("/v1/", "/v1") && !check("/v1", "/V1"));
        for wrong in ["", "v1", "/a b", "/a?b", "/a/../b", "/a\\b"] {
            assert!(wrong.parse::<PathPrefix>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_way_up_is_seen() {
        for path in
            ["/v1/../a", "/v1/%2e%2E/a", "/v1/..%2fa", "/v1/..;x/a", "/v1/%252e./a", "/v1/..\\a", "/v1/%5c../a", "/./a"]
        {
            assert!(climbs(path), "{path}");
        }
        for path in ["/", "/v1/a..b", "/v1/...", "/groups/a%2Fb", "/a.b/c;d=e", "/%"] {
            assert!(!climbs(path), "{path}");
        }
    }
}
