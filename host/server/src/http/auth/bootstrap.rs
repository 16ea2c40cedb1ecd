//! The first start: an administrator's token is made and written where the command line finds it.

use super::book::{NewToken, TokenBook, TokenError};
use crate::store::Scope;
use forewarm_domain::time::TimestampMs;
use forewarm_web::write_for_owner;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Why there is no administrator's token.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The file cannot be written.
    #[error("the administrator's token cannot be written to {}: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        cause: std::io::Error,
    },
    /// The token cannot be made.
    #[error("no administrator's token could be made: {0}")]
    Token(#[from] TokenError),
}

/// Makes an administrator's token where there is none, and writes its secret to `file`, readable by its owner only.
/// Gives whether one was made.
///
/// # Errors
/// [`BootstrapError`]; a token whose secret could not be written is revoked again.
pub async fn ensure_admin(book: &TokenBook, file: &Path, now: TimestampMs) -> Result<bool, BootstrapError> {
    if book.has_admin(now) {
        return Ok(false);
    }
    // A name of its own, so that an installation whose tokens all ended can be opened again.
    let count = book.list().iter().filter(|token| token.name.starts_with("admin")).count();
    let name = if count == 0 { "admin".to_owned() } else { format!("admin-{}", count + 1) };
    // The file comes first: a token that nobody knows the secret of would lock everybody out.
    let mut target = write_for_owner(file).map_err(|cause| BootstrapError::File { path: file.to_owned(), cause })?;
    let new = NewToken { name, scope: Scope::Admin, tenant: None, lifetime_s: None };
    let (_, secret) = book.create(new, now).await?;
    let written = writeln!(target, "{}", secret.expose()).and_then(|()| target.sync_all());
    written.map_err(|cause| BootstrapError::File { path: file.to_owned(), cause })?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::auth::Secret;
    use crate::store::{Store, StoreConfig};

    #[tokio::test]
    async fn the_first_start_writes_a_token_that_works() {
        let store = Store::open(&StoreConfig::new("sqlite::memory:")).await.expect("opens");
        let book = TokenBook::open(store).await.expect("reads");
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("admin.token");
        let now = TimestampMs(0);
        assert!(ensure_admin(&book, &file, now).await.expect("made"));
        assert!(!ensure_admin(&book, &file, now).await.expect("nothing to do"));
        let text = std::fs::read_to_string(&file).expect("written");
        let secret = Secret::parse(text.trim()).expect("a secret");
        assert_eq!(book.find(&secret, now).await.map(|token| token.scope), Some(Scope::Admin));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
        }
    }
}
