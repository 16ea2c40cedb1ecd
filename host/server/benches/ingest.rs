//! How many samples per second go from Prometheus remote-write to a durable SQLite file.

fn main() {}
