//! How what a plugin learned becomes bytes and comes back.
//!
//! The glue around a plugin seals the bytes with the plugin's name, its version and a checksum; a plugin therefore only
//! ever restores what it saved itself, undamaged.

use crate::{Error, Plugin};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A state that can be saved. Every type that derives `Serialize` and `Deserialize` has it already; a type that does
/// not may implement it by hand, for a more compact form.
pub trait Snapshot: Sized {
    /// Gives the state as bytes.
    ///
    /// # Errors
    /// [`Error::Other`] when the state can't be written.
    fn to_bytes(&self) -> Result<Vec<u8>, Error>;

    /// Builds the state from what [`Snapshot::to_bytes`] gave.
    ///
    /// # Errors
    /// [`Error::InvalidState`] when the bytes do not fit.
    fn from_bytes(bytes: &[u8]) -> Result<Self, Error>;
}

impl<T: Serialize + DeserializeOwned> Snapshot for T {
    fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        postcard::to_allocvec(self).map_err(|error| Error::other(format!("the state could not be written: {error}")))
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        postcard::from_bytes(bytes)
            .map_err(|error| Error::invalid_state(format!("the saved state could not be read: {error}")))
    }
}

/// Length of the seal: a hash of name and version, and a checksum of what follows, both 64 bits.
const SEAL: usize = 16;

/// Saves `state` under the seal of plugin `P`.
pub(crate) fn seal<P: Plugin, S: Snapshot>(state: &S) -> Result<Vec<u8>, Error> {
    let payload = state.to_bytes()?;
    let mut sealed = Vec::with_capacity(SEAL + payload.len());
    sealed.extend_from_slice(&identity::<P>().to_le_bytes());
    sealed.extend_from_slice(&fnv1a(&payload).to_le_bytes());
    sealed.extend_from_slice(&payload);
    Ok(sealed)
}

/// Restores what [`seal`] saved.
pub(crate) fn open<P: Plugin, S: Snapshot>(sealed: &[u8]) -> Result<S, Error> {
    let (Some(identity_bytes), Some(checksum), Some(payload)) =
        (sealed.get(..8), sealed.get(8..SEAL), sealed.get(SEAL..))
    else {
        return Err(Error::invalid_state(format!("a saved state has at least {SEAL} bytes, got {}", sealed.len())));
    };
    if identity_bytes != identity::<P>().to_le_bytes() {
        return Err(Error::invalid_state(format!("it was not saved by {} {}: fit again", P::NAME, P::VERSION)));
    }
    if checksum != fnv1a(payload).to_le_bytes() {
        return Err(Error::invalid_state("its checksum does not fit: it was damaged; fit again"));
    }
    S::from_bytes(payload)
}

fn identity<P: Plugin>() -> u64 {
    fnv1a(format!("{}@{}", P::NAME, P::VERSION).as_bytes())
}

/// FNV-1a in 64 bits, over 8-byte words and then the rest: it finds damage, it is no defence against forgery.
fn fnv1a(bytes: &[u8]) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01B3;
    let (words, rest) = bytes.as_chunks::<8>();
    let hash = words.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, word| {
        let mixed = (hash ^ u64::from_le_bytes(*word)).wrapping_mul(PRIME);
        mixed ^ (mixed >> 32)
    });
    rest.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct One;
    impl Plugin for One {
        const NAME: &'static str = "one";
        const VERSION: &'static str = "0.1.0";
        const SUMMARY: &'static str = "";
    }
    struct Two;
    impl Plugin for Two {
        const NAME: &'static str = "one";
        const VERSION: &'static str = "0.2.0";
        const SUMMARY: &'static str = "";
    }

    fn sealed() -> Vec<u8> {
        seal::<One, _>(&vec![1.5_f64, 2.5]).expect("a vector can be written")
    }

    #[test]
    fn what_was_saved_comes_back() {
        assert_eq!(open::<One, Vec<f64>>(&sealed()), Ok(vec![1.5, 2.5]));
    }

    #[test]
    fn another_version_and_any_damaged_byte_are_refused() {
        assert!(matches!(open::<Two, Vec<f64>>(&sealed()), Err(Error::InvalidState(_))));
        for at in 0..sealed().len() {
            let mut damaged = sealed();
            damaged[at] ^= 0x10;
            assert!(matches!(open::<One, Vec<f64>>(&damaged), Err(Error::InvalidState(_))), "byte {at}");
        }
    }

    #[test]
    fn short_states_are_refused() {
        assert!(matches!(open::<One, Vec<f64>>(&[1, 2, 3]), Err(Error::InvalidState(_))));
    }
}
