//! Pulling: a tag becomes a digest once, and the component is collected in a file that is continued after an
//! interruption and counts only when its digest is right.

use super::artifact::{Artifact, MANIFEST};
use super::body::{self, cause};
use super::client::{Action, Registry};
use super::error::RegistryError;
use crate::digest::Digest;
use reqwest::header::{ACCEPT, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use reqwest::{Method, Response, StatusCode};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;
use tokio::time::{sleep, timeout};

const MAX_MANIFEST_BYTES: u64 = 1 << 20;
/// How long all of a manifest may take.
const MANIFEST_TIMEOUT: Duration = Duration::from_secs(60);
/// How long all of a component may take.
const COMPONENT_TIMEOUT: Duration = Duration::from_secs(900);
/// How often a broken connection is taken up again without anything having come.
const MAX_ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);

/// Why a download stopped.
enum Stopped {
    /// The connection broke; what came is kept.
    Broken(String),
    Refused(RegistryError),
}

impl From<RegistryError> for Stopped {
    fn from(error: RegistryError) -> Self {
        Self::Refused(error)
    }
}

impl Registry {
    /// Asks what the reference stands for. The artifact's reference is pinned by the digest of what came.
    ///
    /// # Errors
    /// [`RegistryError`], also when what came is not what the reference's digest asks for.
    pub async fn resolve(&mut self) -> Result<Artifact, RegistryError> {
        let what = format!("the manifest of {}", self.reference);
        let registry = self.reference.registry.clone();
        let asked = timeout(MANIFEST_TIMEOUT, self.manifest(&what)).await;
        let text = asked.map_err(|_| slow(&registry, MANIFEST_TIMEOUT))??;
        let found = Digest::of(&text);
        if let Some(expected) = self.reference.digest.filter(|expected| *expected != found) {
            return Err(RegistryError::Digest { what, expected, found });
        }
        Artifact::parse(&self.reference.pinned(found), &text)
    }

    async fn manifest(&mut self, what: &str) -> Result<Vec<u8>, RegistryError> {
        let url = self.url(&format!("manifests/{}", self.reference.wanted()))?;
        let response = self.send(Action::Pull, Method::GET, url, |request| request.header(ACCEPT, MANIFEST)).await?;
        let response = body::expect(response, what, &[StatusCode::OK]).await?;
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind: String = kind.chars().filter(|c| !c.is_control()).take(80).collect();
        if kind.starts_with("text/html") {
            return Err(RegistryError::Foreign { what: what.to_owned(), found: format!("a page ({kind})") });
        }
        body::read(response, what, MAX_MANIFEST_BYTES).await
    }

    /// Fetches the component of an artifact by way of the file `partial`, which is continued if it is there and gone
    /// afterwards. Blocks for the time of writing to the disk. Two processes that fetch the same wait for each other.
    ///
    /// # Errors
    /// [`RegistryError`]; only where the connection broke does `partial` stay.
    pub async fn fetch(&mut self, artifact: &Artifact, partial: &Path, max: u64) -> Result<Vec<u8>, RegistryError> {
        if artifact.bytes > max {
            let what = format!("the component of {}", artifact.reference);
            return Err(RegistryError::TooLarge { what, bytes: artifact.bytes, max });
        }
        let mut file = open(partial).map_err(|cause| file_error(partial, cause))?;
        let registry = artifact.reference.registry.clone();
        let collected = timeout(COMPONENT_TIMEOUT, self.collect(artifact, partial, &mut file)).await;
        let collected = collected.map_err(|_| slow(&registry, COMPONENT_TIMEOUT)).and_then(|collected| collected);
        if !matches!(collected, Err(RegistryError::Interrupted { .. } | RegistryError::Unreachable { .. })) {
            std::fs::remove_file(partial).map_err(|cause| file_error(partial, cause))?;
        }
        collected
    }

    /// Until all is there and right. What was there before may be damaged: then it is fetched once more from the start.
    async fn collect(&mut self, artifact: &Artifact, path: &Path, file: &mut File) -> Result<Vec<u8>, RegistryError> {
        let continued = length(file, path)?;
        if continued > artifact.bytes {
            restart(file, path)?;
        }
        self.receive(artifact, path, file).await?;
        match verified(artifact, path, file) {
            Err(RegistryError::Digest { .. }) if continued > 0 => {
                restart(file, path)?;
                self.receive(artifact, path, file).await?;
                verified(artifact, path, file)
            }
            verdict => verdict,
        }
    }

