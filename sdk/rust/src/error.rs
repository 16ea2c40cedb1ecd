//! Makers of the contract's [`Error`], so that plugins write `Error::invalid_input("...")` and `?`.

use crate::Error;

impl Error {
    /// The input breaks the contract; say which part and what would be right.
    pub fn invalid_input(text: impl Into<String>) -> Self {
        Self::InvalidInput(text.into())
    }

    /// The series is too short or too empty; say how much would be enough.
    pub fn not_enough_data(text: impl Into<String>) -> Self {
        Self::NotEnoughData(text.into())
    }

    /// The saved state is not one of this plugin's, or is damaged.
    pub fn invalid_state(text: impl Into<String>) -> Self {
        Self::InvalidState(text.into())
    }

    /// The thing that is named does not exist.
    pub fn not_found(text: impl Into<String>) -> Self {
        Self::NotFound(text.into())
    }

    /// The operation is not one that this plugin offers.
    pub fn unsupported(text: impl Into<String>) -> Self {
        Self::Unsupported(text.into())
    }

    /// A passing failure: retrying with the same token is right.
    pub fn unavailable(text: impl Into<String>) -> Self {
        Self::Unavailable(text.into())
    }

    /// Anything else; retrying does not help.
    pub fn other(text: impl Into<String>) -> Self {
        Self::Other(text.into())
    }

    /// The text that goes with the error.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::InvalidInput(text)
            | Self::NotEnoughData(text)
            | Self::InvalidState(text)
            | Self::NotFound(text)
            | Self::QuotaExceeded(text)
            | Self::OutOfCapacity(text)
            | Self::Unavailable(text)
            | Self::Unsupported(text)
            | Self::Other(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_what_the_maker_was_given() {
        assert_eq!(Error::not_found("no such instance").text(), "no such instance");
        assert_eq!(Error::invalid_input("x"), Error::InvalidInput("x".to_owned()));
    }
}
