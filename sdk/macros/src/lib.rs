//! Attribute macros of the forewarm plugin SDK.