    /// Until as many bytes are there as the manifest says.
    async fn receive(&mut self, artifact: &Artifact, path: &Path, file: &mut File) -> Result<(), RegistryError> {
        let mut in_vain = 0;
        loop {
            let before = length(file, path)?;
            if before == artifact.bytes && before > 0 {
                return Ok(());
            }
            match self.receive_once(artifact, path, file, before).await {
                Ok(()) => return Ok(()),
                Err(Stopped::Refused(error)) => return Err(error),
                Err(Stopped::Broken(cause)) => {
                    let received = length(file, path)?;
                    in_vain = if received > before { 0 } else { in_vain + 1 };
                    if in_vain >= MAX_ATTEMPTS {
                        return Err(RegistryError::Interrupted { received, expected: artifact.bytes, cause });
                    }
                }
            }
            sleep(PAUSE).await;
        }
    }

    async fn receive_once(
        &mut self,
        artifact: &Artifact,
        path: &Path,
        file: &mut File,
        from: u64,
    ) -> Result<(), Stopped> {
        let what = format!("the component of {}", artifact.reference);
        let url = self.url(&format!("blobs/{}", artifact.component))?;
        let sent = self.send(Action::Pull, Method::GET, url, |request| {
            if from > 0 { request.header(RANGE, format!("bytes={from}-")) } else { request }
        });
        let response = match sent.await {
            Err(RegistryError::Unreachable { cause, .. }) => return Err(Stopped::Broken(cause)),
            sent => sent?,
        };
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            restart(file, path)?;
            return Err(Stopped::Broken("the registry does not know that part".into()));
        }
        let response = body::expect(response, &what, &[StatusCode::OK, StatusCode::PARTIAL_CONTENT]).await?;
        let goes_on = response.status() == StatusCode::PARTIAL_CONTENT && begins_at(&response, from);
        let from = if goes_on { from } else { 0 };
        if !goes_on {
            restart(file, path)?;
        }
        append(response, &what, artifact.bytes, from, path, file).await
    }
}

/// Writes what comes, never more than is to come.
async fn append(
    mut response: Response,
    what: &str,
    expected: u64,
    from: u64,
    path: &Path,
    file: &mut File,
) -> Result<(), Stopped> {
    let wrong_size = |found| RegistryError::Size { what: what.to_owned(), expected, found };
    let mut received = from;
    if let Some(found) = response.content_length().map(|rest| from.saturating_add(rest)).filter(|all| *all != expected)
    {
        return Err(wrong_size(found).into());
    }
    while let Some(chunk) = response.chunk().await.map_err(|error| Stopped::Broken(cause(&error)))? {
        received += chunk.len() as u64;
        if received > expected {
            return Err(wrong_size(received).into());
        }
        file.write_all(&chunk).map_err(|cause| file_error(path, cause))?;
    }
    if received < expected { Err(Stopped::Broken("it ended early".into())) } else { Ok(()) }
}

/// `Content-Range: bytes FROM-TO/ALL`.
fn begins_at(response: &Response, from: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let begin = range.and_then(|range| range.strip_prefix("bytes ")).and_then(|range| range.split('-').next());
    begin.and_then(|begin| begin.parse().ok()) == Some(from)
}

/// One process at a time writes to it; an unfinished one is continued.
fn open(path: &Path) -> io::Result<File> {
    loop {
        let mut file = File::options().create(true).truncate(false).read(true).write(true).open(path)?;
        file.lock()?;
        // Who had it before us has removed it when done: then ours has no name any more.
        let (ours, named) = (file.metadata()?, std::fs::metadata(path));
        if named.is_ok_and(|named| {
            std::os::unix::fs::MetadataExt::ino(&named) == std::os::unix::fs::MetadataExt::ino(&ours)
        }) {
            file.seek(SeekFrom::End(0))?;
            return Ok(file);
        }
    }
}

fn length(file: &File, path: &Path) -> Result<u64, RegistryError> {
    file.metadata().map(|metadata| metadata.len()).map_err(|cause| file_error(path, cause))
}

fn restart(file: &mut File, path: &Path) -> Result<(), RegistryError> {
    file.set_len(0).and_then(|()| file.rewind()).map_err(|cause| file_error(path, cause))
}

fn verified(artifact: &Artifact, path: &Path, file: &mut File) -> Result<Vec<u8>, RegistryError> {
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).map_err(|cause| file_error(path, cause))?;
    let what = format!("the component of {}", artifact.reference);
    let (expected, found) = (artifact.component, Digest::of(&bytes));
    if found == expected { Ok(bytes) } else { Err(RegistryError::Digest { what, expected, found }) }
}

fn file_error(path: &Path, cause: io::Error) -> RegistryError {
    RegistryError::File { path: path.to_owned(), cause }
}

fn slow(registry: &str, limit: Duration) -> RegistryError {
    let cause = format!("it took more than {} seconds", limit.as_secs());
    RegistryError::Unreachable { registry: registry.to_owned(), cause }
}
