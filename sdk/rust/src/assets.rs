//! Files that the operator grants a plugin, such as the weights of a model. The plugin's manifest must name the capability
//! `assets` and the files' names: `capabilities = ["assets"], assets = ["weights"]`. A file has at most 64 MiB.

use crate::Error;
use crate::bindings::assets::forewarm::assets::assets as wit;

/// What one call of the host gives at most.
#[cfg(target_arch = "wasm32")]
const READ_BYTES_MAX: u32 = 1 << 20;

impl From<wit::AssetError> for Error {
    fn from(error: wit::AssetError) -> Self {
        match error {
            wit::AssetError::NotGranted(text) => Self::NotFound(text),
            wit::AssetError::NotDeclared(text) => Self::Unsupported(text),
            wit::AssetError::Limit(text) => Self::Other(format!("the plugin's asset is over a limit: {text}")),
        }
    }
}

/// Reads all of a file, page by page.
///
/// # Errors
/// [`Error::NotFound`] where the operator grants no file of this name, [`Error::Unsupported`] where the manifest does not
/// name it.
pub fn read(name: &str) -> Result<Vec<u8>, Error> {
    #[cfg(target_arch = "wasm32")]
    return read_pages(name);
    #[cfg(not(target_arch = "wasm32"))]
    return crate::testing::asset(name).map_err(Error::from);
}

/// Reads all of a file; `None` where the operator grants none of this name.
///
/// # Errors
/// As [`read`], but for a file that is not granted.
pub fn read_granted(name: &str) -> Result<Option<Vec<u8>>, Error> {
    match read(name) {
        Err(Error::NotFound(_)) => Ok(None),
        other => other.map(Some),
    }
}

#[cfg(target_arch = "wasm32")]
fn read_pages(name: &str) -> Result<Vec<u8>, Error> {
    let size = usize::try_from(wit::describe(name)?.size)
        .map_err(|_| Error::other(format!("the asset {name} does not fit the plugin's memory")))?;
    let mut bytes = Vec::with_capacity(size);
    while bytes.len() < size {
        let page = wit::read(name, bytes.len() as u64, READ_BYTES_MAX)?;
        if page.is_empty() {
            return Err(Error::other(format!("the asset {name} ended at {} of {size} bytes", bytes.len())));
        }
        bytes.extend_from_slice(&page);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn granted_files_are_read_and_others_are_not_found() {
        testing::set_asset("weights", vec![1, 2, 3]);
        assert_eq!(read("weights"), Ok(vec![1, 2, 3]));
        assert_eq!(read_granted("weights"), Ok(Some(vec![1, 2, 3])));
        assert!(matches!(read("other"), Err(Error::NotFound(text)) if text.contains("`other`")));
        assert_eq!(read_granted("other"), Ok(None));
    }
}
