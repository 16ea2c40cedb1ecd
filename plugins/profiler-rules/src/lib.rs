//! A first-party forewarm plugin.
