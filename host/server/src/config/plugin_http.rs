//! Where the requests of one plugin may go, and how much of the network they may use.

use super::Faults;
use forewarm_runtime::{HttpDestination, HttpGrant, HttpLimits, HttpMethod, HttpScheme, Secret, SecretHeader};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Duration;
use utoipa::ToSchema;

const MAX_DESTINATIONS: usize = 100;
/// The largest file of certificates or with a secret, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What a plugin with the capability `http` may reach. Without destinations every request is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PluginHttp {
    /// Connections at a time, idle ones included.
    pub connections: u32,
    /// Requests at a time, responses that are not read to their end included.
    pub in_flight: u32,
    /// Requests of one call; each counts as a host call, too.
    pub per_call: u32,
    /// Requests per second on average.
    pub per_second: u32,
    /// Requests at once beyond the average.
    pub burst: u32,
    /// The body of a request, in KiB.
    pub request_kib: u32,
    /// The body of a response, in KiB.
    pub response_kib: u32,
    /// All headers of a request or a response together, in KiB.
    pub header_kib: u32,
    /// Headers of a request or a response.
    pub headers: u32,
    /// Time for name resolution, connection and TLS, in milliseconds.
    pub connect_ms: u32,
    /// Time between a request and the response's headers, in milliseconds.
    pub first_byte_ms: u32,
    /// Time between two parts of a response's body, in milliseconds.
    pub between_bytes_ms: u32,
    /// Time of a whole exchange, in milliseconds.
    pub total_ms: u32,
    /// Time after which an unused connection is closed, in milliseconds.
    pub idle_ms: u32,
    /// Where requests may go: `[[plugins.settings.NAME.http.destinations]]`. The first that fits a request decides.
    pub destinations: Vec<PluginDestination>,
}

/// A place that a plugin's requests may go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginDestination {
    /// `https`, unless `http` is written.
    #[serde(default = "https")]
    pub scheme: String,
    /// A name, `*.NAME` for all below it, or an address (IPv6 in brackets).
    pub host: String,
    /// The port; the scheme's own by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The methods: `GET` and `HEAD` by default. `CONNECT` and `TRACE` can't be allowed.
    #[serde(default = "reading")]
    pub methods: Vec<String>,
    /// What paths begin with, in whole segments; `/` by default, which is every path.
    #[serde(default = "root")]
    pub path_prefix: String,
    /// Addresses, in CIDR notation, that are allowed though they are not public. Metadata services of clouds have to be
    /// named by their very address.
    #[serde(default)]
    pub allow_addresses: Vec<String>,
    /// Certificates in PEM that the server's has to be signed by, instead of the public authorities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub ca_file: Option<PathBuf>,
    /// Headers with secret values that the host adds: `authorization = { env = "TOKEN", prefix = "Bearer " }`. The plugin
    /// neither sees nor sets them.
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, SecretSource>)]
    pub secret_headers: BTreeMap<String, SecretSource>,
}

/// Where a secret is read when a plugin is loaded: an environment variable or a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SecretSource {
    /// The environment variable that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// The file that holds it; white space at its end is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub file: Option<PathBuf>,
    /// What is written before it, such as `Bearer `.
    pub prefix: String,
}

fn https() -> String {
    HttpScheme::Https.as_str().to_owned()
}

fn reading() -> Vec<String> {
    vec!["GET".to_owned(), "HEAD".to_owned()]
}

fn root() -> String {
    "/".to_owned()
}

impl Default for PluginHttp {
    fn default() -> Self {
        let HttpLimits { per_call, per_second, burst, .. } = HttpLimits::default();
        Self {
            connections: 8,
            in_flight: 8,
            per_call,
            per_second,
            burst,
            request_kib: 1_024,
            response_kib: 8_192,
            header_kib: 16,
            headers: 64,
            connect_ms: 5_000,
            first_byte_ms: 10_000,
            between_bytes_ms: 5_000,
            total_ms: 30_000,
            idle_ms: 30_000,
            destinations: Vec::new(),
        }
    }
}

