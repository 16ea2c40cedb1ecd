//! Which host a command talks to, and with which token: flags and environment first, then the note of the host that
//! runs on this machine, then what its configuration says.

use super::error::CliError;
use super::running::{Running, read_token};
use super::{Global, client::Client};
use crate::config::{Config, ConfigError, Sources, load};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

impl Global {
    /// Where the configuration comes from: file, environment and the flags that all commands share.
    pub(super) fn sources(&self) -> Result<Sources, CliError> {
        let data_dir = match &self.data_dir {
            Some(dir) => {
                let text = dir.to_str().ok_or_else(|| CliError::Usage("--data-dir must be valid UTF-8".into()))?;
                Some(text.to_owned())
            }
            None => None,
        };
        Ok(Sources::of_process(self.config.clone()).with_flag("--data-dir", "data_dir", data_dir))
    }

    /// The configuration in effect.
    pub(super) fn config(&self) -> Result<Config, CliError> {
        Ok(load(&self.sources()?)?)
    }

    /// A client for the host that is meant.
    pub(super) fn client(&self) -> Result<Client, CliError> {
        let needs_config = self.url.is_none() || self.token.is_none();
        let config = if needs_config { self.local_config()? } else { None };
        let running = config.as_ref().and_then(|config| Running::find(&config.data_dir));
        let url = self.url.clone().or_else(|| running.as_ref().map(|running| running.url.clone()));
        let url = url.or_else(|| config.as_ref().map(|config| local_url(config.http.listen)));
        let url = url.unwrap_or_else(|| local_url(crate::config::HttpConfig::default().listen));
        let token = self.token.clone().or_else(|| running.as_ref().and_then(Running::token));
        let token = token.or_else(|| config.as_ref().and_then(|config| read_token(&config.admin_token_file())));
        Client::new(url.trim_end_matches('/').to_owned(), token)
    }

    /// A machine without a home directory can still talk to a host elsewhere.
    fn local_config(&self) -> Result<Option<Config>, CliError> {
        match load(&self.sources()?) {
            Ok(config) => Ok(Some(config)),
            Err(ConfigError::NoHome) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// The address by which a host that listens at `listen` is reached from this machine.
pub(super) fn local_url(listen: SocketAddr) -> String {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, listen.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_listens_everywhere_is_reached_on_loopback() {
        for (listen, url) in [
            ("0.0.0.0:7180", "http://127.0.0.1:7180"),
            ("[::]:80", "http://[::1]:80"),
            ("10.0.0.5:7180", "http://10.0.0.5:7180"),
        ] {
            assert_eq!(local_url(listen.parse().expect("an address")), url);
        }
    }
}
