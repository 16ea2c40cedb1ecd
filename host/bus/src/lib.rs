//! The bus of forewarm: subjects and messages, in process and over NATS.
