//! Receivers of webhooks: good ones, which note what came, and hostile ones.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A delivery as it came.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) id: String,
    pub(crate) timestamp: i64,
    pub(crate) signature: String,
    pub(crate) body: Vec<u8>,
}

/// What a receiver does with a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Answers 204.
    Good,
    /// Answers 500 so many times, then 204.
    FailsFirst(usize),
    /// Never answers.
    Silent,
    /// Answers 200 with a body without end.
    Endless,
    /// Sends the sender on to this port.
    Redirects(u16),
}

pub(crate) struct Receiver {
    pub(crate) port: u16,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Receiver {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, got) = (listener.local_addr().unwrap().port(), Arc::new(Mutex::new(Vec::new())));
        let all = Arc::clone(&got);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, manner, Arc::clone(&all)));
            }
        });
        Self { port, got }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, manner: Manner, all: Arc<Mutex<Vec<Got>>>) {
    let Some(got) = read(&mut stream).await else { return };
    let count = {
        let mut all = all.lock().unwrap();
        all.push(got);
        all.len()
    };
    let answer = match manner {
        Manner::FailsFirst(times) if count <= times => "HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n".to_owned(),
        Manner::Good | Manner::FailsFirst(_) => "HTTP/1.1 204 X\r\n\r\n".to_owned(),
        Manner::Endless => "HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n".to_owned(),
        Manner::Redirects(port) => {
            format!("HTTP/1.1 307 X\r\nlocation: http://127.0.0.1:{port}/\r\ncontent-length: 0\r\n\r\n")
        }
        Manner::Silent => {
            tokio::time::sleep(std::time::Duration::from_secs(600)).await;
            return;
        }
    };
    drop(stream.write_all(answer.as_bytes()).await);
    while manner == Manner::Endless && stream.write_all(b"8\r\nabcdefgh\r\n").await.is_ok() {}
}

async fn read(stream: &mut TcpStream) -> Option<Got> {
    let (mut bytes, mut part) = (Vec::new(), [0; 4_096]);
    loop {
        let count = stream.read(&mut part).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let original = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let header = |name: &str| {
            let line = head.lines().position(|line| line.starts_with(&format!("{name}:")))?;
            original.lines().nth(line)?.split_once(':').map(|(_, value)| value.trim().to_owned())
        };
        let length: usize = header("content-length")?.parse().ok()?;
        if bytes.len() >= end + 4 + length {
            return Some(Got {
                id: header("webhook-id")?,
                timestamp: header("webhook-timestamp")?.parse().ok()?,
                signature: header("webhook-signature")?,
                body: bytes[end + 4..end + 4 + length].to_vec(),
            });
        }
    }
}
