//! The NATS server of the tests, 2.10 or newer.

use super::debian::Program;

pub(crate) const NATS_SERVER: Program = Program {
    what: "NATS server",
    name: "nats-server",
    variable: "FOREWARM_TEST_NATS_SERVER",
    oldest: "2.10",
    is_usable: |text| version(text).is_some_and(|found| found >= OLDEST),
    advice: "put nats-server 2.10 or newer (https://nats.io/download) on PATH",
};

/// Older servers answer the account question in a form that the client can't read.
const OLDEST: (u32, u32) = (2, 10);

/// Reads `nats-server: v2.10.27`.
fn version(text: &str) -> Option<(u32, u32)> {
    let (_, version) = text.trim().rsplit_once(": ")?;
    let mut numbers = version.trim_start_matches('v').split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions() {
        assert_eq!(version("nats-server: v2.10.27\n"), Some((2, 10)));
        assert_eq!(version("nats-server: 2.9.10-1"), Some((2, 9)));
        assert_eq!(version("something else"), None);
    }

    #[test]
    fn an_old_server_is_refused_by_number_not_by_text() {
        assert!(!(NATS_SERVER.is_usable)("nats-server: v2.9.10"));
        assert!((NATS_SERVER.is_usable)("nats-server: v2.15.1"));
    }
}
