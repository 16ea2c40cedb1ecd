//! Which addresses may be connected to: public ones, and those that the operator names.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A text that is no range of addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no range of addresses, such as 10.0.0.0/8 or fd00::/8")]
pub struct InvalidRange(String);

/// A range of addresses in CIDR notation, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange(IpNet);

impl AddressRange {
    /// Whether `address` lies in the range.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for AddressRange {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let net = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        Ok(Self(net.ok_or_else(|| InvalidRange(text.to_owned()))?.trunc()))
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is not public in IPv4: IANA's registry of special-purpose addresses, multicast, and the reserved rest.
const NOT_PUBLIC: [(Ipv4Addr, u8); 19] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 52, 193, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(192, 175, 48, 0), 24),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    METADATA_OF_AZURE,
];
/// Azure's platform services answer on an address that is public by its number.
const METADATA_OF_AZURE: (Ipv4Addr, u8) = (Ipv4Addr::new(168, 63, 129, 16), 32);

/// Where clouds hand out credentials. A range never allows these; only their very address does.
const METADATA: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(METADATA_OF_AZURE.0),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// All of IPv6 that is routed publicly lies in here; translation (64:ff9b::/96), unique local, link-local, multicast and
/// the forms that embed IPv4 addresses do not.
const GLOBAL_UNICAST: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// What is not public within [`GLOBAL_UNICAST`]: IETF assignments with Teredo, documentation, 6to4.
const NOT_PUBLIC_V6: [(Ipv6Addr, u8); 5] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Whether a connection to `address` is allowed: it is public, or lies in `allowed`. An IPv4 address in IPv6 notation
/// counts as what it is.
#[must_use]
pub fn may_connect(address: IpAddr, allowed: &[AddressRange]) -> bool {
    let address = address.to_canonical();
    if METADATA.contains(&address) {
        return allowed.iter().any(|range| range.0 == IpNet::from(address));
    }
    is_public(address) || allowed.iter().any(|range| range.0.contains(&address))
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            !NOT_PUBLIC.iter().any(|(net, bits)| Ipv4Net::new_assert(*net, *bits).contains(&address))
        }
        IpAddr::V6(address) => {
            let within = |(net, bits): &(Ipv6Addr, u8)| Ipv6Net::new_assert(*net, *bits).contains(&address);
            within(&GLOBAL_UNICAST) && !NOT_PUBLIC_V6.iter().any(within)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, allowed: &[&str]) -> bool {
        let allowed: Vec<_> = allowed.iter().map(|range| range.parse().expect("a range")).collect();
        may_connect(address.parse().expect("an address"), &allowed)
    }

    #[test]
    fn public_addresses_are_allowed() {
        for address in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"] {
            assert!(check(address, &[]), "{address}");
        }
    }

    #[test]
    fn everything_else_is_not() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.19.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!check(address, &[]), "{address}");
        }
    }

    #[test]
    fn what_the_operator_names_is_allowed() {
        assert!(check("10.1.2.3", &["10.0.0.0/8"]) && check("::ffff:10.1.2.3", &["10.0.0.0/8"]));
        assert!(check("127.0.0.1", &["127.0.0.1"]) && !check("127.0.0.2", &["127.0.0.1"]));
        assert!(check("64:ff9b::7f00:1", &["64:ff9b::/96"]));
        assert!(!check("11.0.0.1", &["10.0.0.0/8"]) || is_public("11.0.0.1".parse().expect("an address")));
    }

    #[test]
    fn a_range_never_includes_a_metadata_address() {
        for (address, range) in [("169.254.169.254", "169.254.0.0/16"), ("fd00:ec2::254", "::/0")] {
            assert!(!check(address, &[range]) && check(address, &[address]), "{address}");
        }
        assert!("10.0.0.0/33".parse::<AddressRange>().is_err() && "10.1".parse::<AddressRange>().is_err());
    }
}
