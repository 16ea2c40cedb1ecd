//! Requests to one repository of one registry: addresses, time limits, redirects, and who asks.

use super::auth::{Challenge, Credentials, Token};
use super::body;
use super::error::RegistryError;
use super::reference::Reference;
use reqwest::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a registry may be silent in the middle of an answer.
const SILENCE: Duration = Duration::from_secs(30);
const MAX_REDIRECTS: usize = 5;
const MAX_TOKEN_BYTES: u64 = 64 << 10;

/// How a registry is reached.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Speak HTTP without TLS. To this machine itself that is the rule.
    pub plain_http: bool,
    /// Who asks; nobody in particular where there are none.
    pub credentials: Option<Credentials>,
}

/// One repository of one registry.
pub struct Registry {
    http: Client,
    pub(super) reference: Reference,
    plain_http: bool,
    credentials: Option<Credentials>,
    /// The last answer to a challenge.
    authorization: Option<HeaderValue>,
}

/// What is asked for, as far as a token service wants to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Pull,
    Push,
}

impl Registry {
    /// A client for the repository of `reference`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`RegistryError`] when TLS can't be set up.
    pub fn new(reference: &Reference, access: Access) -> Result<Self, RegistryError> {
        let plain_http = access.plain_http || reference.is_loopback();
        let built = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(SILENCE)
            .redirect(Policy::custom(move |attempt| follow(attempt, plain_http)))
            .user_agent(concat!("forewarm/", env!("CARGO_PKG_VERSION")))
            .build();
        let http = built.map_err(|error| body::unreachable(&reference.registry, &error))?;
        let credentials = access.credentials;
        Ok(Self { http, reference: reference.clone(), plain_http, credentials, authorization: None })
    }

    /// The address of something below the repository, such as `manifests/1.0`.
    pub(super) fn url(&self, rest: &str) -> Result<Url, RegistryError> {
        let Reference { registry, repository, .. } = &self.reference;
        let scheme = if self.plain_http { "http" } else { "https" };
        let text = format!("{scheme}://{registry}/v2/{repository}/{rest}");
        Url::parse(&text).map_err(|error| self.unusable(error.to_string()))
    }

    /// An address that the registry gave, which may be relative. A registry with TLS may not lead away from it.
    pub(super) fn given(&self, location: &str) -> Result<Url, RegistryError> {
        let joined = self.url("")?.join(location).map_err(|error| self.unusable(error.to_string()))?;
        match joined.scheme() {
            "https" => Ok(joined),
            "http" if self.plain_http => Ok(joined),
            scheme => Err(self.unusable(format!("it leads to an address by {scheme}"))),
        }
    }

    /// Sends a request, and once more with an answer to the challenge if there is one.
    pub(super) async fn send(
        &mut self,
        action: Action,
        method: Method,
        url: Url,
        with: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, RegistryError> {
        let first = self.send_once(method.clone(), url.clone(), &with).await?;
        if first.status() != StatusCode::UNAUTHORIZED {
            return self.allowed(first);
        }
        let challenge = first.headers().get(WWW_AUTHENTICATE).and_then(|header| header.to_str().ok());
        let challenge = challenge.ok_or_else(|| self.unauthorized("wants credentials and does not say how"))?;
        let challenge = Challenge::parse(challenge, self.plain_http, &self.reference.registry)?;
        self.authorization = Some(self.answer(challenge, action).await?);
        let second = self.send_once(method, url, &with).await?;
        self.allowed(second)
    }

    async fn send_once(
        &self,
        method: Method,
        url: Url,
        with: &impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, RegistryError> {
        // What was said to this registry is said to no other one.
        let ours = self.url("").is_ok_and(|base| base.origin() == url.origin());
        let mut request = with(self.http.request(method, url));
        if let Some(authorization) = self.authorization.as_ref().filter(|_| ours) {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        request.send().await.map_err(|error| body::unreachable(&self.reference.registry, &error))
    }

    fn allowed(&self, response: Response) -> Result<Response, RegistryError> {
        match response.status() {
            StatusCode::UNAUTHORIZED if self.credentials.is_none() => Err(self.unauthorized("wants credentials")),
            StatusCode::UNAUTHORIZED => Err(self.unauthorized("refuses the credentials")),
            StatusCode::FORBIDDEN => Err(self.unauthorized("does not allow that")),
            _ => Ok(response),
        }
    }

    async fn answer(&self, challenge: Challenge, action: Action) -> Result<HeaderValue, RegistryError> {
        let made = match challenge {
            Challenge::Basic => {
                let Some(Credentials::Password { user, password }) = &self.credentials else {
                    return Err(self.unauthorized("wants a user and a password"));
                };
                // The header is made by the library; this request is never sent.
                let request = self.http.get(self.url("")?).basic_auth(user, Some(password)).build();
                request.ok().and_then(|request| request.headers().get(AUTHORIZATION).cloned())
            }
            Challenge::Bearer { realm, service } => {
                let token = self.token(realm, service, action).await?;
                HeaderValue::from_str(&format!("Bearer {token}")).ok()
            }
        };
        let mut header = made.ok_or_else(|| self.unusable("its token can't be sent in a header".into()))?;
        header.set_sensitive(true);
        Ok(header)
    }

    async fn token(&self, realm: Url, service: Option<String>, action: Action) -> Result<String, RegistryError> {
        let actions = if action == Action::Push { "pull,push" } else { "pull" };
        let scope = format!("repository:{}:{actions}", self.reference.repository);
        let service = service.unwrap_or_default();
        let request = match &self.credentials {
            Some(Credentials::IdentityToken(token)) => {
                let form = [
                    ("grant_type", "refresh_token"),
                    ("refresh_token", token),
                    ("client_id", "forewarm"),
                    ("service", &service),
                    ("scope", &scope),
                ];
                self.http.post(realm).form(&form)
            }
            credentials => {
                let mut url = realm;
                url.query_pairs_mut().append_pair("service", &service).append_pair("scope", &scope);
                match credentials {
                    Some(Credentials::Password { user, password }) => {
                        self.http.get(url).basic_auth(user, Some(password))
                    }
                    _ => self.http.get(url),
                }
            }
        };
        let response = request.send().await.map_err(|error| body::unreachable(&self.reference.registry, &error))?;
        let response = self.allowed(response)?;
        let response = body::expect(response, "a token", &[StatusCode::OK]).await?;
        let text = body::read(response, "a token", MAX_TOKEN_BYTES).await?;
        let token = serde_json::from_slice::<Token>(&text).ok().and_then(Token::into_text);
        token.ok_or_else(|| self.unusable("its token service sends no token".into()))
    }

    fn unauthorized(&self, why: &str) -> RegistryError {
        RegistryError::Unauthorized { registry: self.reference.registry.clone(), why: why.to_owned() }
    }

    fn unusable(&self, why: String) -> RegistryError {
        RegistryError::Address { registry: self.reference.registry.clone(), why }
    }
}

/// Registries lead to where they keep their blobs; never from TLS to an address without. The library takes the
/// authorization off where the host changes.
fn follow(attempt: Attempt<'_>, plain_http: bool) -> reqwest::redirect::Action {
    if attempt.previous().len() > MAX_REDIRECTS {
        return attempt.error("more than 5 redirects");
    }
    match attempt.url().scheme() {
        "https" => attempt.follow(),
        "http" if plain_http => attempt.follow(),
        _ => attempt.error("a redirect to an address without TLS"),
    }
}
