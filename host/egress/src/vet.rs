//! From a name to the addresses that may be connected to.

use super::address::{AddressRange, may_connect};
use super::host::Host;
use super::resolve::Resolver;
use std::net::IpAddr;

/// Addresses of a name that are looked at; more are not a service's but somebody's attempt.
const ADDRESSES_MAX: usize = 64;

/// Why a host may not be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The name can't be resolved.
    #[error("the host's name can't be resolved")]
    Unresolved,
    /// The name has no address.
    #[error("the host's name has no address")]
    NoAddress,
    /// An address is not public and not named by the operator, or the name has far too many.
    #[error("the host leads to an address that is not public")]
    Forbidden,
}

/// The addresses of `host`, in the form to connect to.
///
/// # Errors
/// [`Refusal`], when only one of the addresses may not be connected to.
pub async fn vetted(host: &Host, resolver: &dyn Resolver, allowed: &[AddressRange]) -> Result<Vec<IpAddr>, Refusal> {
    let addresses = match host {
        Host::Address(address) => vec![*address],
        Host::Name(name) => resolver.resolve(name).await.map_err(|_| Refusal::Unresolved)?,
    };
    if addresses.is_empty() {
        return Err(Refusal::NoAddress);
    }
    if addresses.len() > ADDRESSES_MAX || !addresses.iter().all(|address| may_connect(*address, allowed)) {
        return Err(Refusal::Forbidden);
    }
    Ok(addresses.into_iter().map(|address| address.to_canonical()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;

    fn host(text: &str) -> Host {
        Host::parse(text).expect("a host")
    }

    #[derive(Debug)]
    struct Fixed(Vec<&'static str>);

    #[async_trait]
    impl Resolver for Fixed {
        async fn resolve(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
            Ok(self.0.iter().map(|text| text.parse().expect("an address")).collect())
        }
    }

    #[tokio::test]
    async fn one_internal_address_refuses_the_name() {
        for (addresses, expected) in [
            (vec!["1.1.1.1", "2606:4700::1111"], Ok(2)),
            (vec!["1.1.1.1", "10.0.0.1"], Err(Refusal::Forbidden)),
            (vec!["::ffff:169.254.169.254"], Err(Refusal::Forbidden)),
            (vec![], Err(Refusal::NoAddress)),
            (vec!["1.1.1.1"; 65], Err(Refusal::Forbidden)),
        ] {
            let found = vetted(&host("hooks.example"), &Fixed(addresses), &[]).await;
            assert_eq!(found.map(|addresses| addresses.len()), expected);
        }
    }

    #[tokio::test]
    async fn an_address_is_not_resolved_and_comes_back_in_its_plain_form() {
        let nobody = Fixed(vec![]);
        assert_eq!(vetted(&host("127.0.0.1"), &nobody, &[]).await, Err(Refusal::Forbidden));
        let loopback = ["127.0.0.0/8".parse().expect("a range")];
        let found = vetted(&host("[::ffff:127.0.0.1]"), &nobody, &loopback).await;
        assert_eq!(found, Ok(vec!["127.0.0.1".parse().expect("an address")]));
    }
}
