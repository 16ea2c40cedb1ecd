//! A guest's standard error: the last of it is kept, so that a trap can be told with its panic message.

use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

const KEPT_BYTES: usize = 512;
/// What a guest may hand over in one write.
const PERMIT_BYTES: usize = 4 << 10;

/// The last bytes that a guest wrote; everything before is forgotten.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stderr(Arc<Mutex<VecDeque<u8>>>);

impl Stderr {
    /// What was kept, as text.
    pub(crate) fn last(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = kept.iter().copied().collect();
        crate::failure::clean(String::from_utf8_lossy(&bytes).trim(), KEPT_BYTES)
    }

    /// Forgets what was kept: another call begins.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn keep(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tail = &bytes[bytes.len().saturating_sub(KEPT_BYTES)..];
        let surplus = (kept.len() + tail.len()).saturating_sub(KEPT_BYTES);
        kept.drain(..surplus);
        kept.extend(tail);
    }
}

impl IsTerminal for Stderr {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stderr {
    /// For WASI 0.3, which is not linked.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Stderr {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.keep(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT_BYTES)
    }
}

#[async_trait]
impl Pollable for Stderr {
    async fn ready(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_bytes_are_kept() {
        let stderr = Stderr::default();
        for line in 0..1_000 {
            stderr.keep(format!("line {line}\n").as_bytes());
        }
        let last = stderr.last();
        assert!(last.len() <= KEPT_BYTES && last.ends_with("line 999"), "{last}");
        stderr.clear();
        assert_eq!(stderr.last(), "");
    }
}
