//! Servers that answer as a test wants, byte by byte, and remember what they were sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

/// What a server does with each request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Sends this and waits for the next request.
    Text(String),
    /// Sends this after that time.
    Late(Duration, String),
    /// Sends the first once and the second for ever, with this pause.
    Endless(String, String, Duration),
    /// Sends this and closes the connection.
    Close(String),
}

/// A response with a body and its length.
pub(crate) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// A running server; it ends when it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Debug, Default)]
struct Seen {
    connections: usize,
    requests: Vec<String>,
}

impl Server {
    pub(crate) async fn start(answer: Answer) -> Self {
        Self::with(answer, None).await
    }

    pub(crate) async fn with(answer: Answer, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (address, seen) = (listener.local_addr().expect("bound"), Arc::<Mutex<Seen>>::default());
        let told = Arc::clone(&seen);
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            let mut connections = Vec::new();
            loop {
                let (stream, _) = listener.accept().await.expect("accepts");
                told.lock().unwrap_or_else(PoisonError::into_inner).connections += 1;
                let (answer, told, tls) = (answer.clone(), Arc::clone(&told), tls.clone());
                connections.push(AbortOnDropHandle::new(tokio::spawn(async move {
                    match tls {
                        None => drop(serve(stream, answer, told).await),
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                drop(serve(stream, answer, told).await);
                            }
                        }
                    }
                })));
            }
        }));
        Self { address, seen, _task: task }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Every request so far, head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).requests.clone()
    }

    /// Every connection so far.
    pub(crate) fn connections(&self) -> usize {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).connections
    }
}

async fn serve<S>(mut stream: S, answer: Answer, seen: Arc<Mutex<Seen>>) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(request) = read(&mut stream).await? {
        seen.lock().unwrap_or_else(PoisonError::into_inner).requests.push(request);
        match &answer {
            Answer::Text(text) => stream.write_all(text.as_bytes()).await?,
            Answer::Late(after, text) => {
                sleep(*after).await;
                stream.write_all(text.as_bytes()).await?;
            }
            Answer::Endless(first, again, pause) => {
                stream.write_all(first.as_bytes()).await?;
                loop {
                    stream.write_all(again.as_bytes()).await?;
                    stream.flush().await?;
                    sleep(*pause).await;
                }
            }
            Answer::Close(text) => {
                stream.write_all(text.as_bytes()).await?;
                return stream.shutdown().await;
            }
        }
        stream.flush().await?;
    }
    Ok(())
}

/// One request with its body, whose length its head has to tell.
async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> std::io::Result<Option<String>> {
    let mut text = Vec::new();
    let head = loop {
        if let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut text).await? == 0 {
            return Ok(None);
        }
    };
    let length = String::from_utf8_lossy(&text[..head]).lines().find_map(|line| {
        line.strip_prefix("content-length: ").map(|length| length.parse::<usize>().expect("a length"))
    });
    while text.len() < head + length.unwrap_or(0) {
        if stream.read_buf(&mut text).await? == 0 {
            break;
        }
    }
    Ok(Some(String::from_utf8_lossy(&text).into_owned()))
}
