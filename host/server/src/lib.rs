//! The forewarm host.
