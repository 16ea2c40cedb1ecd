//! HTTP/1.1 over one kept connection, with blocking sockets: as little work per request as can be, because the
//! generator of the load shares the processors with the host that it measures.

use crate::Result;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// The host gives up a request after 30 s; only a broken one is slower.
const PATIENCE: Duration = Duration::from_secs(60);
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// A connection that stays open between requests.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer; its body lies in the connection's buffer until the next request.
pub(crate) struct Answer<'c> {
    /// The status code.
    pub(crate) status: u16,
    /// The body's bytes.
    pub(crate) body: &'c [u8],
}

impl Connection {
    /// Connects to `address` (`host:port`).
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 << 10) })
    }

    /// Sends one whole request, head and body, and reads the answer.
    ///
    /// # Errors
    /// The system's, or an answer that is not HTTP with a known length.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request)?;
        self.buffer.clear();
        let head_end = loop {
            let seen = self.buffer.len().saturating_sub(END_OF_HEAD.len() - 1);
            self.read_more()?;
            let found = self.buffer[seen..].windows(END_OF_HEAD.len()).position(|window| window == END_OF_HEAD);
            if let Some(position) = found {
                break seen + position + END_OF_HEAD.len();
            }
        };
        let (status, length) = parse_head(&self.buffer[..head_end])?;
        while self.buffer.len() < head_end + length {
            self.read_more()?;
        }
        Ok(Answer { status, body: &self.buffer[head_end..head_end + length] })
    }

    fn read_more(&mut self) -> Result<()> {
        let mut chunk = [0; 16 << 10];
        match self.stream.read(&mut chunk)? {
            0 => Err("the host closed the connection".into()),
            count => {
                self.buffer.extend_from_slice(&chunk[..count]);
                Ok(())
            }
        }
    }
}

/// Status and length of the body.
fn parse_head(head: &[u8]) -> Result<(u16, usize)> {
    let text = std::str::from_utf8(head)?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).ok_or("the answer has no status")?.parse()?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse())
    });
    match length {
        Some(length) => Ok((status, length?)),
        None if status == 204 => Ok((status, 0)),
        None => Err(format!("the answer {status} has no content-length").into()),
    }
}

/// A whole request with `headers` (`name: value` lines, each ended by `\r\n`).
pub(crate) fn request(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("{method} {path} HTTP/1.1\r\nhost: forewarm\r\n{headers}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}
