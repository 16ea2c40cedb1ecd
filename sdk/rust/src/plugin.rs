//! What every plugin says of itself, whatever its kind.

/// The plugin's name, version and summary. The kind's attribute writes this `impl`; nobody else needs to.
pub trait Plugin {
    /// Names it, as its Cargo package is named.
    const NAME: &'static str;
    /// Gives its version, as its Cargo package gives it.
    const VERSION: &'static str;
    /// Says in a sentence what it is for.
    const SUMMARY: &'static str;
}
