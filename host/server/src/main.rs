//! The forewarm binary.
fn main() {}