impl PluginHttp {
    pub(super) fn check(&self, key: &str, faults: &mut Faults) {
        let mut range = |name: &str, value, least, most, unit| {
            faults.range(&format!("{key}.{name}"), value, least..=most, unit);
        };
        range("connections", self.connections, 1, 1_000, "connections");
        range("in_flight", self.in_flight, 1, 1_000, "requests");
        range("per_call", self.per_call, 0, 1_000_000, "requests");
        range("per_second", self.per_second, 1, 1_000_000, "requests");
        range("burst", self.burst, 1, 1_000_000, "requests");
        range("request_kib", self.request_kib, 0, 65_536, "KiB");
        range("response_kib", self.response_kib, 0, 1_048_576, "KiB");
        range("header_kib", self.header_kib, 1, 256, "KiB");
        range("headers", self.headers, 1, 1_000, "headers");
        for (name, value) in [
            ("connect_ms", self.connect_ms),
            ("first_byte_ms", self.first_byte_ms),
            ("between_bytes_ms", self.between_bytes_ms),
            ("total_ms", self.total_ms),
            ("idle_ms", self.idle_ms),
        ] {
            range(name, value, 1, 3_600_000, "milliseconds");
        }
        if self.destinations.len() > MAX_DESTINATIONS {
            let problem = format!("has {} entries", self.destinations.len());
            faults.push(&format!("{key}.destinations"), problem, format!("use at most {MAX_DESTINATIONS}"));
        }
        for (index, destination) in self.destinations.iter().enumerate() {
            destination.check(&format!("{key}.destinations[{index}]"), faults);
        }
    }

    /// The grant, with certificates and secrets read.
    ///
    /// # Errors
    /// A sentence that names the destination and its part, and never a secret.
    pub fn grant(&self) -> Result<HttpGrant, String> {
        let destinations = self.destinations.iter().map(|destination| {
            destination.granted().map_err(|(part, problem)| {
                format!("http.destinations with the host {}: {part}: {problem}", destination.host)
            })
        });
        Ok(HttpGrant { destinations: destinations.collect::<Result<_, _>>()?, limits: self.limits() })
    }

    fn limits(&self) -> HttpLimits {
        let ms = |ms: u32| Duration::from_millis(ms.into());
        HttpLimits {
            connections: self.connections as usize,
            in_flight: self.in_flight as usize,
            per_call: self.per_call,
            per_second: self.per_second,
            burst: self.burst,
            request_bytes: (self.request_kib as usize) << 10,
            response_bytes: u64::from(self.response_kib) << 10,
            header_bytes: (self.header_kib as usize) << 10,
            headers: self.headers as usize,
            connect: ms(self.connect_ms),
            first_byte: ms(self.first_byte_ms),
            between_bytes: ms(self.between_bytes_ms),
            total: ms(self.total_ms),
            idle: ms(self.idle_ms),
        }
    }
}

/// The part of a destination that can't be used, and why not.
type Wrong = (String, String);

fn wrong<E: Display>(part: &str) -> impl Fn(E) -> Wrong {
    move |error| (part.to_owned(), error.to_string())
}

impl PluginDestination {
    /// Tells every part that is wrong as it is written, without reading what it names.
    fn check(&self, key: &str, faults: &mut Faults) {
        const HELP: &str = "see the section on outgoing requests in docs/operators.md";
        if let Err((part, problem)) = self.parsed() {
            faults.push(&format!("{key}.{part}"), problem, HELP);
        }
        if let Some(file) = self.ca_file.as_ref().filter(|file| !file.is_file()) {
            let problem = format!("names {}, which is no file", file.display());
            faults.push(&format!("{key}.ca_file"), problem, "name a file of certificates in PEM");
        }
        for (name, source) in &self.secret_headers {
            let key = format!("{key}.secret_headers.{name}");
            let placeholder = Secret::new("x").and_then(|secret| SecretHeader::new(name, secret));
            if let Err(error) = placeholder {
                faults.push(&key, error.to_string(), "name a header of the request itself, such as authorization");
            }
            if source.env.is_some() == source.file.is_some() {
                faults.push(&key, "has to name one place", "set either env or file");
            }
        }
    }

    /// All but what has to be read.
    fn parsed(&self) -> Result<HttpDestination, Wrong> {
        let scheme = [HttpScheme::Https, HttpScheme::Http].into_iter().find(|known| known.as_str() == self.scheme);
        let no_scheme = || ("scheme".to_owned(), format!("`{}` is neither https nor http", self.scheme));
        let scheme = scheme.ok_or_else(no_scheme)?;
        let methods = self.methods.iter().map(|method| method.parse::<HttpMethod>());
        let addresses = self.allow_addresses.iter().map(|range| range.parse());
        Ok(HttpDestination {
            scheme,
            host: self.host.parse().map_err(wrong("host"))?,
            port: self.port.filter(|port| *port != 0).unwrap_or_else(|| scheme.default_port()),
            methods: methods.collect::<Result<_, _>>().map_err(wrong("methods"))?,
            path_prefix: self.path_prefix.parse().map_err(wrong("path_prefix"))?,
            allow_addresses: addresses.collect::<Result<_, _>>().map_err(wrong("allow_addresses"))?,
            ca_pem: None,
            secret_headers: Vec::new(),
        })
    }

