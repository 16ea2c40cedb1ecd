//! Free TCP ports on 127.0.0.1. They lie below the range from which systems choose ports for outgoing connections, so
//! that a server which is down for a moment finds its port free when it comes back.

use std::{
    net::TcpListener,
    process,
    sync::atomic::{AtomicU32, Ordering},
};

const FIRST: u32 = 20_000;
const COUNT: u32 = 10_000;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Ports that were free a moment ago. Another process can still be faster, so a server that fails to bind one should
/// be given the next. Each process begins elsewhere, which makes that rare.
pub(crate) fn free() -> impl Iterator<Item = u16> {
    let ports = std::iter::repeat_with(|| {
        let step = process::id().wrapping_mul(37).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        u16::try_from(FIRST + step % COUNT).expect("a port below 30000")
    });
    ports.filter(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skips_a_port_in_use() {
        let taken = free().next().expect("a port");
        let _listener = TcpListener::bind(("127.0.0.1", taken)).expect("it was free");
        let again = free().take(usize::try_from(COUNT).expect("fits") / 100);
        assert!(again.into_iter().all(|port| port != taken));
    }
}
