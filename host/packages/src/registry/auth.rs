//! Who asks: credentials, and the token that a registry wants instead of them.

use super::error::RegistryError;
use reqwest::Url;
use serde::Deserialize;
use std::fmt;

/// Who pushes or pulls. What is secret is never printed.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A user and a password, or a token in a password's place.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// A token that the registry's token service exchanges for others.
    IdentityToken(String),
}

impl Credentials {
    /// What `docker login` has kept for a registry, in its file or by a helper program. Blocks while a helper runs.
    #[must_use]
    pub fn of_docker(registry: &str) -> Option<Self> {
        // Docker's own registry is the one that is kept under another name. Errors carry what helpers print: not ours.
        let kept = if registry == "docker.io" { "https://index.docker.io/v1/" } else { registry };
        Some(match docker_credential::get_credential(kept).ok()? {
            docker_credential::DockerCredential::UsernamePassword(user, password) => Self::Password { user, password },
            docker_credential::DockerCredential::IdentityToken(token) => Self::IdentityToken(token),
        })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

/// What a registry wants with its `WWW-Authenticate`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User and password with each request.
    Basic,
    /// A token of the service at `realm`.
    Bearer { realm: Url, service: Option<String> },
}

/// The answer of a token service.
#[derive(Deserialize)]
pub(super) struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Token {
    /// Old services say `token`, OAuth's `access_token`.
    pub(super) fn into_text(self) -> Option<String> {
        self.token.or(self.access_token).filter(|token| !token.is_empty())
    }
}

impl Challenge {
    /// Reads the header. Where there are several challenges, the token is preferred. A token service without TLS gets no
    /// credentials, unless the registry itself is spoken to without.
    pub(super) fn parse(header: &str, plain_http: bool, registry: &str) -> Result<Self, RegistryError> {
        let unusable = |why: String| RegistryError::Address { registry: registry.to_owned(), why };
        let challenges = http_auth::parse_challenges(header)
            .map_err(|_| unusable("its WWW-Authenticate header can't be read".into()))?;
        let of = |scheme: &str| challenges.iter().find(|challenge| challenge.scheme.eq_ignore_ascii_case(scheme));
        let Some(bearer) = of("Bearer") else {
            return match of("Basic") {
                Some(_) => Ok(Self::Basic),
                None => Err(unusable("it wants neither Basic nor Bearer authentication".into())),
            };
        };
        let parameter = |name: &str| {
            let found = bearer.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.to_unescaped())
        };
        let realm = parameter("realm").unwrap_or_default();
        let realm = Url::parse(&realm).map_err(|_| unusable("its token service has no address".into()))?;
        match realm.scheme() {
            "https" => {}
            "http" if plain_http => {}
            scheme => return Err(unusable(format!("its token service is reached by {scheme}, not https"))),
        }
        Ok(Self::Bearer { realm, service: parameter("service") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, plain_http: bool) -> Result<Challenge, String> {
        Challenge::parse(header, plain_http, "r.example").map_err(|error| error.to_string())
    }

    #[test]
    fn challenges_are_read() {
        assert_eq!(check("Basic realm=\"x\"", false), Ok(Challenge::Basic));
        let bearer = check(r#"Bearer realm="https://auth.example/token",service="r.example",scope="x""#, false);
        let realm = "https://auth.example/token".parse().expect("a URL");
        assert_eq!(bearer, Ok(Challenge::Bearer { realm, service: Some("r.example".into()) }));
    }

    #[test]
    fn credentials_go_to_no_service_without_tls() {
        let header = r#"Bearer realm="http://auth.example/token""#;
        assert!(check(header, false).is_err_and(|error| error.contains("not https")));
        assert!(check(header, true).is_ok());
        for bad in [r#"Bearer realm="file:///etc/passwd""#, "Bearer x=y", "Negotiate", "\"", ""] {
            assert!(check(bad, true).is_err(), "{bad}");
        }
    }

    #[test]
    fn credentials_are_not_printed() {
        let shown = format!("{:?}", Credentials::Password { user: "ann".into(), password: "hunter2".into() });
        assert!(!shown.contains("hunter2") && !shown.contains("ann"), "{shown}");
    }
}