    fn granted(&self) -> Result<HttpDestination, Wrong> {
        let mut destination = self.parsed()?;
        if let Some(file) = &self.ca_file {
            destination.ca_pem = Some(read(file).map_err(|problem| ("ca_file".to_owned(), problem))?);
        }
        for (name, source) in &self.secret_headers {
            let part = format!("secret_headers.{name}");
            let value = source.read().map_err(|problem| (part.clone(), problem))?;
            let header = Secret::new(&value).and_then(|secret| SecretHeader::new(name, secret));
            destination.secret_headers.push(header.map_err(wrong(&part))?);
        }
        Ok(destination)
    }
}

impl SecretSource {
    fn read(&self) -> Result<String, String> {
        let secret = match (&self.env, &self.file) {
            (Some(name), None) => {
                std::env::var(name).map_err(|_| format!("the environment variable {name} is not set, or not text"))?
            }
            (None, Some(file)) => {
                String::from_utf8(read(file)?).map_err(|_| format!("the file {} is not text", file.display()))?
            }
            _ => return Err("set either env or file".to_owned()),
        };
        match secret.trim_end() {
            "" => Err("there is no secret in it".to_owned()),
            secret => Ok(format!("{}{secret}", self.prefix)),
        }
    }
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let told = |error: std::io::Error| format!("the file {} can't be read: {error}", file.display());
    let bytes = std::fs::metadata(file).map_err(told)?.len();
    if bytes > MAX_FILE_BYTES {
        return Err(format!("the file {} has {bytes} bytes, at most {MAX_FILE_BYTES} are read", file.display()));
    }
    std::fs::read(file).map_err(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> PluginHttp {
        toml::from_str(text).expect("a table")
    }

    fn faults(text: &str) -> String {
        let mut faults = Faults::default();
        parse(text).check("http", &mut faults);
        faults.to_string()
    }

    #[test]
    fn the_defaults_are_the_runtimes() {
        assert_eq!(PluginHttp::default().limits(), HttpLimits::default());
        let only = parse("[[destinations]]\nhost = \"a.com\"");
        assert_eq!(
            only.grant().expect("a grant").destinations,
            [HttpDestination::new("a.com".parse().expect("a host"))]
        );
    }

    #[test]
    fn every_fault_has_its_place() {
        let place = |line: &str| faults(&format!("[[destinations]]\nhost = \"a.com\"\n{line}"));
        for (line, key) in [
            ("scheme = \"ftp\"", "scheme"),
            ("methods = [\"TRACE\"]", "methods"),
            ("path_prefix = \"v1\"", "path_prefix"),
            ("allow_addresses = [\"10.0.0.0/40\"]", "allow_addresses"),
            ("ca_file = \"/no/such/file\"", "ca_file"),
            ("secret_headers.host = { env = \"X\" }", "secret_headers.host"),
            ("secret_headers.authorization = {}", "secret_headers.authorization"),
            ("secret_headers.authorization = { env = \"X\", file = \"y\" }", "secret_headers.authorization"),
        ] {
            let told = place(line);
            assert!(told.starts_with(&format!("http.destinations[0].{key} ")), "{line}: {told}");
        }
        assert!(faults("[[destinations]]\nhost = \"0x7f.1\"").starts_with("http.destinations[0].host "));
        assert!(faults("in_flight = 0\ntotal_ms = 0").contains("http.total_ms is 0, out of range"));
        assert_eq!(place(""), "");
    }

    #[test]
    fn secrets_are_read_from_files_and_never_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("token");
        std::fs::write(&file, "hunter2\n").expect("writes");
        let text = format!(
            "[[destinations]]\nhost = \"a.com\"\nsecret_headers.authorization = {{ file = {file:?}, prefix = \"Bearer \" }}"
        );
        let grant = parse(&text).grant().expect("a grant");
        let expected = SecretHeader::new("authorization", Secret::new("Bearer hunter2").expect("a value"));
        assert_eq!(grant.destinations[0].secret_headers, [expected.expect("a header")]);
        assert!(!format!("{grant:?}").contains("hunter2"));

        std::fs::write(&file, "hunter2\nhunter3").expect("writes");
        let error = parse(&text).grant().expect_err("two lines");
        assert!(error.contains("a.com: secret_headers.authorization: ") && !error.contains("hunter"), "{error}");
        std::fs::remove_file(&file).expect("removes");
        assert!(parse(&text).grant().expect_err("no file").contains("can't be read"));
    }
}
