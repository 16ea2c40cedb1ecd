//! Name resolution. It happens once for each new connection; what it answers is vetted and then connected to as it is.

use async_trait::async_trait;
use std::fmt;
use std::net::IpAddr;

/// Finds the addresses of a name.
#[async_trait]
pub trait Resolver: fmt::Debug + Send + Sync + 'static {
    /// The addresses of `name`, a host name in lower case.
    ///
    /// # Errors
    /// Whatever kept the name from being resolved.
    async fn resolve(&self, name: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// Asks the system, as its `/etc/hosts` and `/etc/resolv.conf` say.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}
