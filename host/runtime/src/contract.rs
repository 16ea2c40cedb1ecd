//! Which versions of the WIT package `forewarm:plugin` this host serves. The package's version is that of the first
//! forewarm that serves it, so that a component tells by its imports and exports which host it needs.

use crate::error::LoadError;

/// Major and minor version: what a minor version has is never changed, so that all of its patches are served.
type Minor = (u64, u64);

#[cfg(not(feature = "next-contract"))]
const SERVED: &[Minor] = &[(0, 1)];
#[cfg(feature = "next-contract")]
const SERVED: &[Minor] = &[(0, 1), (0, 2)];

/// Whether an import or export of the package, such as `forewarm:plugin/host@0.1.0`, is of a version that is served.
///
/// # Errors
/// [`LoadError::NeedsNewerHost`], [`LoadError::OldContract`], or [`LoadError::ContractVersion`] where there is none.
pub(crate) fn check(interface: &str) -> Result<(), LoadError> {
    check_among(SERVED, interface)
}

fn check_among(served: &[Minor], interface: &str) -> Result<(), LoadError> {
    let malformed = || LoadError::ContractVersion { interface: interface.to_owned() };
    let version = interface.split_once('@').map(|(_, version)| version).ok_or_else(malformed)?;
    let minor = minor(version).ok_or_else(malformed)?;
    if served.contains(&minor) {
        return Ok(());
    }
    let (version, served_here) = (version.to_owned(), shown(served));
    match served.last() {
        Some(newest) if minor > *newest => Err(LoadError::NeedsNewerHost { version, served: served_here }),
        _ => Err(LoadError::OldContract { version, served: served_here }),
    }
}

fn minor(version: &str) -> Option<Minor> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn shown(served: &[Minor]) -> String {
    served.iter().map(|(major, minor)| format!("{major}.{minor}")).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(interface: &str) -> Result<(), String> {
        check_among(&[(0, 1), (0, 3)], interface).map_err(|error| error.to_string())
    }

    #[test]
    fn a_served_minor_version_is_served_in_all_its_patches() {
        for good in ["forewarm:plugin/host@0.1.0", "forewarm:plugin/host@0.1.7", "forewarm:plugin/host@0.3.0"] {
            assert_eq!(check(good), Ok(()));
        }
    }

    #[test]
    fn others_are_told_which_host_they_need() {
        let newer = "needs forewarm >= 0.4.0 (contract forewarm:plugin@0.4.0); this host serves 0.1 and 0.3";
        assert_eq!(check("forewarm:plugin/host@0.4.0"), Err(newer.to_owned()));
        let older = "was built for contract forewarm:plugin@0.2.1, which this host does not serve any more; it serves 0.1 and \
                     0.3: build it again with a newer SDK";
        assert_eq!(check("forewarm:plugin/host@0.2.1"), Err(older.to_owned()));
        assert!(check("forewarm:plugin/host@1.0.0").is_err_and(|error| error.starts_with("needs forewarm >= 1.0.0")));
        assert!(check("forewarm:plugin/host").is_err_and(|error| error.contains("without a version")));
    }
}
